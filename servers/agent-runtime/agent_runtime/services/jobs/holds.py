"""A person keeps a job back that waits, and lifts the hold again."""

from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job, JobStatus, WaitsOn
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.moves import announce_ready, emit_job_event, time_to_wait
from agent_runtime.services.ports.store import Fence, Transaction


def hold_job(tx: Transaction, job_id: JobId) -> Job:
    """Keep a job from every launcher until the hold is lifted; again is harmless.

    It keeps its place and stays its session's current job, so later messages stay behind it.

    Errors:  NotFound; Conflict `not_holdable`.
    """
    job = get_job(tx, job_id)
    if job.waits_on is WaitsOn.HELD:
        return job
    if job.status is not JobStatus.PENDING:
        raise Conflict(
            "not_holdable",
            f"cannot hold job '{job_id}': it must be pending, found '{job.status}' (POST /jobs/{job_id}/stop)",
        )
    if job.waits_on is WaitsOn.ANSWER:
        raise Conflict(
            "not_holdable",
            f"cannot hold job '{job_id}': it waits for an answer already (leave its question open, or take the job "
            f"back: DELETE /jobs/{job_id})",
        )
    if job.waits_on is WaitsOn.SESSION:
        raise Conflict(
            "not_holdable",
            f"cannot hold job '{job_id}': it must be the next one of its session, found others before it "
            f"(hold the first of them, or take this one back: DELETE /jobs/{job_id})",
        )
    held = _let_wait(tx, job, WaitsOn.HELD, "job.held")
    return held if held is not None else hold_job(tx, job_id)


def lift_hold(tx: Transaction, job_id: JobId) -> Job:
    """Let a held job wait for its time or a launcher again; a job that is not held stays as it is.

    Errors:  NotFound.
    """
    job = get_job(tx, job_id)
    if job.waits_on is not WaitsOn.HELD:
        return job
    lifted = _let_wait(tx, job, time_to_wait(tx, job), "job.hold_lifted")
    return announce_ready(tx, lifted) if lifted is not None else lift_hold(tx, job_id)


def _let_wait(tx: Transaction, job: Job, waits_on: WaitsOn | None, event: str) -> Job | None:
    """Change what a job waits on; nothing if a launcher or a stop was faster."""
    fence = Fence(status=job.status, attempt=job.attempt, token=job.token)
    changed = tx.jobs.move(job.id, fence, JobStatus.PENDING, {"waits_on": waits_on})
    if changed is None:
        return None
    session = tx.sessions.glance(job.session_id)
    assert session is not None, f"job '{job.id}' belongs to session '{job.session_id}'"
    emit_job_event(tx, session, changed, event, {"status": changed.status})
    return changed
