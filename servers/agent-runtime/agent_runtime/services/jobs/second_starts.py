"""A start that ended before any agent ran leaves its session's name free for another one."""

from agent_runtime.domain.job import Job
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.store import Transaction

_BEFORE_ANY_AGENT = frozenset(
    {
        *(Reason.SPAWN_FAILED, Reason.BACKEND_MISSING, Reason.INVALID_PARAMETERS, Reason.PROJECT_DIR_REFUSED),
        *(Reason.SECRET_MISSING, Reason.SANDBOX_UNAVAILABLE, Reason.QUEUE_EXPIRED, Reason.CLAIM_EXPIRED),
        Reason.UNWITNESSED,
    }
)
_JOBS_ASKED = 20


def may_be_started_again(tx: Transaction, session: Session, parent: Session | None) -> bool:
    """Tell whether nothing of a session has ever run, and it would hang below the same parent as before."""
    is_at_rest = session.current_job_id is None and session.status in (SessionStatus.FAILED, SessionStatus.STOPPED)
    # Our commands name the backend as soon as the agent is up; other ones may name none, so the jobs are asked too.
    if not is_at_rest or session.backend is not None or session.result is not None:
        return False
    if (parent.id if parent is not None else None) != session.parent_session_id:
        return False
    jobs = tx.jobs.page(JobFilter(limit=_JOBS_ASKED + 1, session_id=session.id))
    return len(jobs) <= _JOBS_ASKED and all(map(_never_began, jobs))


def _never_began(job: Job) -> bool:
    return job.started_at is None or job.reason in _BEFORE_ANY_AGENT
