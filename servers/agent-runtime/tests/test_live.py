"""The event stream: nothing is missing, nothing comes twice, and a filter lets through what was asked for."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from agent_runtime.domain.errors import Unavailable
from agent_runtime.http.door.auth import unauthorized
from agent_runtime.http.stream.routes import while_admitted
from support.desk import Desk, JsonObject, items, read, refused, text


@contextmanager
def watching(desk: Desk, headers: dict[str, str] | None = None, **query: str | int) -> Iterator[Iterator[JsonObject]]:
    """The events of a stream as they come; a gap is an event without a type."""
    with desk.http.stream("GET", "/events/stream", params=query, headers=headers or {}) as stream:
        assert stream.status_code == 200
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        yield (cast("JsonObject", json.loads(line[6:])) for line in lines if line.startswith("data: "))


def tell(desk: Desk, name: object, *texts: str) -> None:
    """Append messages to a session."""
    events: list[JsonObject] = [{"type": "message", "data": {"text": text}} for text in texts]
    read(desk.post(f"/sessions/{name}/events", {"events": [*events]}))


def test_what_happens_is_seen_in_its_order(desk: Desk) -> None:
    name = desk.start()["session_name"]

    with watching(desk, session=text(name)) as events:
        tell(desk, name, "one", "two")
        tell(desk, name, "three")
        seen = [next(events) for _ in range(3)]

    assert [cast("JsonObject", event["data"])["text"] for event in seen] == ["one", "two", "three"]
    assert [event["seq"] for event in seen] == sorted(cast("list[int]", [event["seq"] for event in seen]))


@pytest.mark.parametrize("resume", ["header", "query"])
def test_a_stream_that_was_cut_goes_on_without_holes_or_doubles(desk: Desk, resume: str) -> None:
    name = text(desk.start()["session_name"])
    tell(desk, name, *(str(number) for number in range(120)))
    stored = items(read(desk.get(f"/sessions/{name}/events", limit=500))["events"])
    place = str(stored[10]["seq"])
    query = {"after": place} if resume == "query" else {}
    headers = {"Last-Event-ID": place} if resume == "header" else {}

    with watching(desk, headers, session=name, **query) as events:
        tell(desk, name, "live")
        seen = [next(events) for _ in range(len(stored) - 11 + 1)]

    assert [event["seq"] for event in seen[:-1]] == [event["seq"] for event in stored[11:]]
    assert cast("JsonObject", seen[-1]["data"])["text"] == "live"


def test_the_whole_history_is_given_to_who_asks_for_it(desk: Desk) -> None:
    name = text(desk.start()["session_name"])

    with watching(desk, session=name, after=0) as events:
        assert [next(events)["type"] for _ in range(2)] == ["session.created", "job.created"]


def test_events_that_were_pruned_between_older_and_newer_ones_are_a_gap(desk: Desk) -> None:
    job = desk.run()
    name = text(job["session_name"])
    desk.complete(job)
    path = f"/sessions/{name}/events"
    place = cast("int", items(read(desk.get(path))["events"])[0]["seq"])
    old: JsonObject = {"type": "message", "data": {"text": "old"}, "at": "2020-01-01T00:00:00Z"}
    gone = cast("int", items(read(desk.post(path, old))["events"])[0]["seq"])
    tell(desk, name, "kept")
    read(desk.post("/prune", {"older_than_days": 2}))

    with watching(desk, session=name, after=place) as events:
        gap = next(events)
    with watching(desk, session=name, after=gone) as events:
        behind_it = next(events)
    seen_from_before, seen_from_behind = read(desk.get(path, after=place)), read(desk.get(path, after=gone))

    assert (gap["after"], "type" in gap) == (place, False)
    assert cast("JsonObject", behind_it["data"])["text"] == "kept"
    assert (seen_from_before["gap_through"], seen_from_behind["gap_through"]) == (gone, None)


def test_a_place_that_does_not_exist_is_a_gap_and_the_stream_goes_on(desk: Desk) -> None:
    name = text(desk.start()["session_name"])

    with watching(desk, session=name, after=10**15) as events:
        gap = next(events)
        tell(desk, name, "after the gap")
        following = next(events)

    assert gap["after"] == 10**15
    assert cast("int", gap["newest_seq"]) < cast("int", following["seq"])


def test_a_filter_lets_only_its_session_its_tree_or_its_types_through(desk: Desk) -> None:
    root = desk.start()
    child = desk.start(parent_session_name=root["session_name"])
    stranger = desk.start()

    with (
        watching(desk, session=text(child["session_id"])) as of_session,
        watching(desk, tree=text(root["session_name"])) as of_tree,
        watching(desk, tree=text(root["session_name"]), types="job.stopped,session.deleted") as of_types,
    ):
        for made in (stranger, root, child):
            tell(desk, made["session_name"], "hello")
        read(desk.post(f"/jobs/{child['job_id']}/stop"))

        assert next(of_session)["session_id"] == child["session_id"]
        assert [next(of_tree)["session_id"] for _ in range(2)] == [root["session_id"], child["session_id"]]
        assert next(of_types)["type"] == "job.stopped"


@pytest.mark.parametrize("place", ["x", "-1", "1.5", "9" * 40, "²"])
def test_an_odd_last_event_id_is_refused(desk: Desk, place: str) -> None:
    answer = desk.http.get("/events/stream", headers={b"Last-Event-ID": place.encode("utf-8")})

    refused(answer, 422, "invalid_parameters")


def test_many_watchers_all_see_the_same(desk: Desk) -> None:
    name = text(desk.start()["session_name"])
    streams = [watching(desk, session=name) for _ in range(50)]
    opened = [stream.__enter__() for stream in streams]

    tell(desk, name, *(str(number) for number in range(20)))
    seen = [[next(events)["seq"] for _ in range(20)] for events in opened]

    assert all(one == seen[0] for one in seen)
    for stream in streams:
        stream.__exit__(None, None, None)


def test_a_stream_ends_when_its_token_is_no_longer_good() -> None:
    answers: list[Exception | None] = [None, Unavailable("database_away", "no answer"), unauthorized("revoked"), None]

    async def said() -> AsyncGenerator[bytes]:
        for part in (b"one", b"two", b"three", b"four"):
            yield part

    async def ask_again() -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    async def heard() -> list[bytes]:
        return [part async for part in while_admitted(said(), ask_again, every_seconds=0)]

    assert asyncio.run(heard()) == [b"one", b"two"]
