"""A claim is started or given back, and nothing of it is told to run before the runtime has granted it."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.fake_jobs import FakeJob
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.machines import OnPlayedKeepers, PlayedKeepers
from launcher_rig.parts import Parts

from lib.api_client import ApiClient
from lib.attempt.attempt import Began, Phase, Unbegun
from lib.keeper import words
from lib.lifecycle import Phase as Life
from lib.machine.disk import Disk
from lib.wire.models import Job


class FullDisk(Disk):
    """Takes nothing."""

    def make_folder(self, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))


@pytest.fixture
def parts(api: ApiClient, tmp_path: Path) -> Parts:
    return Parts(OnPlayedKeepers(PlayedKeepers()), api, tmp_path, max_jobs=1).with_keeper()


def claim(fake: FakeRuntime, parts: Parts, **fields: str) -> tuple[FakeJob, Job]:
    """A claim as a poll brings it."""
    parts.registered()
    told = fake.jobs.add("job_1", **fields)
    found = parts.api.poll_job(parts.registration.launcher_id or "")
    assert found is not None
    return told, found


def test_a_claim_is_in_the_table_and_with_its_keeper_before_it_is_granted_and_told_to_go_after(
    fake: FakeRuntime, parts: Parts
) -> None:
    told, found = claim(fake, parts)
    seen: list[object] = []

    def on_send(name: str, message: object) -> None:
        assert isinstance(message, dict)
        held = parts.registry.get_job("job_1")
        assert held is not None
        seen.append((message["say"], told.status, held.process.phase))
        if message["say"] == words.ORDER:
            parts.keepers.answered(name, {"say": words.ORDERED, "key": message["key"]})

    parts.lines.on_send = on_send
    parts.starter.start([found])

    assert seen == [("order", "claimed", Phase.BEGINNING), ("go", "running", Phase.RUNNING)]


def test_the_same_claim_twice_is_one_start(fake: FakeRuntime, parts: Parts) -> None:
    told, found = claim(fake, parts)
    parts.starter.start([found])
    parts.starter.start([found])

    assert parts.words_about("job_1.1") == ["order", "go"]
    assert told.declines == []


def test_a_claim_for_which_there_is_no_place_any_more_is_given_back_and_nothing_is_made_for_it(
    fake: FakeRuntime, parts: Parts, tmp_path: Path
) -> None:
    told, found = claim(fake, parts)
    parts.registry.add_job("job_2", attempt_of(job("s", "job_2"), parts.machine))

    parts.starter.start([found])

    assert [decline["reason"] for decline in told.declines] == ["launcher_full"]
    assert parts.lines.sent == []
    assert not (tmp_path / "runs").exists()
    assert list(parts.registry.get_running_jobs()) == ["job_2"]


def test_a_launcher_that_drains_gives_claims_back(fake: FakeRuntime, parts: Parts) -> None:
    told, found = claim(fake, parts)
    parts.lifecycle.advance(Life.DRAINING)

    parts.starter.start([found])

    assert [decline["reason"] for decline in told.declines] == ["launcher_draining"]
    assert parts.lines.sent == []


def test_a_second_attempt_beside_a_first_that_is_still_here_is_given_back(fake: FakeRuntime, parts: Parts) -> None:
    told, found = claim(fake, parts)
    first = attempt_of(job("s", "job_1", 7), parts.machine)
    parts.registry.add_job("job_1", first)

    parts.starter.start([found])

    assert [decline["reason"] for decline in told.declines] == ["launcher_cannot_start_jobs"]
    assert parts.registry.attempts() == [first]


def test_a_later_attempt_is_taken_though_the_answer_that_took_back_the_one_before_is_still_on_its_way(
    fake: FakeRuntime, parts: Parts
) -> None:
    told, found = claim(fake, parts)
    before = attempt_of(job("s", "job_1", 0), parts.machine)
    before.keeper = "1"
    parts.registry.take_up(before, Unbegun())

    parts.starter.start([found])

    assert (told.declines, told.status) == ([], "running")
    assert [(attempt.key, attempt.phase) for attempt in parts.registry.attempts()] == [("job_1.1", Phase.RUNNING)]
    assert before.is_over


@pytest.mark.parametrize(
    ("code", "refuse"),
    [("disk", "launcher_cannot_start_jobs"), (None, "launcher_cannot_start_jobs")],
)
def test_a_keeper_that_cannot_record_it_gives_the_claim_back_and_closes_the_launcher_for_a_while(
    fake: FakeRuntime, parts: Parts, code: str | None, refuse: str
) -> None:
    parts.with_keeper({"say": words.REFUSED, "code": code, "error": "cannot record the order: full"})
    told, found = claim(fake, parts)

    parts.starter.start([found])

    (decline,) = told.declines
    assert (decline["reason"], told.status) == (refuse, "pending")
    assert decline["error"] == "cannot start job 'job_1': cannot record the order: full"
    assert (parts.admission.look().slots, parts.admission.look().refuse) == (0, refuse)
    assert parts.registry.attempts() == []
    assert parts.words_about("job_1.1")[:1] == ["order"]
    assert words.GO not in parts.words_about("job_1.1")


def test_a_claim_beside_what_could_not_be_ended_is_given_back_with_its_name_and_others_are_taken(
    fake: FakeRuntime, parts: Parts
) -> None:
    sentence = "cannot start it: of an earlier attempt of its session deaf (pid 7) cannot be ended, and lives"
    parts.with_keeper({"say": words.REFUSED, "code": "session_lives", "error": sentence})
    told, found = claim(fake, parts)

    parts.starter.start([found])

    (decline,) = told.declines
    assert (decline["reason"], decline["error"], told.status) == ("session_lives", sentence, "pending")
    assert parts.admission.look().refuse is None
    assert parts.registry.attempts() == []


def test_a_full_disk_gives_the_claim_back_before_any_keeper_hears_of_it(
    fake: FakeRuntime, api: ApiClient, tmp_path: Path
) -> None:
    machine = OnPlayedKeepers(PlayedKeepers())
    machine.disk = FullDisk()
    parts = Parts(machine, api, tmp_path).with_keeper()
    told, found = claim(fake, parts)

    parts.starter.start([found])

    assert [decline["reason"] for decline in told.declines] == ["launcher_cannot_start_jobs"]
    assert parts.lines.sent == []
    assert parts.admission.look().slots == 0


def test_an_attempt_that_its_keeper_knows_as_run_is_neither_run_nor_reported_nor_its_output_deleted(
    fake: FakeRuntime, parts: Parts
) -> None:
    parts.with_keeper({"say": words.REFUSED, "code": "here"})
    told, found = claim(fake, parts)

    parts.starter.start([found])

    assert (told.declines, told.reports, told.status) == ([], [], "claimed")
    assert words.GO not in parts.words_about("job_1.1")
    assert parts.registry.attempts() == []


def test_a_job_of_an_unknown_type_is_given_back(fake: FakeRuntime, parts: Parts) -> None:
    told, found = claim(fake, parts, type="dance_session")

    parts.starter.start([found])

    assert [decline["reason"] for decline in told.declines] == ["invalid_parameters"]
    assert parts.lines.sent == []


def test_what_is_not_granted_is_forgotten_and_never_told_to_go(fake: FakeRuntime, parts: Parts, tmp_path: Path) -> None:
    told, found = claim(fake, parts)
    fake.jobs.stop("job_1")

    parts.starter.start([found])

    assert words.GO not in parts.words_about("job_1.1")
    assert (parts.registry.attempts(), told.status, told.declines) == ([], "stopped", [])


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.PROXY_PAGE, Fault.UNAUTHORIZED])
def test_the_grant_is_asked_for_until_the_runtime_has_answered(fake: FakeRuntime, parts: Parts, fault: Fault) -> None:
    told, found = claim(fake, parts)
    fake.fail("started", fault, times=5)

    parts.starter.start([found])

    assert parts.words_about("job_1.1") == ["order", "go"]
    assert (told.status, told.moves) == ("running", ["claimed", "running"])


def test_a_launcher_that_leaves_before_the_grant_leaves_it_to_the_next_start(fake: FakeRuntime, parts: Parts) -> None:
    _, found = claim(fake, parts)
    fake.fail("started", Fault.LOST_REQUEST, times=10_000)
    parts.lifecycle.leaving.set()

    parts.starter.start([found])

    (attempt,) = parts.registry.attempts()
    assert attempt.phase is Phase.UNBEGUN
    assert parts.words_about("job_1.1") == ["order"]


def test_a_stop_that_comes_before_the_word_to_go_is_said_instead_of_it(fake: FakeRuntime, parts: Parts) -> None:
    _, found = claim(fake, parts)
    answer = parts.lines.on_send

    def stopping(name: str, message: object) -> None:
        assert isinstance(message, dict)
        if message["say"] == words.ORDER:
            parts.stopper.stop_jobs(["job_1"])
        answer(name, message)

    parts.lines.on_send = stopping
    parts.starter.start([found])

    assert parts.words_about("job_1.1") == ["order", "stop"]
    (attempt,) = parts.registry.attempts()
    assert attempt.phase is Phase.RUNNING


def test_an_attempt_that_ran_before_its_starter_came_back_stays_what_it_is(fake: FakeRuntime, parts: Parts) -> None:
    attempt = attempt_of(job("s"), parts.machine)
    parts.registry.add_job("job_1", attempt)
    parts.registry.store(attempt, Began())
    _, found = claim(fake, parts)

    parts.starter.start([found])

    assert parts.registry.attempts() == [attempt]
    assert parts.lines.sent == []
