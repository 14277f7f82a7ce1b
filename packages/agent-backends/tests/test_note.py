"""The note that a command leaves for its launcher, where the disk takes nothing more."""

import errno
import json
from pathlib import Path

import pytest

from agent_backends.job.note import write_note
from runtime_client.wire import Json

# What a keeper makes for a note.
ROOM = 4096


def test_a_full_disk_at_the_end_does_not_take_a_success_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "outcome.json"
    write_note(note, {"ending": None})

    def full(_path: Path, _target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    write_note(note, {"ending": "completed", "exit_code": 0})
    assert json.loads(note.read_text("utf-8")) == {"ending": "completed", "exit_code": 0}
    write_note(note, {"ending": None})

    assert json.loads(note.read_text("utf-8")) == {"ending": None}
    assert [path.name for path in tmp_path.iterdir()] == ["outcome.json"]


@pytest.mark.parametrize("letter", ["x", "\x01", "\U0001f600", "\ud83d"])
def test_a_note_that_a_full_disk_has_no_room_for_keeps_all_but_its_long_sentences(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    note = tmp_path / "outcome.json"
    note.write_text(" " * ROOM, "utf-8")
    write_note(note, {"ending": None})

    def full(_path: Path, _target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    usage = {f"{kind}_tokens": 2**53 for kind in ("input", "output", "cache_read", "cache_write")}
    facts: dict[str, Json] = {"ending": "failed", "exit_code": 1, "agent_exit_code": 7, "reason": "nonzero_exit"}
    write_note(
        note, {**facts, "usage": usage, "cost_usd": 0.123456789, "error": letter * 9000, "unwritten": letter * 999}
    )

    kept = json.loads(note.read_text("utf-8"))
    assert note.stat().st_size == ROOM
    assert {name: kept[name] for name in facts} == facts
    assert kept["usage"] == usage
    assert len(kept["error"]) == len(kept["unwritten"]) == 300
