"""Events arrive in order and once, and an outage neither blocks the agent nor loses one."""

import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime_client.address import RuntimeAddress
from runtime_client.client import RuntimeClient
from runtime_client.sending.event_sender import EventOrigin, EventSender
from runtime_client.sending.spool import EVENTS_IN_MEMORY
from support.stand_in_runtime import Asked, Reply, StandInRuntime, stand_in_runtime
from support.waiting import wait_until

PATH = "/sessions/ses_1/events"
METADATA = "/sessions/ses_1/metadata"
ORIGIN = EventOrigin("ses_1", "job_1", 2)


@pytest.fixture
def runtime() -> Iterator[StandInRuntime]:
    with stand_in_runtime() as started:
        started.route("POST", PATH, Reply({"events": []}))
        yield started


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def sender(runtime: StandInRuntime, tmp_path: Path, warnings: list[str]) -> Iterator[EventSender]:
    with RuntimeClient(RuntimeAddress(runtime.url)) as client:
        yield EventSender(client, ORIGIN, tmp_path, warnings.append)


def texts_in(asked: list[Asked]) -> list[str]:
    return [event["data"]["text"] for call in asked for event in json.loads(json.dumps(call.body))["events"]]


def say(sender: EventSender, *texts: str) -> None:
    for text in texts:
        sender.send("message", {"role": "assistant", "text": text})


def test_events_arrive_in_order_with_an_id_a_time_and_their_attempt(
    runtime: StandInRuntime, sender: EventSender
) -> None:
    say(sender, *[str(number) for number in range(250)])
    left = sender.close(10)

    calls = runtime.of("POST", PATH)
    events = [event for call in calls for event in json.loads(json.dumps(call.body))["events"]]
    assert left is None
    assert texts_in(calls) == [str(number) for number in range(250)]
    assert max(len(json.loads(json.dumps(call.body))["events"]) for call in calls) <= 100
    assert len({event["client_event_id"] for event in events}) == 250
    assert {(event["job_id"], event["attempt"]) for event in events} == {("job_1", 2)}
    assert all(event["at"].endswith("Z") for event in events)


def test_a_batch_whose_answer_was_lost_is_sent_again_with_the_same_ids(
    runtime: StandInRuntime, sender: EventSender
) -> None:
    runtime.route("POST", PATH, Reply(hangs_up=True), Reply({"events": []}))

    say(sender, "a", "b")
    left = sender.close(10)

    first, second = runtime.of("POST", PATH)
    assert left is None
    assert first.body == second.body


def test_an_outage_goes_by_unnoticed_and_what_was_said_arrives_afterwards(
    runtime: StandInRuntime, sender: EventSender, tmp_path: Path, warnings: list[str]
) -> None:
    count = EVENTS_IN_MEMORY * 3
    say(sender, "first")
    runtime.wait_for("POST", PATH)
    runtime.stop()

    say(sender, *[str(number) for number in range(count)])
    spooled = (tmp_path / "events.jsonl").stat().st_size
    wait_until(lambda: warnings, "the outage is told")
    runtime.start()
    left = sender.close(30)

    assert spooled > 0
    assert left is None
    assert texts_in(runtime.of("POST", PATH)) == ["first", *[str(number) for number in range(count)]]
    assert not (tmp_path / "events.jsonl").exists()
    assert len(warnings) == 1


def test_what_cannot_be_delivered_in_time_is_kept_in_a_private_file_in_order(
    runtime: StandInRuntime, sender: EventSender, tmp_path: Path
) -> None:
    runtime.stop()

    count = EVENTS_IN_MEMORY + 5
    say(sender, *[str(number) for number in range(count)])
    left = sender.close(0.2)

    assert left is not None
    assert left.kept_in is not None
    kept = [json.loads(line)["data"]["text"] for line in left.kept_in.read_text("utf-8").splitlines()]
    assert (left.count, left.kept_in) == (count, tmp_path / "events.jsonl")
    assert kept == [str(number) for number in range(count)]
    assert left.kept_in.stat().st_mode & 0o077 == 0


def test_events_that_no_disk_takes_stay_in_memory_in_order_and_a_half_written_one_is_written_no_twice(
    runtime: StandInRuntime, sender: EventSender, tmp_path: Path
) -> None:
    runtime.stop()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    count = EVENTS_IN_MEMORY + 50
    try:
        # A disk with room for a few events and a part of one more; Python hears of it by an error and no signal.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        say(sender, *[str(number) for number in range(count)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    say(sender, *[str(number) for number in range(count, count + EVENTS_IN_MEMORY)])
    runtime.start()
    left = sender.close(30)

    assert left is None
    assert texts_in(runtime.of("POST", PATH)) == [str(number) for number in range(count + EVENTS_IN_MEMORY)]


def test_what_can_be_neither_delivered_nor_kept_is_counted(
    runtime: StandInRuntime, sender: EventSender, tmp_path: Path
) -> None:
    runtime.stop()
    say(sender, "a", "b")
    (tmp_path / "events.jsonl").mkdir()
    left = sender.close(0.2)

    assert left is not None
    assert (left.count, left.kept_in) == (2, None)


def test_one_event_that_the_runtime_refuses_does_not_take_its_neighbours_along(
    runtime: StandInRuntime, sender: EventSender, warnings: list[str]
) -> None:
    def answer(asked: Asked) -> Reply:
        if "bad" in texts_in([asked]):
            return Reply({"detail": "no such thing", "code": "invalid_parameters"}, 422)
        return Reply({"events": []})

    runtime.route("POST", PATH, answer)

    say(sender, "a", "bad", "c")
    left = sender.close(10)

    accepted = [call for call in runtime.of("POST", PATH) if "bad" not in texts_in([call])]
    assert left is None
    assert texts_in(accepted) == ["a", "c"]
    assert warnings == ["cannot record an event of type 'message': no such thing"]


def test_a_session_that_is_gone_ends_the_sending_with_one_sentence(
    runtime: StandInRuntime, sender: EventSender, warnings: list[str]
) -> None:
    runtime.route("POST", PATH, Reply({"detail": "there is no session 'ses_1'", "code": "session_unknown"}, 404))

    say(sender, "a")
    wait_until(lambda: warnings, "the refusal is told")
    say(sender, "b", "c")
    left = sender.close(10)

    assert left is None
    assert len(runtime.of("POST", PATH)) == 1
    assert warnings == ["cannot record the events of session 'ses_1': there is no session 'ses_1'"]


def test_a_token_that_ended_with_its_job_does_not_hold_the_command_up(
    runtime: StandInRuntime, sender: EventSender
) -> None:
    runtime.route("POST", PATH, Reply({"detail": "no", "code": "unauthorized"}, 401))

    say(sender, "a")
    left = sender.close(60)

    assert left is not None
    assert left.count == 1


def test_text_that_is_no_unicode_is_recorded_all_the_same(runtime: StandInRuntime, sender: EventSender) -> None:
    say(sender, "lone \udcff surrogate", "nul \0", "🎉")
    left = sender.close(10)

    assert left is None
    assert texts_in(runtime.of("POST", PATH)) == ["lone ? surrogate", "nul \0", "🎉"]


def test_what_becomes_known_travels_with_the_events_that_are_told_with_it(
    runtime: StandInRuntime, sender: EventSender
) -> None:
    runtime.route("POST", PATH, Reply({"events": [], "metadata_set": True}))

    sender.remember({"backend": "command", "backend_session_id": "old"})
    sender.remember({"backend_session_id": "new"})
    say(sender, "a", "b")
    left = sender.close(10)

    (call,) = runtime.asked
    assert left is None
    assert json.loads(json.dumps(call.body))["metadata"] == {"backend": "command", "backend_session_id": "new"}
    assert texts_in([call]) == ["a", "b"]


def test_a_runtime_that_passes_over_what_is_known_is_told_it_in_a_call_of_its_own(
    runtime: StandInRuntime, sender: EventSender
) -> None:
    runtime.route("PATCH", METADATA, Reply({}))

    sender.remember({"backend_session_id": "b-1"})
    say(sender, "a")
    left = sender.close(10)

    assert left is None
    assert [call.body for call in runtime.of("PATCH", METADATA)] == [{"backend_session_id": "b-1"}]
    assert texts_in(runtime.of("POST", PATH)) == ["a"]


def test_what_is_known_is_sent_without_any_event_too(runtime: StandInRuntime, sender: EventSender) -> None:
    runtime.route("PATCH", METADATA, Reply({}))

    sender.remember({"backend_session_id": "b-1"})
    (call,) = runtime.wait_for("PATCH", METADATA)
    left = sender.close(10)

    assert left is None
    assert call.body == {"backend_session_id": "b-1"}


def test_facts_that_are_refused_take_no_event_along(
    runtime: StandInRuntime, sender: EventSender, warnings: list[str]
) -> None:
    refusal = Reply({"detail": "no such backend", "code": "invalid_parameters"}, 422)
    runtime.route("PATCH", METADATA, refusal)
    runtime.route("POST", PATH, lambda asked: refusal if b"metadata" in json.dumps(asked.body).encode() else Reply({}))

    sender.remember({"backend": "?"})
    say(sender, "a")
    left = sender.close(10)

    assert left is None
    assert [call.body["events"] for call in runtime.of("POST", PATH) if "metadata" not in call.body] != []
    assert warnings == ["cannot store what is known of session 'ses_1': no such backend"]


def test_it_is_said_when_what_is_known_did_not_arrive(runtime: StandInRuntime, sender: EventSender) -> None:
    runtime.route("PATCH", METADATA, Reply({}, 503))

    sender.remember({"backend_session_id": "b-1"})
    left = sender.close(0.2)

    assert left is not None
    assert (left.count, left.is_known) == (0, False)
