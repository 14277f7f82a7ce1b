"""What an edit would change, as people read it: a unified diff."""

from pathlib import Path

from runtime_client.wire import JsonObject

FILE_BYTES_MAX = 512 * 1024
DIFF_CHARACTERS_MAX = 200_000


def change_shown(tool: str, given: JsonObject) -> str | None:
    """Return the diff of a call that edits a file; None for any other one, and where it cannot be told."""
    path = given.get("file_path")
    if not isinstance(path, str):
        return None
    old, new = given.get("old_string"), given.get("new_string")
    if isinstance(old, str) and isinstance(new, str):
        return unified(path, old, new)
    content = given.get("content")
    if tool == "Write" and isinstance(content, str):
        return unified(path, _content_of(path), content)
    return None


def unified(path: str, old: str, new: str) -> str:
    """Return the change of one text into another."""
    # Imported late: few ask about an edit.
    import difflib

    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), path, path, lineterm="")
    return "\n".join(lines)[:DIFF_CHARACTERS_MAX]


def _content_of(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(FILE_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""
