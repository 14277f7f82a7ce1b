"""From a turn to a command line: which client, which arguments, which files beside them."""

import importlib.util
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent_backends.blueprint import Bubblewrap
from agent_backends.claude.options import ClaudeOptions, SystemPromptMode
from agent_backends.client.inherited import without_clients
from agent_backends.client.private_files import write_private
from agent_backends.protocol import CannotRunError, Turn
from runtime_client.reasons import Reason
from runtime_client.wire import Json, UnexpectedAnswerError


@dataclass(frozen=True)
class Launch:
    """Everything that a client process is started with, and whether the prompt is sent to it as it stands."""

    command: tuple[str, ...]
    environment: dict[str, str]
    takes_prompt_verbatim: bool


def prepare_launch(turn: Turn, private_dir: Path) -> Launch:
    """Decide how the client is started for one turn, and write the files that it reads.

    Errors:  CannotRunError, if the client is missing or the turn asks for what it would refuse.
    """
    if not Path(turn.working_folder).is_dir():
        raise CannotRunError(
            Reason.INVALID_PARAMETERS,
            f"cannot run agent {turn.blueprint.name!r}: project directory '{turn.project_dir}' is no directory here",
        )
    options = _read_options(turn)
    if not isinstance(turn.blueprint.sandbox, Bubblewrap):
        _refuse_bypass_as_root(options, turn.environment)
    command = (
        find_client(options, turn.environment),
        *("--output-format", "stream-json", "--input-format", "stream-json", "--verbose"),
        *_conversation_arguments(turn),
        *_permission_arguments(options, asks=turn.people is not None),
        *_isolation_arguments(options),
        *_system_prompt_arguments(turn, options, private_dir),
        *_mcp_arguments(turn, private_dir),
        *_model_arguments(turn, options),
    )
    return Launch(command, _environment(turn), options.takes_prompt_verbatim)


def find_client(options: ClaudeOptions, environment: Mapping[str, str]) -> str:
    """Return the client to run: the blueprint's own, else the SDK's, else the one on PATH.

    Errors:  CannotRunError, if there is none.
    """
    if options.client_path:
        return options.client_path
    # The SDK is found without importing it: of all that it holds, only its client is used.
    spec = importlib.util.find_spec("claude_agent_sdk")
    if spec is None or spec.origin is None:
        raise CannotRunError(
            Reason.BACKEND_MISSING,
            "cannot run Claude Code: the package 'claude-agent-sdk' is not installed "
            "(install agent-backends with its extra 'claude')",
        )
    bundled = Path(spec.origin).parent / "_bundled" / "claude"
    found = str(bundled) if bundled.is_file() else shutil.which("claude", path=environment.get("PATH"))
    if found is None:
        raise CannotRunError(
            Reason.BACKEND_MISSING,
            f"cannot run Claude Code: no client at '{bundled}' and no 'claude' on PATH "
            "(install a claude-agent-sdk wheel for this platform, or Claude Code itself)",
        )
    return found


def _read_options(turn: Turn) -> ClaudeOptions:
    try:
        return ClaudeOptions.read(turn.blueprint.options, turn.blueprint.limits)
    except UnexpectedAnswerError as error:
        raise CannotRunError(
            Reason.INVALID_PARAMETERS,
            f"cannot run agent {turn.blueprint.name!r}: an option in its agent.json is wrong: {error}",
        ) from error


def _refuse_bypass_as_root(options: ClaudeOptions, environment: Mapping[str, str]) -> None:
    if options.permission_mode == "bypassPermissions" and os.geteuid() == 0 and not environment.get("IS_SANDBOX"):
        # Claude Code refuses this itself. Whether the machine is a sandbox is for its owner to say, not for us.
        raise CannotRunError(
            Reason.INVALID_PARAMETERS,
            "cannot run Claude Code as root with permission mode 'bypassPermissions': run the launcher as another "
            "user, or set IS_SANDBOX=1 in its environment if this machine is a sandbox",
        )


def _conversation_arguments(turn: Turn) -> list[str]:
    # One token each: the client would take a value that begins with a dash for a flag of its own.
    return [f"--resume={turn.backend_session_id}"] if turn.backend_session_id else []


def _permission_arguments(options: ClaudeOptions, *, asks: bool) -> list[str]:
    arguments = ["--permission-mode", options.permission_mode]
    if asks:
        # What it would ask a person at its terminal it asks us, on the same line as all else.
        arguments += ["--permission-prompt-tool", "stdio"]
    if options.allowed_tools:
        arguments += ["--allowedTools", ",".join(options.allowed_tools)]
    if options.disallowed_tools:
        arguments += ["--disallowedTools", ",".join(options.disallowed_tools)]
    return arguments


def _isolation_arguments(options: ClaudeOptions) -> list[str]:
    # Without this the client runs the hooks and starts the MCP servers of any project it is pointed at, unasked.
    sources = f"--setting-sources={','.join(options.setting_sources)}"
    return [sources] if options.loads_other_mcp_servers else [sources, "--strict-mcp-config"]


def _system_prompt_arguments(turn: Turn, options: ClaudeOptions, private_dir: Path) -> list[str]:
    if not turn.blueprint.system_prompt:
        return []
    flag = {
        SystemPromptMode.APPEND: "--append-system-prompt-file",
        SystemPromptMode.REPLACE: "--system-prompt-file",
    }[options.system_prompt_mode]
    path = write_private(private_dir / "system-prompt.md", turn.blueprint.system_prompt)
    # No snapshot: a resumed session follows the blueprint as it is now, not as it was at the session's first turn.
    return [flag, path, "--system-prompt-snapshot", "off"]


def _mcp_arguments(turn: Turn, private_dir: Path) -> list[str]:
    if not turn.blueprint.mcp_servers:
        return []
    servers: Json = {"mcpServers": turn.blueprint.mcp_servers}
    # The client fills in the `${VAR}` that are left, from its environment: no secret has to be on the disk either.
    return ["--mcp-config", write_private(private_dir / "mcp.json", json.dumps(servers))]


def _model_arguments(turn: Turn, options: ClaudeOptions) -> list[str]:
    wanted = {
        "--model": turn.blueprint.model,
        "--fallback-model": options.fallback_model,
        "--effort": options.effort,
        "--max-turns": options.max_turns,
        "--max-budget-usd": options.max_cost_usd,
    }
    return [part for flag, value in wanted.items() if value is not None for part in (flag, str(value))]


def _environment(turn: Turn) -> dict[str, str]:
    environment = without_clients(turn.environment)
    # The client says when it is idle, which is later than a turn's result if a subagent still works in the background.
    if isinstance(turn.blueprint.sandbox, Bubblewrap):
        environment["IS_SANDBOX"] = "1"
    return environment | {
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
        "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS": "1",
        "PWD": str(turn.project_dir),
    }
