"""Questions about rows that contradict each other, so that nothing would ever move them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, bindparam, literal, literal_column, or_, select, union_all

from agent_runtime.domain.job import TERMINAL, JobStatus, WaitsOn
from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.services.ports.queue import Stuck
from agent_runtime.store.rows import job_conditions as conditions
from agent_runtime.store.statements import Channel
from agent_runtime.store.tables.jobs import jobs
from agent_runtime.store.tables.launchers import launchers
from agent_runtime.store.tables.sessions import sessions

_UNFINISHED: Sequence[ColumnElement[str]] = [
    literal_column(f"'{status}'") for status in JobStatus if status not in TERMINAL
]
_AT_WORK: Sequence[ColumnElement[str]] = [literal_column(f"'{status}'") for status in ("pending", "running", "lost")]


def stuck_rows(channel: Channel, due_before: datetime, lost_before: datetime, limit: int) -> Sequence[Stuck]:
    """Find such jobs and sessions; each kind is looked up through an index of what is unfinished."""
    found = channel.prepare("stuck", _all_kinds)
    values: Mapping[str, object] = {"at": due_before, "lost_at": lost_before, "up_to": limit}
    return [Stuck(*(str(part) for part in row)) for row in channel.rows(found, values)]


def _all_kinds() -> Select[*tuple[object, ...]]:
    kinds = union_all(
        _of_jobs("it waits for its session, and nothing of that session goes on", _waits_for_nobody()),
        _of_jobs("it waits for a time, and none is named", _timeless()),
        _of_jobs("its time came long ago", conditions.due()),
        _of_jobs("its claim ran out long ago", jobs.c.claim_expires_at <= bindparam("at")),
        _of_jobs("it should have left the queue long ago", conditions.expired()),
        _of_jobs("it has been lost for longer than anything stays lost", _lost_for_long()),
        _of_jobs("it runs at a launcher that is not there", _at_no_launcher()),
        _sessions_without_their_job(),
    ).subquery()
    return select(kinds).limit(bindparam("up_to"))


def _of_jobs(finding: str, where: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    return select(literal(finding).label("finding"), jobs.c.id, jobs.c.session_id).where(where)


def _waits_for_nobody() -> ColumnElement[bool]:
    waits = and_(conditions.pending(), jobs.c.waits_on == str(WaitsOn.SESSION))
    its_turn = select(sessions.c.id).where(
        sessions.c.id == jobs.c.session_id, sessions.c.current_job_id != jobs.c.id, _goes_on()
    )
    return and_(waits, ~its_turn.exists())


def _timeless() -> ColumnElement[bool]:
    return and_(conditions.waiting_for_time(), jobs.c.not_before.is_(None))


def _lost_for_long() -> ColumnElement[bool]:
    return and_(conditions.lost(), jobs.c.lost_at <= bindparam("lost_at", type_=jobs.c.lost_at.type))


def _at_no_launcher() -> ColumnElement[bool]:
    alive = select(launchers.c.id).where(
        launchers.c.id == jobs.c.launcher_id, launchers.c.status == str(LauncherStatus.ALIVE)
    )
    return and_(conditions.at_a_launcher(), jobs.c.status == str(JobStatus.RUNNING), ~alive.exists())


def _sessions_without_their_job() -> Select[*tuple[object, ...]]:
    at_work = sessions.c.status.in_(_AT_WORK)
    shows_none = or_(sessions.c.current_job_id.is_(None), ~_goes_on())
    finding = literal("it shows work, and none of its jobs goes on").label("finding")
    return select(finding, literal("").label("id"), sessions.c.id.label("session_id")).where(at_work, shows_none)


def _goes_on() -> ColumnElement[bool]:
    """Take the sessions whose present job is not over."""
    current = jobs.alias("current")
    present = select(current.c.id).where(current.c.id == sessions.c.current_job_id, current.c.status.in_(_UNFINISHED))
    return present.exists()
