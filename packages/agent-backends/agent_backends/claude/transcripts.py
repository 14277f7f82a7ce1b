"""Where Claude Code keeps its conversations, to tell one that is not there from one that cannot be resumed."""

from collections.abc import Mapping
from pathlib import Path


def has_transcript(session_id: str, environment: Mapping[str, str]) -> bool:
    """Whether this machine and user have the conversation, whichever folder it was held in."""
    home = environment.get("HOME")
    config_dir = environment.get("CLAUDE_CONFIG_DIR") or (f"{home}/.claude" if home else None)
    if config_dir is None or "/" in session_id:
        return False
    # Compared by name: an id is no pattern, whatever characters it holds.
    wanted = f"{session_id}.jsonl"
    return any(path.name == wanted for path in Path(config_dir, "projects").glob("*/*.jsonl"))
