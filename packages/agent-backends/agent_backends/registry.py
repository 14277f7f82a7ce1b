"""The kinds of agents there are, each imported only when it is asked for."""

from agent_backends.protocol import Backend


class BackendMissingError(Exception):
    """No such kind of agent can run on this machine."""


def load_backend(name: str) -> Backend:
    """Return the backend that blueprints call `name`.

    Errors:  BackendMissingError, if there is none of that name or what it needs is not installed.
    """
    # Imported one by one and late: the Claude SDK alone takes a second, which no other agent should pay for.
    match name:
        case "command":
            from agent_backends.command.backend import CommandBackend

            return CommandBackend()
        case "acp":
            from agent_backends.acp.backend import AcpBackend

            return AcpBackend()
        case "claude":
            try:
                from agent_backends.claude.backend import ClaudeBackend
            except ImportError as cause:
                raise BackendMissingError(
                    f"cannot load backend 'claude': {cause} (install agent-backends with its extra 'claude')"
                ) from cause
            return ClaudeBackend()
        case "codex":
            from agent_backends.codex.backend import CodexBackend

            return CodexBackend()
        case "gemini":
            from agent_backends.gemini.backend import GeminiBackend

            return GeminiBackend()
        case _:
            raise BackendMissingError(
                f"cannot load backend {name!r}: expected 'acp', 'claude', 'codex', 'command' or 'gemini'"
            )
