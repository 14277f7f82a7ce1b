"""Each job that is not over says why, and when time alone would change that."""

from datetime import timedelta

from agent_runtime.domain.job import Job
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.jobs.waiting import Waiting, explain_waiting
from agent_runtime.services.launchers.reports import decline
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import GivenEvent, append_events
from support.store_rig import BEGINNING, StoreRig, proof


def why(rig: StoreRig, job: Job) -> Waiting:
    """Ask why a job is not over."""
    now = rig.job(job)
    return rig.do(lambda tx: explain_waiting(tx, [now]))[job.id]


def test_a_job_that_was_handed_out_says_when_it_would_come_back(rig: StoreRig) -> None:
    rig.create()
    claimed = rig.claim(rig.launcher())

    found = why(rig, claimed)

    assert (found.reason, found.next_at) == ("starting", claimed.claim_expires_at)


def test_a_job_that_runs_says_when_its_time_limit_comes(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create()
    free = rig.run(launcher)
    rig.create(timeout_seconds=90.0)
    limited = rig.run(launcher)

    assert (why(rig, free).reason, why(rig, free).next_at) == ("at_work", None)
    assert limited.started_at is not None
    assert why(rig, limited).next_at == limited.started_at + timedelta(seconds=90)


def tell(rig: StoreRig, job: Job, kind: str, *, attempt: int | None = None) -> None:
    """Let the agent's host tell something of a job's session."""
    told = GivenEvent(kind, {"detail": "its tool 'Bash' runs"}, job_id=job.id, attempt=attempt or job.attempt)

    def append(tx: Transaction) -> None:
        session = tx.sessions.get(job.session_id)
        assert session is not None
        append_events(tx, session, [told])

    rig.do(append)


def test_a_job_that_has_stalled_says_so_until_it_is_told_that_it_goes_on(rig: StoreRig) -> None:
    rig.create()
    running = rig.run(rig.launcher())

    tell(rig, running, "session.stalled")
    stalled = why(rig, running)
    tell(rig, running, "session.stirred")

    assert stalled.reason == "stalled"
    assert stalled.sentence.startswith("its tool 'Bash' runs; ")
    assert why(rig, running).reason == "at_work"


def test_what_an_earlier_attempt_or_job_of_the_session_was_at_is_no_stall(rig: StoreRig) -> None:
    first = rig.create()
    running = rig.run(rig.launcher())

    tell(rig, running, "session.stalled", attempt=running.attempt + 1)
    of_another_attempt = why(rig, running).reason
    tell(rig, running, "session.stalled")
    rig.end(running)
    rig.resume(first.session_name)
    resumed = rig.run(rig.launcher())

    assert of_another_attempt == "at_work"
    assert resumed.session_id == first.session_id
    assert why(rig, resumed).reason == "at_work"


def test_a_job_that_is_to_stop_says_from_when_on_it_is_killed(rig: StoreRig) -> None:
    rig.create(stop_grace_seconds=7.0)
    running = rig.run(rig.launcher())

    asked = rig.do(lambda tx: stop_job(tx, running.id)).job
    found = why(rig, running)

    assert asked.stop_requested_at is not None
    assert (found.reason, found.next_at) == ("stopping", asked.stop_requested_at + timedelta(seconds=7))


def test_a_lost_job_says_when_it_is_given_up(rig: StoreRig) -> None:
    rig.create()
    launcher = rig.launcher(holding=[])
    running = rig.run(launcher)

    rig.launcher(launcher_id=launcher.id, holding=[])
    lost = rig.job(running)
    found = why(rig, running)

    assert lost.lost_at is not None
    assert (found.reason, found.next_at) == ("launcher_silent", lost.lost_at + timedelta(minutes=10))


def test_a_waiting_job_says_what_comes_first_its_time_or_the_end_of_its_patience(rig: StoreRig) -> None:
    soon = BEGINNING + timedelta(minutes=5)
    timed = rig.create(not_before=soon)
    impatient = rig.create(not_before=soon, queue_timeout_seconds=60.0)
    plain = rig.create()

    assert why(rig, timed).next_at == soon
    assert why(rig, impatient).next_at == impatient.queue_expires_at
    assert why(rig, plain).next_at is None


def test_a_job_whose_launcher_gave_it_back_says_why(rig: StoreRig) -> None:
    rig.create()
    claimed = rig.claim(rig.launcher())
    sentence = "cannot start it: of an earlier attempt of its session deaf (pid 7) cannot be ended, and lives"

    rig.do(lambda tx: decline(tx, proof(claimed), "session_lives", sentence))

    found = why(rig, claimed)
    assert found.reason == "not_before"
    assert sentence in found.sentence


def test_a_job_that_is_over_waits_for_nothing(rig: StoreRig) -> None:
    rig.create()
    job = rig.run(rig.launcher())
    rig.end(job)
    over = rig.job(job)

    assert rig.do(lambda tx: explain_waiting(tx, [over])) == {}
