"""A job that failed is tried again by itself, as often as its class of failure allows, and goes on where it was."""

import pytest

from agent_runtime.domain.job import Job, JobStatus, JobType
from agent_runtime.domain.launcher import Launcher
from agent_runtime.domain.retries import retries_in
from agent_runtime.services.jobs.known_jobs import list_attempts
from agent_runtime.services.jobs.orders import retry_job
from agent_runtime.services.launchers.claims import Claimed
from agent_runtime.services.launchers.reports import Report, finish, start
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import GivenEvent, append_events
from agent_runtime.upkeep.queue import free_due_jobs
from support.store_rig import StoreRig, proof


def fail(rig: StoreRig, job: Job, reason: str, error: str = "it broke") -> Job:
    """Report that a running job failed."""
    report = Report(proof(job), JobStatus.FAILED, reason, error, exit_code=1, run_seconds=1.0)
    return rig.do(lambda tx: finish(tx, report)).job


def speak(rig: StoreRig, job: Job) -> None:
    """Let the agent of a running job be up, with a conversation of its own."""

    def tell(tx: Transaction) -> object:
        session = tx.sessions.get(job.session_id)
        assert session is not None
        tx.sessions.change(job.session_id, {"backend_session_id": "conversation-1"})
        return append_events(tx, session, [GivenEvent("session_start", {}, job_id=job.id)])

    rig.do(tell)


def next_claim(rig: StoreRig, launcher: Launcher) -> Claimed:
    """Wait for the job's time and let its next attempt begin."""
    rig.clock.move(minutes=7)
    rig.do(free_due_jobs)
    (claim,) = rig.poll(launcher).claims
    rig.do(lambda tx: start(tx, proof(claim.job)))
    return claim


@pytest.mark.parametrize(
    ("reason", "retries", "failures"),
    [
        ("model_unreachable", {}, 6),
        ("model_overloaded", {"overloaded": 2}, 3),
        ("host_rebooted", {}, 1),
        ("host_rebooted", {"infrastructure": 1}, 2),
        ("nonzero_exit", {}, 1),
        ("nonzero_exit", {"agent": 1}, 2),
        ("backend_auth", {"agent": 5, "infrastructure": 5}, 1),
    ],
)
def test_a_job_is_tried_as_often_as_the_class_of_its_failure_allows(
    rig: StoreRig, reason: str, retries: dict[str, int], failures: int
) -> None:
    launcher = rig.launcher(hostname="here")
    job = rig.create(retries=retries)

    for count in range(1, failures + 1):
        failed = fail(rig, next_claim(rig, launcher).job, reason)
        assert failed.status is (JobStatus.FAILED if count == failures else JobStatus.PENDING)

    past = rig.do(lambda tx: list_attempts(tx, job.id))
    assert [one.reason for one in past] == [reason] * failures


def test_trouble_with_the_service_after_a_long_run_is_counted_anew_and_ends_within_the_time_that_is_allowed(
    rig: StoreRig,
) -> None:
    launcher = rig.launcher(hostname="here")
    rig.create(retries={"overloaded": 1, "within_seconds": 3000})

    def fails_after(minutes: int) -> JobStatus:
        job = next_claim(rig, launcher).job
        rig.clock.move(minutes=minutes)
        report = Report(proof(job), JobStatus.FAILED, "model_overloaded", run_seconds=minutes * 60.0)
        return rig.do(lambda tx: finish(tx, report)).job.status

    assert [fails_after(15) for _ in range(2)] == [JobStatus.PENDING, JobStatus.PENDING]
    assert fails_after(15) is JobStatus.FAILED  # the time is over by now


def test_a_session_that_has_spoken_goes_on_at_home_and_is_told_why(rig: StoreRig) -> None:
    home, away = rig.launcher(hostname="home"), rig.launcher(hostname="away")
    rig.create(prompt="build it")
    first = next_claim(rig, home)
    speak(rig, first.job)
    fail(rig, first.job, "model_unreachable", "the connection was cut")

    rig.clock.move(minutes=7)
    rig.do(free_due_jobs)
    assert not rig.poll(away).claims
    again = next_claim(rig, home)

    assert (first.type, again.type) == (JobType.START_SESSION, JobType.RESUME_SESSION)
    assert "interrupted" in again.prompt
    assert "model_unreachable: the connection was cut" in again.prompt
    assert again.prompt.endswith("build it")


def test_a_session_that_never_spoke_begins_with_its_own_prompt_anywhere(rig: StoreRig) -> None:
    home, away = rig.launcher(hostname="home"), rig.launcher(hostname="away")
    rig.create(prompt="build it")
    fail(rig, next_claim(rig, home).job, "model_unreachable")

    again = next_claim(rig, away)

    assert (again.type, again.prompt) == (JobType.START_SESSION, "build it")


def test_a_retry_that_a_person_asks_for_goes_on_with_the_conversation_too(rig: StoreRig) -> None:
    home = rig.launcher(hostname="home")
    rig.create(prompt="build it")
    first = next_claim(rig, home)
    speak(rig, first.job)
    failed = fail(rig, first.job, "nonzero_exit")
    rig.do(lambda tx: retry_job(tx, failed.id))

    again = next_claim(rig, home)

    assert (again.type, again.job.required_host) == (JobType.RESUME_SESSION, "home")


def test_what_a_person_asks_for_once_more_has_all_its_tries_and_its_time_anew(rig: StoreRig) -> None:
    launcher = rig.launcher(hostname="here")
    job = rig.create(retries={"network": 1, "within_seconds": 3600})
    for _ in range(2):
        fail(rig, next_claim(rig, launcher).job, "model_unreachable")
    rig.clock.move(days=2)
    rig.do(lambda tx: retry_job(tx, job.id))

    ends = [fail(rig, next_claim(rig, launcher).job, "model_unreachable").status for _ in range(2)]

    assert ends == [JobStatus.PENDING, JobStatus.FAILED]


def test_a_command_in_the_foreground_is_not_tried_behind_its_persons_back(rig: StoreRig) -> None:
    command = rig.launcher(hostname="here", only_own_jobs=True)
    rig.create(launcher_id=command.id)

    failed = fail(rig, next_claim(rig, command).job, "model_overloaded")

    assert failed.status is JobStatus.FAILED


def test_what_the_runtime_is_told_of_retries_is_read_or_refused_in_one_sentence() -> None:
    assert retries_in(" infrastructure=3, quota=until_reset,within_seconds=60 ") == {
        "infrastructure": 3,
        "quota": "until_reset",
        "within_seconds": 60,
    }
    for wrong in ("network", "network=until_reset", "user=1", "agent=-1", "agent=1001"):
        with pytest.raises(ValueError, match="AGENT_RUNTIME_RETRIES: CLASS=NUMBER is expected"):
            retries_in(wrong)
