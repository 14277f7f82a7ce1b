"""What a launcher is told of a job that was tried before: a conversation that began goes on, and is told so."""

from agent_runtime.domain.job import Job, JobType
from agent_runtime.domain.launcher import Launcher
from agent_runtime.services.jobs.giving_way import answers_for, has_given_way
from agent_runtime.services.ports.queries import PastAttempt
from agent_runtime.services.ports.store import Transaction

_LAST = 2**53
_ERROR_CHARACTERS = 500
_GO_ON = (
    "[Your turn was interrupted before it was done: {why}. This conversation goes on where it ended. What you have "
    "done so far is done: look at it before you repeat anything, and finish what you were asked. It was:]\n\n{prompt}"
)
_NOT_HERE = (
    "[This was begun on another machine and interrupted: {why}. That conversation is not here, and what was done there "
    "may be done: look before you repeat anything. You are asked:]\n\n{prompt}"
)


def as_told(tx: Transaction, launcher: Launcher, job: Job, prompt: str) -> tuple[JobType, str]:
    """Say as what a launcher is to run a job, and with which words."""
    if job.attempt < 2:
        return job.type, prompt
    past = tx.jobs.past_attempts(job.id)
    answers = answers_for(tx, job, past)
    session = tx.sessions.glance(job.session_id)
    if session is None or session.backend_session_id is None:
        return job.type, "\n\n".join([prompt, *answers])
    if answers and has_given_way(job):
        return JobType.RESUME_SESSION, "\n\n".join(answers)
    before = [one for one in past if one.started_at is not None]
    has_spoken = bool(before) and _has_spoken(tx, job)
    is_here = session.hostname in (None, launcher.hostname)
    # Never a new conversation under the name of one that is there.
    kind, frame = (JobType.RESUME_SESSION, _GO_ON) if is_here else (job.type, _NOT_HERE)
    told = frame.format(why=_why(before[-1]), prompt=prompt) if has_spoken else prompt
    return kind, "\n\n".join([told, *answers])


def _has_spoken(tx: Transaction, job: Job) -> bool:
    """Tell whether this job's own prompt has reached the agent: one of a later turn may never have come so far."""
    found = tx.events.of_session_before(job.session_id, _LAST, 1, ["session_start"])
    return bool(found) and found[0].new.job_id == job.id


def _why(past: PastAttempt) -> str:
    said = " ".join((past.error or "").split())[:_ERROR_CHARACTERS].rstrip(".")
    reason = past.reason or str(past.status)
    return f"{reason}: {said}" if said else reason
