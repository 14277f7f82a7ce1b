"""What clients ask of jobs: create one, stop it, run it once more."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent_runtime.domain.checks import checks_of
from agent_runtime.domain.errors import Conflict, Invalid, NotFound
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import JobId, SessionId, new_id
from agent_runtime.domain.job import (
    PROMPT_PREVIEW_CHARACTERS,
    TERMINAL,
    IfBusy,
    Job,
    JobStatus,
    JobType,
    Move,
    Order,
    WaitsOn,
)
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.domain.limits import DEFAULT_LIMITS, Limits, read_limits
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.domain.unknown import nothing_to_resume
from agent_runtime.services.agents.requirements import PREFERRED, AgentNeeds, FindAgent
from agent_runtime.services.jobs.admission import (
    admit_child,
    admit_resume,
    find_parent,
    refuse_beyond_parent,
)
from agent_runtime.services.jobs.agreements import promise
from agent_runtime.services.jobs.budgets import refuse_overspent
from agent_runtime.services.jobs.elders import ancestors, as_kept, line_of
from agent_runtime.services.jobs.fallbacks import free_agent
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.moves import announce_ready, emit_job_event, move_job, way_home
from agent_runtime.services.jobs.open_questions import withdraw_questions
from agent_runtime.services.jobs.queue_limits import QueueGauge
from agent_runtime.services.jobs.second_starts import may_be_started_again
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.queue import Lane
from agent_runtime.services.ports.store import JobChanges, Transaction

GROUP_LABEL = "group"
"""The label whose value says which jobs are one group in their lane; without it, those of a tree of sessions are."""
RUNNING_LIMIT = "max_running"
"""The limit of an agent's blueprint that says how many of its jobs may run at once, on all launchers together."""


@dataclass(frozen=True)
class IdempotencyKey:
    """A client's name for one request, and what that request said."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class Created:
    """A job that was accepted; `is_new` is false when an equal request had made it before."""

    job: Job
    is_new: bool


@dataclass(frozen=True)
class Stopping:
    """What a stop did: `requested` is true while the launcher has yet to end the process."""

    job: Job
    requested: bool


def create_job(
    tx: Transaction,
    order: Order,
    find_agent: FindAgent,
    key: IdempotencyKey | None = None,
    gauge: QueueGauge | None = None,
    growth: Limits = DEFAULT_LIMITS,
) -> Created:
    """Accept an order: from here on it ends in one outcome, or waits and says why.

    Errors:  NotFound, Conflict, Invalid, TooMuch; nothing was written then.
    """
    job_id = _new_job_id(tx, order)
    if key is not None:
        used = tx.jobs.remember_key(key.key, key.fingerprint, job_id, tx.now)
        if used.job_id != job_id:
            return Created(_job_of_key(tx, key, used.fingerprint, used.job_id), is_new=False)
    if gauge is not None:
        gauge.admit(tx, order)
    if order.type is JobType.START_SESSION:
        agent = _agent(find_agent, order.agent_name)
        agent = free_agent(tx, agent, find_agent, lambda one: _lane_of_new(one, order))
        refuse_beyond_parent(tx, order, agent, find_agent)
        return Created(_start_session(tx, order, agent, job_id, growth), is_new=True)
    return Created(_resume_session(tx, order, find_agent, job_id), is_new=True)


def stop_job(tx: Transaction, job_id: JobId, reason: Reason = Reason.STOPPED_BY_USER) -> Stopping:
    """Stop a job: at once if nothing of it runs yet, through its launcher otherwise; again is harmless.

    Errors:  NotFound.
    """
    job = get_job(tx, job_id)
    if job.status in TERMINAL:
        return Stopping(job, requested=False)
    if job.status in (JobStatus.PENDING, JobStatus.CLAIMED):
        # What an attempt before said of its failure is no word about this end.
        stopped = move_job(tx, job, Move.STOP_WAITING, JobStatus.STOPPED, {"reason": reason, "error": None})
        # Zero rows changed: a launcher was faster, so it is stopped as a running one.
        return Stopping(stopped, requested=False) if stopped is not None else stop_job(tx, job_id, reason)
    if job.stop_requested_at is None:
        changed = tx.jobs.change(job.id, {"stop_requested_at": tx.now, "stop_reason": reason})
        assert changed is not None, f"job '{job.id}' vanished inside a transaction"
        session = tx.sessions.get(job.session_id)
        assert session is not None, f"job '{job.id}' belongs to session '{job.session_id}'"
        emit_job_event(tx, session, changed, "job.stop_requested", {"status": changed.status, "reason": reason})
        withdraw_questions(tx, changed)
        job = changed
    if job.launcher_id is not None:
        tx.wake_launcher(job.launcher_id)
    return Stopping(job, requested=True)


def retry_job(tx: Transaction, job_id: JobId) -> Job:
    """Run a failed or stopped job once more, as a new attempt.

    Errors:  NotFound; Conflict if the job is not over, or has completed.
    """
    job = get_job(tx, job_id)
    if job.status not in (JobStatus.FAILED, JobStatus.STOPPED):
        raise Conflict(
            "not_retryable", f"cannot run job '{job_id}' again: it must be failed or stopped, found '{job.status}'"
        )
    changes: JobChanges = {"not_before": None, "queue_expires_at": None, "tries": 0}
    changes |= way_home(tx, job) | _without_gone_launcher(tx, job)
    moved = move_job(tx, job, Move.RETRY, JobStatus.PENDING, changes)
    return moved if moved is not None else retry_job(tx, job_id)


def _without_gone_launcher(tx: Transaction, job: Job) -> JobChanges:
    """Let another launcher of its machine have a job whose own one, such as a command in a terminal, has left."""
    if job.required_launcher_id is None:
        return {}
    wanted, session = tx.launchers.get(job.required_launcher_id), tx.sessions.get(job.session_id)
    if wanted is not None and wanted.status is LauncherStatus.ALIVE:
        return {}
    host = session.hostname if session is not None and session.hostname is not None else job.required_host
    lane = replace(tx.queue.lane_by_id(job.lane_id), required_launcher_id=None, required_host=host)
    return {"required_launcher_id": None, "required_host": host, "lane_id": tx.queue.lane(lane)}


def _new_job_id(tx: Transaction, order: Order) -> JobId:
    """Make an id; the jobs of one session keep their order, and with it their turns, when the clock is set back."""
    session = tx.sessions.find(order.session_name) if order.type is JobType.RESUME_SESSION else None
    newest = tx.jobs.page(JobFilter(limit=1, session_id=session.id)) if session is not None else ()
    return JobId(new_id("job_", tx.now, tx.random_bytes, after=newest[0].id if newest else ""))


def _job_of_key(tx: Transaction, key: IdempotencyKey, fingerprint: str, job_id: JobId) -> Job:
    if fingerprint != key.fingerprint:
        raise Invalid(
            "idempotency_key_reused",
            f"the idempotency key '{key.key}' belongs to another request, which made job '{job_id}' "
            "(use a new key for a new job)",
        )
    return get_job(tx, job_id)


def _agent(find_agent: FindAgent, name: str | None) -> AgentNeeds:
    if name is None:
        raise Invalid(
            "no_default_agent",
            "cannot choose an agent: none is named, and no connected launcher can run one of "
            f"{', '.join(PREFERRED)} (install one of them and sign in where a launcher runs, name an agent, or set "
            "AGENT_RUNTIME_DEFAULT_AGENT)",
        )
    agent = find_agent(name)
    if agent is None:
        raise NotFound("agent_unknown", f"no agent '{name}' (GET /agents lists those that there are)")
    if not agent.active:
        raise Conflict("agent_inactive", f"agent '{name}' is inactive (activate it first)")
    return agent


def _start_session(tx: Transaction, order: Order, agent: AgentNeeds, job_id: JobId, growth: Limits) -> Job:
    there = tx.sessions.find(order.session_name)
    parent = find_parent(tx, order) if there is None or there.current_job_id is None else None
    if there is not None and may_be_started_again(tx, there, parent):
        return _start_again(tx, order, agent, job_id, there, parent)
    if there is not None:
        raise Conflict(
            "session_exists",
            f"session '{order.session_name}' exists already (resume it, or choose another name)",
        )
    session_id = SessionId(new_id("ses_", tx.now, tx.random_bytes))
    if parent is not None:
        admit_child(tx, parent, order, growth)
    session = Session(
        id=session_id,
        name=order.session_name,
        agent_name=agent.name,
        project_dir=order.project_dir,
        parent_session_id=parent.id if parent is not None else None,
        parent_session_name=parent.name if parent is not None else None,
        root_session_id=parent.root_session_id if parent is not None else session_id,
        depth=parent.depth + 1 if parent is not None else 0,
        elders=as_kept(line_of(tx, parent)) if parent is not None else None,
        current_job_id=job_id,
        created_at=tx.now,
        updated_at=tx.now,
    )
    tx.sessions.insert(session)
    facts: dict[str, Json] = {
        "agent_name": agent.name,
        **({"instead_of": order.agent_name} if order.agent_name != agent.name else {}),
        "status": session.status,
        "parent_session_name": session.parent_session_name,
        "parent_session_id": session.parent_session_id,
    }
    tx.emit(NewEvent.of_session(session, "session.created", tx.now, facts))
    return _insert_job(tx, order, session, agent, job_id, parent=parent, waits_on=_time_to_wait(tx, order))


def _start_again(
    tx: Transaction, order: Order, agent: AgentNeeds, job_id: JobId, session: Session, parent: Session | None
) -> Job:
    """Start a session of which nothing has run once more, as it is ordered now; and keep what was tried."""
    if parent is not None:
        refuse_overspent(tx, [parent, *ancestors(tx, parent)], order.session_name)
    changed = tx.sessions.change(
        session.id,
        {
            "agent_name": agent.name,
            "project_dir": order.project_dir,
            "hostname": None,
            "launcher_id": None,
            "current_job_id": job_id,
            "status": SessionStatus.PENDING,
            "updated_at": tx.now,
        },
    )
    assert changed is not None, f"session '{session.id}' vanished inside a transaction"
    return _insert_job(tx, order, changed, agent, job_id, parent=parent, waits_on=_time_to_wait(tx, order))


def _resume_session(tx: Transaction, order: Order, find_agent: FindAgent, job_id: JobId) -> Job:
    session = tx.sessions.find(order.session_name)
    if session is None:
        raise nothing_to_resume(order.session_name)
    agent = _agent(find_agent, session.agent_name)
    parent = find_parent(tx, order)
    if not order.is_news:
        admit_resume(tx, session, parent, order)
    if session.current_job_id is None:
        job = _insert_job(tx, order, session, agent, job_id, parent=parent, waits_on=_time_to_wait(tx, order))
        tx.sessions.change(
            session.id, {"current_job_id": job.id, "status": SessionStatus.PENDING, "updated_at": tx.now}
        )
        return job
    if order.if_busy is IfBusy.REJECT:
        raise Conflict(
            "session_busy",
            f"session '{session.name}' is busy with job '{session.current_job_id}' "
            "(wait for its end, or let the job queue with if_busy 'enqueue')",
        )
    job = _insert_job(tx, order, session, agent, job_id, parent=parent, waits_on=WaitsOn.SESSION)
    if order.if_busy is IfBusy.INTERRUPT:
        stop_job(tx, session.current_job_id, Reason.STOPPED_BY_USER)
    return get_job(tx, job.id)


def _time_to_wait(tx: Transaction, order: Order) -> WaitsOn | None:
    return WaitsOn.TIME if order.not_before is not None and order.not_before > tx.now else None


def asked_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Leave out the label that groups jobs: it asks nothing of who runs the job."""
    return {name: value for name, value in labels.items() if name != GROUP_LABEL}


def _lane(agent: AgentNeeds, order: Order, labels: Mapping[str, str], host: str | None) -> Lane:
    limit = agent.limits.get(RUNNING_LIMIT)
    is_limited = isinstance(limit, int) and not isinstance(limit, bool) and limit > 0
    return Lane(
        id=0,
        labels=asked_labels(labels),
        required_host=host,
        required_launcher_id=order.launcher_id,
        priority=order.priority,
        agent_name=agent.name if is_limited else None,
        agent_limit=int(str(limit)) if is_limited else None,
        client=agent.client,
        backend=agent.quota.backend if agent.quota is not None else None,
        model=agent.quota.model if agent.quota is not None else None,
        account=agent.quota.account if agent.quota is not None else None,
    )


def _lane_of_new(agent: AgentNeeds, order: Order) -> Lane:
    return _lane(agent, order, {**agent.labels, **order.labels}, order.required_host)


def _insert_job(
    tx: Transaction,
    order: Order,
    session: Session,
    agent: AgentNeeds,
    job_id: JobId,
    *,
    parent: Session | None,
    waits_on: WaitsOn | None,
) -> Job:
    orderer = parent.name if parent is not None else session.parent_session_name
    job = _new_job(tx, order, session, agent, job_id, waits_on, orderer)
    tx.jobs.insert(job, order.prompt)
    if job.has_checks:
        tx.jobs.keep_checks(job.id, checks_of(order.checks, agent.checks))
    emit_job_event(
        tx, session, job, "job.created", {"status": job.status, "type": job.type, "agent_name": job.agent_name}
    )
    promise(tx, order, job, session, parent, read_limits(agent.limits, f"limits of agent '{agent.name}'"))
    return announce_ready(tx, job)


def _queue_expiry(tx: Transaction, order: Order) -> datetime | None:
    if order.queue_timeout_seconds is None:
        return None
    expires_at = tx.now + timedelta(seconds=order.queue_timeout_seconds)
    tx.due_at(expires_at)
    return expires_at


def _new_job(
    tx: Transaction,
    order: Order,
    session: Session,
    agent: AgentNeeds,
    job_id: JobId,
    waits_on: WaitsOn | None,
    parent_session_name: str | None,
) -> Job:
    labels = {**agent.labels, **order.labels}
    host = session.hostname or order.required_host
    lane_id = tx.queue.lane(_lane(agent, order, labels, host))
    group_name = labels.get(GROUP_LABEL) or session.root_session_id
    return Job(
        id=job_id,
        type=order.type,
        waits_on=waits_on,
        lane_id=lane_id,
        group_name=group_name,
        # With its place at once: written later, it would be written twice.
        place=tx.queue.next_place(lane_id, group_name) if waits_on is None else None,
        session_id=session.id,
        session_name=session.name,
        parent_session_name=parent_session_name,
        agent_name=agent.name,
        prompt_preview=order.prompt[:PROMPT_PREVIEW_CHARACTERS],
        project_dir=order.project_dir or session.project_dir,
        labels=labels,
        priority=order.priority,
        timeout_seconds=order.timeout_seconds,
        stop_grace_seconds=order.stop_grace_seconds,
        if_busy=order.if_busy,
        max_attempts=order.max_attempts,
        rerun_lost=order.rerun_lost,
        retries={**agent.retries, **order.retries},
        has_checks=bool(checks_of(order.checks, agent.checks)),
        questions=order.questions,
        not_before=order.not_before,
        queue_expires_at=_queue_expiry(tx, order),
        callback=order.callback,
        required_launcher_id=order.launcher_id,
        required_host=host,
        created_at=tx.now,
        queued_at=tx.now,
    )
