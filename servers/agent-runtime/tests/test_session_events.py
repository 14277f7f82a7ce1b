"""An agent's events are written once, in order, and change what the session shows."""

from datetime import UTC, datetime

import pytest

from support.desk import Desk, JsonObject, fresh, items, part, read, refused, text

RESULT: JsonObject = {
    "type": "result",
    "data": {"text": "done", "usage": {"input_tokens": 10, "output_tokens": 5}, "cost_usd": 0.25},
}


def session_of(desk: Desk, name: object) -> JsonObject:
    """A session as it is now."""
    return part(read(desk.get(f"/sessions/{name}"))["session"])


def test_an_event_that_is_sent_again_is_written_once(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}/events"
    event: JsonObject = {**RESULT, "client_event_id": fresh()}

    first = items(read(desk.post(path, event))["events"])[0]
    again = items(read(desk.post(path, {"events": [event]}))["events"])[0]

    assert again == {**first, "duplicate": True}
    assert first["duplicate"] is False
    assert len(items(read(desk.get(path, types="result"))["events"])) == 1


def test_a_batch_keeps_its_order_and_can_be_read_in_pages(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}/events"
    told: list[JsonObject] = [{"type": "message", "data": {"role": "assistant", "text": str(n)}} for n in range(7)]
    read(desk.post(path, {"events": [*told]}))

    found: list[object] = []
    after = 0
    while True:
        page = read(desk.get(path, types="message", limit=3, after=after))
        found += [part(event["data"])["text"] for event in items(page["events"])]
        if page["next_cursor"] is None:
            break
        after = int(text(page["next_cursor"]))

    assert found == [str(n) for n in range(7)]


def test_a_batch_with_one_bad_event_writes_nothing(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}/events"

    answer = desk.post(path, {"events": [RESULT, {"type": "job.completed", "data": {}}]})

    assert "message" in refused(answer, 422, "invalid_parameters")
    assert items(read(desk.get(path, types="result"))["events"]) == []


def test_what_is_known_of_a_session_can_be_set_with_its_events_or_neither(desk: Desk) -> None:
    name = desk.start()["session_name"]
    path = f"/sessions/{name}/events"
    known: JsonObject = {"backend": "command", "color": "red"}

    answer = read(desk.post(path, {"events": [RESULT], "metadata": known}))
    refused(desk.post(path, {"events": [RESULT], "metadata": {"backend": 5}}), 422, "invalid_parameters")

    session = session_of(desk, name)
    assert answer["metadata_set"] is True
    assert read(desk.post(path, RESULT))["metadata_set"] is False
    assert (session["backend"], session["metadata"]) == ("command", {"color": "red"})
    assert len(items(read(desk.get(path, types="result"))["events"])) == 2


def test_usage_is_counted_once_from_events_and_not_again_from_the_report(desk: Desk) -> None:
    job = made = desk.run()
    event: JsonObject = {**RESULT, "client_event_id": fresh(), "job_id": job["job_id"], "attempt": job["attempt"]}
    for _ in range(2):
        read(desk.post(f"/sessions/{made['session_name']}/events", event))
    report: JsonObject = {key: job[key] for key in ("launcher_id", "attempt", "token")}
    usage: JsonObject = {"input_tokens": 10, "output_tokens": 5}
    path = f"/launcher/jobs/{job['job_id']}/completed"
    read(desk.post(path, {**report, "status": "success", "usage": usage, "cost_usd": 0.25}))

    session = session_of(desk, made["session_name"])

    assert session["usage"] == {
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
    }
    assert session["cost_usd"] == 0.25
    assert session["result_preview"] == "done"
    assert session["status"] == "finished"


@pytest.mark.parametrize(
    "usage", [{"input_tokens": -1}, {"input_tokens": "many"}, {"input_tokens": 10**30}, [], None, 7]
)
def test_a_result_with_odd_usage_is_kept_and_counts_nothing(desk: Desk, usage: JsonObject) -> None:
    name = desk.start()["session_name"]

    read(
        desk.post(
            f"/sessions/{name}/events", {"type": "result", "data": {"text": "ok", "usage": usage, "cost_usd": -1}}
        )
    )

    session = session_of(desk, name)
    assert (session["result_preview"], session["cost_usd"]) == ("ok", 0)
    assert part(session["usage"])["input_tokens"] == 0


def test_the_word_of_an_attempt_that_is_over_changes_no_result(desk: Desk) -> None:
    job = made = desk.run()
    stale: JsonObject = {**RESULT, "job_id": job["job_id"], "attempt": 0}

    read(desk.post(f"/sessions/{made['session_name']}/events", stale))

    assert session_of(desk, made["session_name"])["result_preview"] is None


def test_an_event_names_only_jobs_of_its_own_session(desk: Desk) -> None:
    mine, other = desk.start(), desk.start()

    answer = desk.post(f"/sessions/{mine['session_name']}/events", {**RESULT, "job_id": other["job_id"]})

    refused(answer, 422, "invalid_parameters")


def test_a_session_that_asks_something_waits_for_input_until_it_goes_on(desk: Desk) -> None:
    job = made = desk.run()
    path = f"/sessions/{made['session_name']}/events"
    origin: JsonObject = {"type": "message", "job_id": job["job_id"], "attempt": job["attempt"]}

    read(desk.post(path, {**origin, "data": {"text": "May I?", "waiting_input": True}}))
    asking = session_of(desk, made["session_name"])["status"]
    read(desk.post(path, {**origin, "data": {"text": "Thank you"}}))

    assert asking == "waiting_input"
    assert session_of(desk, made["session_name"])["status"] == "running"


def test_the_backend_is_known_once_the_agent_started(desk: Desk) -> None:
    name = desk.start()["session_name"]

    read(desk.post(f"/sessions/{name}/events", {"type": "session_start", "data": {"backend": "claude"}}))

    assert session_of(desk, name)["backend"] == "claude"
    assert session_of(desk, name)["last_event_at"] is not None


def test_broken_characters_in_an_agents_words_are_mended_and_nothing_is_lost(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}"
    body = rb'{"type": "result", "data": {"text": "a\u0000b\ud800c"}}'

    read(desk.raw("POST", f"{path}/events", body))

    assert read(desk.get(f"{path}/result"))["result"] == "a\ufffdb\ufffdc"


def test_an_event_larger_than_a_megabyte_is_refused_and_its_batch_with_it(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}/events"
    large: JsonObject = {"type": "message", "data": {"text": "x" * 1_048_576}}

    refused(desk.post(path, {"events": [RESULT, large]}), 413, "too_large")

    assert items(read(desk.get(path, types="result"))["events"]) == []


@pytest.mark.parametrize(
    "at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "now", 10**30, "2026-01-01T00:00:00"]
)
def test_a_time_that_no_clock_shows_is_refused(desk: Desk, at: str | int) -> None:
    path = f"/sessions/{desk.start()['session_name']}/events"

    refused(desk.post(path, {**RESULT, "at": at}), 422, "invalid_parameters")


def test_a_time_is_kept_in_utc(desk: Desk) -> None:
    path = f"/sessions/{desk.start()['session_name']}/events"
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    read(desk.post(path, {**RESULT, "at": "2026-01-02T05:04:05.678901+02:00"}))

    event = items(read(desk.get(path, types="result"))["events"])[0]
    assert event["at"] == "2026-01-02T03:04:05.678901Z"
    assert datetime.fromisoformat(text(event["at"])) == moment
