"""When the poller asks again, what it does with an answer, and what the heartbeat says and hears."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.machines import OnPlayedKeepers, PlayedKeepers, Seeded
from launcher_rig.parts import Parts

from lib.api_client import ApiClient
from lib.attempt.attempt import Began, Delivered, Ended
from lib.lifecycle import Phase as Life
from lib.poller import HASTY_ANSWERS_MAX, HASTY_PAUSE_SECONDS
from lib.wire.models import Adopted, Dropped, PollAnswer, RegistrationResponse
from support.waiting import wait_until


class OnSeededKeepers(OnPlayedKeepers):
    """And chance is the test's."""

    def __init__(self, seed: int) -> None:
        super().__init__(PlayedKeepers())
        self.chance = Seeded(seed).chance  # type: ignore[method-assign]


@pytest.fixture
def parts(api: ApiClient, tmp_path: Path) -> Parts:
    return Parts(OnPlayedKeepers(PlayedKeepers()), api, tmp_path, max_jobs=1).with_keeper()


def test_launchers_whose_runtime_goes_right_after_it_took_them_in_do_not_come_back_together(
    fake: FakeRuntime, api: ApiClient, tmp_path: Path
) -> None:
    waits = []
    for seed in range(12):
        fake.fail("poll", Fault.SERVER_ERROR)
        parts = Parts(OnSeededKeepers(seed), api, tmp_path)
        waits.append(parts.poller.step())
        parts.poller.close()

    assert max(waits) - min(waits) > 3.0


def test_a_poll_registers_if_need_be_and_starts_what_it_brings(fake: FakeRuntime, parts: Parts) -> None:
    told = fake.jobs.add("job_1")

    assert parts.poller.step() == 0.0

    assert (told.status, len(fake.jobs.registrations)) == ("running", 1)
    assert parts.words_about("job_1.1") == ["order", "go"]


def test_a_poll_hands_on_what_is_to_stop(fake: FakeRuntime, parts: Parts) -> None:
    fake.jobs.add("job_1")
    parts.poller.step()
    fake.jobs.stop("job_1")

    parts.poller.step()

    assert parts.words_about("job_1.1") == ["order", "go", "stop"]


def test_a_place_that_becomes_free_begins_a_newer_poll_at_once(fake: FakeRuntime, parts: Parts) -> None:
    parts.api._poll_timeout = 30.0
    parts.registered()
    attempt = attempt_of(job("s", "job_9"), parts.machine)
    parts.registry.add_job("job_9", attempt)
    parts.registry.tell(parts.poller.refresh, lambda *_: None)
    threads = [threading.Thread(target=parts.poller.step) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: fake.jobs.polls == 1, "one poll is parked, the other waits for its turn")
    told = fake.jobs.add("job_1")
    assert told.status == "pending"  # there is no place for it

    for change in (Began(), Ended({"exit_code": 0})):
        parts.registry.store(attempt, change)

    for thread in threads:
        thread.join(20)  # the parked poll alone would take 30 s
    assert not any(thread.is_alive() for thread in threads)
    assert told.status == "running"


def test_what_comes_while_the_launcher_drains_is_given_back(fake: FakeRuntime, parts: Parts) -> None:
    parts.registered()
    told = fake.jobs.add("job_1")
    found = parts.api.poll_job("lnch_1")
    assert found is not None
    parts.lifecycle.advance(Life.DRAINING)

    parts.poller._take(PollAnswer((found, found)))

    assert told.declines
    assert parts.lines.sent == []


def test_a_runtime_that_answers_hastily_with_nothing_is_not_asked_all_the_time(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts.registered()
    monkeypatch.setattr(parts.api, "poll", lambda *_: PollAnswer())

    pauses = [parts.poller.step() for _ in range(HASTY_ANSWERS_MAX + 2)]

    assert pauses == [0.0] * HASTY_ANSWERS_MAX + [HASTY_PAUSE_SECONDS] * 2


def test_a_runtime_that_takes_us_in_and_knows_us_no_more_is_not_asked_all_the_time(
    fake: FakeRuntime, parts: Parts
) -> None:
    fake.fail("poll", Fault.FORGOTTEN, times=4)

    pauses = [parts.poller.step() for _ in range(4)]

    assert pauses[0] == 0.0
    assert min(pauses[1:]) > 0.0
    assert parts.poller.step() == 0.0


def test_a_heartbeat_says_what_is_held_and_does_what_it_hears(fake: FakeRuntime, parts: Parts) -> None:
    fake.jobs.add("job_1")
    parts.poller.step()
    fake.jobs.stop("job_1")
    pause = parts.heartbeat.step()

    (beat,) = fake.jobs.heartbeats
    assert beat["holding"] == [{"job_id": "job_1", "attempt": 1, "token": "token-job_1-1"}]
    assert (beat["unreported"], beat["epoch"]) == (0, 1)
    assert 54.0 <= pause <= 66.0
    assert parts.words_about("job_1.1") == ["order", "go", "stop"]


def test_a_heartbeat_that_fails_is_tried_again_soon(fake: FakeRuntime, parts: Parts) -> None:
    assert parts.heartbeat.step() == 1.0  # not registered yet
    parts.registered()
    fake.fail("heartbeat", Fault.SERVER_ERROR)

    assert parts.heartbeat.step() <= 5.0
    assert parts.heartbeat.step() >= 54.0


def test_what_the_runtime_drops_is_ended_once_and_reported_never(parts: Parts) -> None:
    attempt = attempt_of(job("s"), parts.machine)
    attempt.keeper = "1"
    parts.registry.add_job("job_1", attempt)
    parts.registry.store(attempt, Began())

    for number in (1, 2):
        parts.stopper.drop([Dropped("job_1", number, "fenced_off"), Dropped("job_8", number, "fenced_off")])

    (stop,) = parts.lines.said("stop")
    assert stop["reason"] == "fenced_off"
    assert parts.registry.held() == []


def test_an_end_that_the_runtime_knows_already_is_not_dropped_with_its_output(parts: Parts) -> None:
    attempt = attempt_of(job("s"), parts.machine)
    parts.registry.add_job("job_1", attempt)
    parts.registry.store(attempt, Ended({"exit_code": 0}))

    parts.stopper.drop([Dropped("job_1", 1, "already_ended")])

    assert (attempt.drop_reason, attempt.is_reported) == (None, True)
    assert parts.registry.attempts() == [attempt]


def test_output_goes_on_from_where_the_runtime_stands(parts: Parts) -> None:
    running, ended = (attempt_of(job("s", name), parts.machine) for name in ("job_1", "job_2"))
    for attempt in (running, ended):
        parts.registry.add_job(attempt.job.job_id, attempt)
        parts.registry.store(attempt, Began())
    parts.registry.store(ended, Delivered("reported"))

    adopted = tuple(Adopted(name, 1, 77) for name in ("job_1", "job_2", "job_3"))
    parts.stopper.apply(RegistrationResponse("lnch_1", adopt=adopted))

    assert (running.output.offset, ended.output.offset) == (77, 0)
