"""What a journal's records say about attempts: the image that a keeper goes on from; standard library only."""

from __future__ import annotations

from collections.abc import Iterable

from lib.keeper import words
from lib.keeper.containment import Place
from lib.keeper.held import Held, Phase
from lib.keeper.spawn import Launch
from lib.keeper.words import JsonObject, object_of


def remember(records: Iterable[JsonObject]) -> dict[str, Held]:
    """Read every attempt that is not acknowledged; a record of one that was never ordered says nothing."""
    held: dict[str, Held] = {}
    for record in records:
        key = str(record.get("key"))
        if record.get("kind") == words.RECORD_ORDERED:
            held[key] = _ordered(key, record)
        elif key in held:
            _go_on(held, key, record)
    return held


def _ordered(key: str, record: JsonObject) -> Held:
    launch = Launch(str(record.get("run_path")), object_of(record.get("launch")))
    return Held(key, object_of(record.get("job")), launch, str(record.get("boot")))


def _go_on(held: dict[str, Held], key: str, record: JsonObject) -> None:
    one = held[key]
    match record.get("kind"):
        case words.RECORD_GRANTED:
            one.phase = Phase.RUNNING
            one.boot = str(record.get("boot"))
            one.place = Place.from_json(object_of(record.get("place")))
        case words.RECORD_SPAWNED:
            one.phase = Phase.RUNNING  # whatever became of the record of its grant
            pid, began, started_at = record.get("pid"), record.get("began"), record.get("started_at")
            one.pid = one.place.group = pid if isinstance(pid, int) else None
            one.start_time = str(record.get("start_time") or "")
            one.began = began if isinstance(began, float) else None
            one.started_at = started_at if isinstance(started_at, float) else None
        case words.RECORD_STOPPING:
            one.reason = str(record.get("reason"))
        case words.RECORD_ENDED:
            one.phase = Phase.ENDED
            one.verdict = object_of(record.get("verdict"))
        case words.RECORD_ACKNOWLEDGED:
            del held[key]
