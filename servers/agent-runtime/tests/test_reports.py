"""What a launcher's word changes: it may start, it ended, it never began."""

from datetime import timedelta

import pytest

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.job import Job, JobStatus, Usage
from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.services.jobs.known_jobs import list_attempts
from agent_runtime.services.jobs.orders import retry_job, stop_job
from agent_runtime.services.launchers.logs import append_log
from agent_runtime.services.launchers.presence import (
    Heartbeat,
    KnownAttempt,
    Registration,
    beat,
    lose,
    register,
    remove_launcher,
)
from agent_runtime.services.launchers.reports import Proof, Report, decline, finish, start
from agent_runtime.services.ports.queries import LogChunk
from agent_runtime.services.sessions.events import GivenEvent, append_events
from support.store_rig import StoreRig, proof


def _running(rig: StoreRig, **fields: object) -> Job:
    rig.create(**fields)  # type: ignore[arg-type]  # fields of Order
    return rig.run(rig.launcher(hostname="here"))


def test_started_again_is_answered_like_the_first_time(rig: StoreRig) -> None:
    job = _running(rig)

    assert rig.start(job).status is JobStatus.RUNNING
    assert rig.events(job).count("job.started") == 1


def test_output_that_was_left_over_is_taken_from_a_launcher_that_lost_its_identity_and_shows_the_token(
    rig: StoreRig,
) -> None:
    job = _running(rig)
    rig.end(job)
    anew = rig.launcher(hostname="here")
    chunk = LogChunk(0, b"last words")

    kept = rig.do(lambda tx: append_log(tx, Proof(job.id, anew.id, job.attempt, job.token), chunk))
    for unproved in (Proof(job.id, anew.id, job.attempt, None), Proof(job.id, anew.id, job.attempt, "0" * 32)):
        with pytest.raises(Conflict, match="not the current one"):
            rig.do(lambda tx, proof=unproved: append_log(tx, proof, chunk))  # type: ignore[misc]

    assert kept == len(chunk.content)


@pytest.mark.parametrize("wrong", [{"attempt": 2}, {"token": "0" * 32}])
def test_started_with_another_attempt_or_token_is_refused(rig: StoreRig, wrong: dict[str, object]) -> None:
    rig.create()
    job = rig.claim(rig.launcher())
    shown = {"attempt": job.attempt, "token": job.token, **wrong}
    assert job.launcher_id is not None
    false_proof = Proof(job.id, job.launcher_id, **shown)  # type: ignore[arg-type]  # fields of Proof

    with pytest.raises(Conflict) as told:
        rig.do(lambda tx: start(tx, false_proof))

    assert told.value.code == "not_current"
    assert rig.job(job).status is JobStatus.CLAIMED


def test_a_job_that_was_stopped_while_claimed_may_not_start(rig: StoreRig) -> None:
    rig.create()
    job = rig.claim(rig.launcher())
    rig.do(lambda tx: stop_job(tx, job.id))

    with pytest.raises(Conflict) as told:
        rig.start(job)

    assert told.value.code == "stop_requested"
    assert rig.session(job).status == "stopped"


def test_the_first_report_wins_and_another_one_is_kept_in_the_audit(rig: StoreRig) -> None:
    job = _running(rig)
    rig.end(job, exit_code=0)

    same = rig.end(job, exit_code=0)
    other = rig.end(job, JobStatus.FAILED, exit_code=1)

    assert same.refused is None
    assert other.refused == "already_ended"
    assert rig.job(job).status is JobStatus.COMPLETED
    assert rig.events(job)[-2:] == ["job.completed", "job.report_refused"]


def test_a_report_that_differs_in_its_reason_alone_is_another_one(rig: StoreRig) -> None:
    job = _running(rig)
    rig.end(job, JobStatus.FAILED, exit_code=1, reason="timed_out")

    same = rig.end(job, JobStatus.FAILED, exit_code=1, reason="timed_out")
    other = rig.end(job, JobStatus.FAILED, exit_code=1, reason="nonzero_exit")

    assert (same.refused, other.refused) == (None, "already_ended")
    assert rig.job(job).reason == "timed_out"


def test_a_report_of_a_fenced_attempt_changes_nothing(rig: StoreRig) -> None:
    job = _running(rig)
    rig.end(job, JobStatus.FAILED, exit_code=1)
    rig.do(lambda tx: retry_job(tx, job.id))

    late = rig.end(job, exit_code=0)

    assert late.refused == "not_current"
    assert rig.job(job).status is JobStatus.PENDING


def test_a_launcher_that_knows_no_tokens_is_fenced_by_its_id(rig: StoreRig) -> None:
    rig.create()
    launcher, stranger = rig.launcher(), rig.launcher()
    job = rig.claim(launcher)
    rig.do(lambda tx: start(tx, Proof(job.id, launcher.id)))

    refused = rig.do(lambda tx: finish(tx, Report(Proof(job.id, stranger.id), JobStatus.FAILED)))
    taken = rig.do(lambda tx: finish(tx, Report(Proof(job.id, launcher.id), JobStatus.COMPLETED)))

    assert (refused.refused, taken.refused) == ("not_current", None)


def test_the_session_learns_its_host_and_the_job_keeps_what_it_consumed(rig: StoreRig) -> None:
    job = _running(rig)
    ended = rig.end(job, usage=Usage(input_tokens=3, cost_usd=0.25)).job

    session = rig.session(job)
    assert (session.hostname, session.launcher_id, session.status) == ("here", job.launcher_id, "finished")
    assert ended.usage == Usage(input_tokens=3, cost_usd=0.25)


def test_what_ended_of_itself_is_not_called_stopped(rig: StoreRig) -> None:
    job = _running(rig)
    rig.do(lambda tx: stop_job(tx, job.id))

    assert rig.end(job, JobStatus.FAILED, exit_code=7).job.status is JobStatus.FAILED


def test_a_stop_by_the_launcher_says_who_asked(rig: StoreRig) -> None:
    job = _running(rig)
    rig.do(lambda tx: stop_job(tx, job.id))

    assert rig.end(job, JobStatus.STOPPED).job.reason == "stopped_by_user"


def test_a_reason_that_nobody_knows_is_kept_in_the_error(rig: StoreRig) -> None:
    job = rig.end(_running(rig), JobStatus.FAILED, reason="sunspots", error="too bright", exit_code=3).job

    assert (job.reason, job.error) == ("nonzero_exit", "sunspots: too bright")


@pytest.mark.parametrize(
    ("attempt", "kept"),
    [(1, ("signal", "it was killed\ncode 1", 5, 0.25, (None, 15))), (2, ("nonzero_exit", "code 1", 0, 0.0, (1, None)))],
)
def test_what_a_launcher_could_not_write_is_taken_from_the_events_of_that_attempt(
    rig: StoreRig, attempt: int, kept: tuple[str, str, int, float, tuple[int | None, int | None]]
) -> None:
    job = _running(rig)
    session, told = rig.session(job), {"job_id": job.id, "attempt": attempt}
    rig.do(
        lambda tx: append_events(
            tx,
            session,
            [
                GivenEvent("result", {"usage": {"input_tokens": 5}, "cost_usd": 0.25}, **told),  # type: ignore[arg-type]
                GivenEvent("session_stop", {"reason": "signal", "error": "it was killed", "signal": 15}, **told),  # type: ignore[arg-type]
            ],
        )
    )

    ended, again = (
        rig.end(job, JobStatus.FAILED, reason="nonzero_exit", error="code 1", exit_code=1, is_cut_short=True)
        for _ in range(2)
    )

    job = ended.job
    assert (job.reason, job.error, job.usage.input_tokens, job.usage.cost_usd, (job.exit_code, job.signal)) == kept
    assert again.refused is None


def test_a_lost_job_heals_by_its_report(rig: StoreRig) -> None:
    job = _running(rig)
    rig.do(lambda tx: lose(tx, job))
    assert rig.session(job).status == "lost"

    assert rig.end(job).job.status is JobStatus.COMPLETED
    assert rig.session(job).status == "finished"


def test_a_lost_job_heals_when_its_launcher_comes_back_with_it(rig: StoreRig) -> None:
    job = _running(rig)
    rig.do(lambda tx: lose(tx, job))
    assert job.token is not None
    held = KnownAttempt(job.id, job.attempt, job.token)

    back = rig.do(lambda tx: register(tx, Registration(launcher_id=job.launcher_id, holding=[held])))

    assert [item.job_id for item in back.adopt] == [job.id]
    assert rig.job(job).status is JobStatus.RUNNING
    assert rig.events(job)[-1] == "job.healed"


def test_a_lost_job_does_not_start_at_a_launcher_that_has_left_until_that_is_back_with_it(rig: StoreRig) -> None:
    job = _running(rig)
    assert job.launcher_id is not None
    assert job.token is not None
    left, held = job.launcher_id, KnownAttempt(job.id, job.attempt, job.token)
    rig.do(lambda tx: remove_launcher(tx, left))

    with pytest.raises(NotFound) as told:
        rig.start(job)
    waits = rig.job(job).status
    rig.do(lambda tx: register(tx, Registration(launcher_id=left, holding=[held])))

    assert (told.value.code, waits) == ("launcher_unknown", JobStatus.LOST)
    assert rig.start(job).status is JobStatus.RUNNING


def test_a_claim_does_not_start_at_a_launcher_that_has_left(rig: StoreRig) -> None:
    rig.create()
    job = rig.claim(rig.launcher())
    left = job.launcher_id
    assert left is not None
    # Another runtime on the same database may take it out between a poll's look and its claim.
    rig.do(lambda tx: tx.launchers.change(left, {"status": LauncherStatus.GONE}))

    with pytest.raises(NotFound) as told:
        rig.start(job)

    assert told.value.code == "launcher_unknown"
    assert rig.job(job).status is JobStatus.CLAIMED


def test_what_a_launcher_comes_back_without_is_lost_at_once(rig: StoreRig) -> None:
    job = _running(rig)

    rig.launcher(launcher_id=job.launcher_id, holding=[])

    assert rig.job(job).status is JobStatus.LOST


def test_an_attempt_that_is_over_is_dropped(rig: StoreRig) -> None:
    job = _running(rig)
    rig.end(job)
    assert job.token is not None
    held = [KnownAttempt(job.id, job.attempt, job.token), KnownAttempt(job.id, 7, job.token)]

    back = rig.do(lambda tx: register(tx, Registration(launcher_id=job.launcher_id, holding=held)))

    assert [item.reason for item in back.drop] == ["already_ended", "not_current"]


def test_a_living_launcher_that_no_longer_holds_an_attempt_has_lost_it(rig: StoreRig) -> None:
    job = _running(rig)
    assert job.launcher_id is not None
    empty = Heartbeat(job.launcher_id, None, [])

    rig.do(lambda tx: beat(tx, empty))
    young = rig.job(job).status
    rig.clock.move(seconds=31)
    rig.do(lambda tx: beat(tx, Heartbeat(empty.launcher_id, None, [], unreported=1)))
    unreported = rig.job(job).status
    rig.do(lambda tx: beat(tx, empty))

    assert (young, unreported, rig.job(job).status) == (JobStatus.RUNNING, JobStatus.RUNNING, JobStatus.LOST)


def test_a_declined_claim_goes_back_and_rests_a_moment(rig: StoreRig) -> None:
    rig.create()
    launcher = rig.launcher()
    job = rig.claim(launcher)

    back = rig.do(lambda tx: decline(tx, proof(job), "disk_full", "no space"))

    assert (back.status, back.tries, back.waits_on) == (JobStatus.PENDING, 0, "time")
    assert not rig.poll(launcher).claims
    assert "job.declined" in rig.events(job)


def test_what_was_allowed_to_start_cannot_be_declined(rig: StoreRig) -> None:
    job = _running(rig)

    with pytest.raises(Conflict) as told:
        rig.do(lambda tx: decline(tx, proof(job), None, None))

    assert told.value.code == "already_started"


def test_an_infrastructure_failure_is_tried_again_after_a_pause(rig: StoreRig) -> None:
    job = _running(rig, max_attempts=2)
    queued = rig.resume(job.session_name)
    first = rig.end(job, JobStatus.FAILED, reason="shim_died").job

    assert first.not_before is not None
    assert timedelta(seconds=2.5) <= first.not_before - rig.clock.now() <= timedelta(seconds=5)
    assert (first.status, first.waits_on) == (JobStatus.PENDING, "time")
    assert rig.job(queued).waits_on == "session"  # the session's next job does not overtake it
    assert [past.status for past in rig.do(lambda tx: list_attempts(tx, job.id))] == ["failed"]


@pytest.mark.parametrize("reason", ["nonzero_exit", "context_overflow", "backend_auth"])
def test_other_failures_are_not_tried_again(rig: StoreRig, reason: str) -> None:
    job = _running(rig, max_attempts=5)

    assert rig.end(job, JobStatus.FAILED, reason=reason).job.status is JobStatus.FAILED


def test_the_last_try_that_was_allowed_is_the_last(rig: StoreRig) -> None:
    job = _running(rig, max_attempts=1)

    assert rig.end(job, JobStatus.FAILED, reason="shim_died").job.status is JobStatus.FAILED


def test_a_process_that_could_not_even_begin_is_a_failure(rig: StoreRig) -> None:
    rig.create()
    job = rig.claim(rig.launcher())

    ended = rig.end(job, JobStatus.FAILED, reason="spawn_failed").job

    assert (ended.status, ended.reason, rig.session(job).status) == (JobStatus.FAILED, "spawn_failed", "failed")
