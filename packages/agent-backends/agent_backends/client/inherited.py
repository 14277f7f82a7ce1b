"""Variables by which a client tells its own tools where they run.

An agent that is run by an agent is a whole agent of its own, not a part of the one around it.
"""

from collections.abc import Mapping
from typing import Final

_OF_CLIENTS: Final = frozenset(
    {
        *("CLAUDECODE", "CLAUDE_CODE_CHILD_NOTES_DIR", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_ENTRYPOINT"),
        *("CLAUDE_CODE_EXECPATH", "CLAUDE_CODE_MESSAGING_SOCKET", "CLAUDE_CODE_MESSAGING_TOKEN"),
        *("CLAUDE_CODE_SESSION_ATTENDED", "CLAUDE_CODE_SESSION_ID", "CLAUDE_EFFORT", "CLAUDE_PID"),
        *("CODEX_SESSION_ID", "CODEX_THREAD_ID", "CODEX_TOOL_CALL_ID", "GEMINI_CLI", "OPENCODE", "OPENCODE_PID"),
    }
)


def without_clients(environment: Mapping[str, str]) -> dict[str, str]:
    """Copy an environment without what a client around this process has said about itself."""
    return {name: value for name, value in environment.items() if name not in _OF_CLIENTS}
