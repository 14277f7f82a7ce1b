"""Which jobs a question is about, in the database's words; each is built once for each connection.

States are written out and not bound: a database uses a partial index only if it sees the index's own condition.
"""

from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import ColumnElement, and_, bindparam, literal_column, null

from agent_runtime.domain.job import JobStatus, WaitsOn
from agent_runtime.store.tables.jobs import jobs

Condition: TypeAlias = Callable[[], ColumnElement[bool]]


def in_status(*statuses: JobStatus) -> ColumnElement[bool]:
    """Take the jobs in one of these states."""
    return jobs.c.status.in_([literal_column(f"'{status}'") for status in sorted(statuses)])


def at_a_launcher() -> ColumnElement[bool]:
    """Take the jobs that a launcher has; in the very order of states in which the index names them."""
    return jobs.c.status.in_([literal_column(f"'{status}'") for status in ("claimed", "running", "lost")])


def pending() -> ColumnElement[bool]:
    """Take the jobs that wait for whatever it be."""
    return jobs.c.status == literal_column(f"'{JobStatus.PENDING}'")


def ready() -> ColumnElement[bool]:
    """Take the jobs that a launcher may claim now."""
    return and_(pending(), jobs.c.waits_on.is_(null()))


def delayed() -> ColumnElement[bool]:
    """Take the jobs that wait for their time only."""
    return and_(waiting_for_time(), jobs.c.not_before.is_not(None))


def waiting_for_time() -> ColumnElement[bool]:
    """Take the jobs that say that they wait for a time, whether or not they name one."""
    return and_(pending(), jobs.c.waits_on == literal_column(f"'{WaitsOn.TIME}'"))


def due() -> ColumnElement[bool]:
    """Take the delayed jobs whose time has come."""
    return and_(delayed(), jobs.c.not_before <= bindparam("at"))


def expiring() -> ColumnElement[bool]:
    """Take the pending jobs that do not wait for ever."""
    return and_(pending(), jobs.c.queue_expires_at.is_not(None))


def expired() -> ColumnElement[bool]:
    """Take the pending jobs that have waited for too long."""
    return and_(expiring(), jobs.c.queue_expires_at <= bindparam("at"))


def claimed() -> ColumnElement[bool]:
    """Take the jobs whose claim ends by itself."""
    return and_(jobs.c.claim_expires_at.is_not(None), jobs.c.status == literal_column(f"'{JobStatus.CLAIMED}'"))


def claims_expired() -> ColumnElement[bool]:
    """Take the claims that nobody started in time."""
    return and_(claimed(), jobs.c.claim_expires_at <= bindparam("at"))


def lost() -> ColumnElement[bool]:
    """Take the jobs that are presumed dead."""
    return jobs.c.lost_at.is_not(None)


def lost_before() -> ColumnElement[bool]:
    """Take the jobs that have been presumed dead since before a moment."""
    return and_(lost(), jobs.c.lost_at <= bindparam("at"))


def stopping() -> ColumnElement[bool]:
    """Take the jobs that are to end and have not yet."""
    states: list[ColumnElement[str]] = [literal_column(f"'{status}'") for status in ("running", "lost")]
    return and_(jobs.c.stop_requested_at.is_not(None), jobs.c.status.in_(states))


def stopping_at_launcher() -> ColumnElement[bool]:
    """Take a launcher's jobs that are to end and have not yet."""
    return and_(stopping(), jobs.c.launcher_id == bindparam("of_id"))


def stop_announced() -> ColumnElement[bool]:
    """Take the jobs whose launcher was told that they are to end."""
    return and_(stopping(), jobs.c.stop_announced_at.is_not(None))


def stop_announced_before() -> ColumnElement[bool]:
    """Take the jobs whose launcher was told so before a moment."""
    return and_(stop_announced(), jobs.c.stop_announced_at <= bindparam("at"))


def next_of_session() -> ColumnElement[bool]:
    """Take the jobs that wait for their session."""
    waits = jobs.c.waits_on == literal_column(f"'{WaitsOn.SESSION}'")
    return and_(jobs.c.session_id == bindparam("of_id"), pending(), waits)


def unfinished_of_session() -> ColumnElement[bool]:
    """Take a session's jobs that have not ended."""
    unfinished = in_status(JobStatus.PENDING, JobStatus.CLAIMED, JobStatus.RUNNING, JobStatus.LOST)
    return and_(jobs.c.session_id == bindparam("of_id"), unfinished)
