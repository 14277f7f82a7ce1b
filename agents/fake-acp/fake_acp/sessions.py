"""Its conversations, one file for each, in `$FAKE_ACP_STATE` or `~/.local/state/fake-acp`."""

import json
import os
import uuid
from pathlib import Path


class Sessions:
    """Keeps the prompts, the answers and the cost of each conversation."""

    def __init__(self) -> None:
        chosen = os.environ.get("FAKE_ACP_STATE")
        self._folder = Path(chosen) if chosen else Path.home() / ".local/state/fake-acp"

    def new(self) -> dict:
        """Return a conversation that is not kept yet."""
        return {"id": f"fake-{uuid.uuid4().hex}", "prompts": [], "answers": [], "cost": 0.0}

    def find(self, session_id: str) -> "dict | None":
        """Return a conversation that is kept."""
        path = self._folder / f"{Path(session_id).name}.json"
        return json.loads(path.read_text()) if session_id and path.is_file() else None

    def keep(self, session: dict) -> None:
        """Write a conversation down."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{session['id']}.json"
        written = path.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(session))
        written.replace(path)  # whoever is ended meanwhile leaves the conversation whole
