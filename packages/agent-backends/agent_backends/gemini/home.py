"""A home folder for one turn: the user's own Gemini CLI, with a blueprint's settings laid over the user's.

There is no other way in: the client takes servers from its settings alone, and the places for a system's settings have
to be root's.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from agent_backends.client.private_files import write_private
from runtime_client.wire import Json, JsonObject, UnexpectedAnswerError

FOLDER = ".gemini"
SETTINGS = "settings.json"
# Made here if they are not there: what is made inside would be gone with the turn, conversations first.
_KEPT_FOLDERS = ("tmp", "history")


class HomeOfTurn:
    """A folder whose entries are links to the user's, but for the settings."""

    def __init__(self, own: Path, private_dir: Path) -> None:
        self._own = own
        self.path = private_dir / "home"

    def make(self, settings: JsonObject) -> None:
        """Make it.

        Errors:  UnexpectedAnswerError, if the user's settings cannot be read.
        """
        inside = self.path / FOLDER
        inside.mkdir(parents=True, mode=0o700)
        for name in _KEPT_FOLDERS:
            (self._own / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        for entry in self._own.iterdir():
            if entry.name != SETTINGS:
                (inside / entry.name).symlink_to(entry)
        write_private(inside / SETTINGS, json.dumps(_laid_over(self._own_settings(), settings)))

    def give_back(self) -> None:
        """Bring to the user what the client has written anew, such as a login that was refreshed."""
        inside = self.path / FOLDER
        for entry in inside.iterdir() if inside.is_dir() else ():
            if entry.is_symlink() or entry.name == SETTINGS:
                continue
            target = self._own / entry.name
            if entry.is_file():
                # Beside its place first: it may be on another disk, and a reader is to see the old one or the new one.
                beside = target.with_name(f".{entry.name}.new")
                shutil.copy2(entry, beside)
                beside.replace(target)
            elif not target.exists():
                shutil.move(entry, target)

    def _own_settings(self) -> JsonObject:
        try:
            found: Json = json.loads((self._own / SETTINGS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as cause:
            found_instead = f"'{self._own / SETTINGS}', which is no plain JSON: {cause}"
            raise UnexpectedAnswerError(f"MCP servers and settings cannot be laid over {found_instead}") from cause
        return found if isinstance(found, Mapping) else {}


def _laid_over(below: JsonObject, above: JsonObject) -> dict[str, Json]:
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            merged[name] = _laid_over(under, value)
        else:
            merged[name] = value
    return merged
