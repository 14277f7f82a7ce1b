"""Families in the database: wishes of parents, their children, and sums over a tree."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ClauseElement,
    Column,
    ColumnElement,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    literal_column,
    select,
    union_all,
)

from agent_runtime.domain.family import AT_WORK, Family
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.domain.wishes import WaitFor
from agent_runtime.store.statements import Channel, Record, inserting
from agent_runtime.store.tables.columns import Moment
from agent_runtime.store.tables.families import callbacks, families
from agent_runtime.store.tables.jobs import attempts, jobs
from agent_runtime.store.tables.sessions import sessions

_MICROSECONDS = 1_000_000
_SPENDING = (SessionStatus.RUNNING, SessionStatus.WAITING_INPUT, SessionStatus.LOST)
"""Sessions whose jobs may run, which costs time and money."""


def _at_work() -> ColumnElement[bool]:
    return sessions.c.status.in_([literal_column(f"'{status}'") for status in sorted(AT_WORK)])


def _alone() -> ClauseElement:
    own: BindParameter[str] = bindparam("of_id")
    child = sessions.alias("child")
    there = (
        select(child.c.id).where(child.c.parent_session_id == own),
        select(callbacks.c.id).where(callbacks.c.parent_session_id == own),
        select(callbacks.c.id).where(callbacks.c.child_session_id == own),
        select(families.c.session_id).where(families.c.session_id == own),
    )
    nobody = and_(sessions.c.parent_session_id.is_(None), *(~one.correlate(None).exists() for one in there))
    return select(nobody).where(sessions.c.id == own)


def _ran(attempt: Table, until: ColumnElement[datetime]) -> ColumnElement[float]:
    """How many microseconds an attempt ran; of one that goes on, or that said nothing, what the wall's clock says."""
    began = attempt.c.started_at
    by_the_wall = case((until > began, until - began), else_=literal(0))
    told = attempt.c.run_seconds * _MICROSECONDS
    return func.coalesce(told, case((began.is_not(None), by_the_wall), else_=literal(0))).label("microseconds")


class FamilyTable:
    """Implements `ports.families.FamilyRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(Family, families, channel.dialect, wait_for=WaitFor)
        self._sessions = Record(Session, sessions, channel.dialect, status=SessionStatus)

    def get(self, session_id: SessionId) -> Family | None:
        statement = self._channel.prepare(
            "family get", lambda: select(*self._record.columns).where(families.c.session_id == bindparam("of_id"))
        )
        row = self._channel.first(statement, {"of_id": session_id})
        return None if row is None else self._record.read(row)

    def put(self, family: Family) -> None:
        names = [column.name for column in self._record.columns]
        away = self._channel.prepare(
            "family delete", lambda: delete(families).where(families.c.session_id == bindparam("of_id"))
        )
        insert = self._channel.prepare("family insert", lambda: inserting(families, names))
        self._channel.run(away, {"of_id": family.session_id})
        self._channel.run(insert, self._record.write(family))

    def with_limits_at_work(self, limit: int) -> Sequence[SessionId]:
        own = sessions.alias("own")
        spends = sessions.c.status.in_([literal_column(f"'{status}'") for status in _SPENDING])
        roots = select(sessions.c.root_session_id).where(spends)
        # From what runs to its trees, and not from all trees that ever had limits.
        statement = self._channel.prepare(
            "family at work",
            lambda: (
                select(families.c.session_id)
                .select_from(own.join(families, families.c.session_id == own.c.id))
                .where(
                    own.c.root_session_id.in_(roots),
                    families.c.exceeded.is_(None),
                    families.c.limits != literal_column("'{}'"),
                )
                .order_by(families.c.session_id)
                .limit(bindparam("up_to"))
            ),
            through=("sessions AS own", "sessions_by_root"),
        )
        return [SessionId(str(row[0])) for row in self._channel.rows(statement, {"up_to": limit})]

    def is_alone(self, session_id: SessionId) -> bool:
        statement = self._channel.prepare("family alone", _alone)
        row = self._channel.first(statement, {"of_id": session_id})
        return row is not None and bool(row[0])

    def lock(self, session_id: SessionId) -> None:
        if self._channel.dialect.name == "postgresql":  # SQLite has one writer, so nobody else decides anything.
            statement = self._channel.prepare(
                "session lock",
                lambda: select(sessions.c.id).where(sessions.c.id == bindparam("of_id")).with_for_update(),
            )
            self._channel.first(statement, {"of_id": session_id})

    def children(self, session_id: SessionId, limit: int) -> Sequence[Session]:
        query = (
            select(*self._sessions.columns)
            .where(sessions.c.parent_session_id == session_id)
            .order_by(sessions.c.id)
            .limit(limit)
        )
        return [self._sessions.read(row) for row in self._channel.ask(query)]

    def names_at_work(self, session_id: SessionId, limit: int) -> Sequence[str]:
        statement = self._channel.prepare(
            "family names at work",
            lambda: (
                select(sessions.c.name)
                .where(sessions.c.parent_session_id == bindparam("of_id"), _at_work())
                .order_by(sessions.c.id)
                .limit(bindparam("up_to"))
            ),
        )
        return [str(row[0]) for row in self._channel.rows(statement, {"of_id": session_id, "up_to": limit})]

    def count_children(self, session_id: SessionId) -> int:
        return self._count(sessions.c.parent_session_id, session_id)

    def count_tree(self, root_session_id: SessionId) -> int:
        return self._count(sessions.c.root_session_id, root_session_id)

    def tree(self, root_session_id: SessionId, limit: int) -> Sequence[Session]:
        query = (
            select(*self._sessions.columns)
            .where(sessions.c.root_session_id == root_session_id)
            .order_by(sessions.c.id)
            .limit(limit)
        )
        return [self._sessions.read(row) for row in self._channel.ask(query)]

    def run_seconds(self, session_ids: Sequence[SessionId], now: datetime) -> dict[SessionId, float]:
        until = func.coalesce(jobs.c.ended_at, jobs.c.lost_at, literal(now, Moment()))
        newest = select(jobs.c.session_id, _ran(jobs, until))
        past = select(jobs.c.session_id, _ran(attempts, attempts.c.ended_at)).join(
            attempts, attempts.c.job_id == jobs.c.id
        )
        ran = union_all(*(part.where(jobs.c.session_id.in_(session_ids)) for part in (newest, past))).subquery()
        query = select(ran.c.session_id, func.sum(ran.c.microseconds)).group_by(ran.c.session_id)
        found = self._channel.connection.execute(query)
        return {SessionId(str(row[0])): float(str(row[1])) / _MICROSECONDS for row in found}

    def _count(self, column: Column[str], of_id: SessionId) -> int:
        statement = self._channel.prepare(
            ("family count", column.name),
            lambda: select(func.count()).select_from(sessions).where(column == bindparam("of_id")),
        )
        row = self._channel.first(statement, {"of_id": of_id})
        assert row is not None, "a count has one row"
        return int(str(row[0]))
