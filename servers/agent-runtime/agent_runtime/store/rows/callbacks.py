"""The callbacks in the database."""

from collections.abc import Callable, Sequence

from sqlalchemy import ClauseElement, ColumnElement, and_, bindparam, delete, literal_column, null, select, update
from sqlalchemy.sql.selectable import Select

from agent_runtime.domain.callback import REVIVABLE, Callback, CallbackState, StateReason
from agent_runtime.domain.ids import CallbackId, JobId, SessionId
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.wishes import CallbackPolicy
from agent_runtime.services.ports.families import CallbackChanges, CallbackFilter
from agent_runtime.store.statements import Channel, Record, inserting
from agent_runtime.store.tables.families import callbacks
from agent_runtime.store.tables.jobs import jobs
from agent_runtime.store.tables.sessions import sessions


class CallbackTable:
    """Implements `ports.families.CallbackRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(
            Callback,
            callbacks,
            channel.dialect,
            policy=CallbackPolicy,
            state=CallbackState,
            state_reason=StateReason,
            outcome=SessionStatus,
        )
        self._everything = select(*self._record.columns)

    def insert(self, callback: Callback) -> None:
        names = [column.name for column in self._record.columns]
        statement = self._channel.prepare("callback insert", lambda: inserting(callbacks, names))
        self._channel.run(statement, self._record.write(callback))

    def get(self, callback_id: CallbackId) -> Callback | None:
        statement = self._channel.prepare(
            "callback get", lambda: self._everything.where(callbacks.c.id == bindparam("of_id"))
        )
        row = self._channel.first(statement, {"of_id": callback_id})
        return None if row is None else self._record.read(row)

    def unsettled_of_parent(self, session_id: SessionId) -> Sequence[Callback]:
        return self._read("callback unsettled", self._unsettled, session_id)

    def unrested_of_child(self, session_id: SessionId) -> Sequence[Callback]:
        return self._read(
            "callback unrested",
            lambda: self._everything.where(
                callbacks.c.child_session_id == bindparam("of_id"), callbacks.c.rested_at.is_(null())
            ).order_by(callbacks.c.id),
            session_id,
        )

    def newest_of_job(self, job_id: JobId) -> Callback | None:
        found = self._read(
            "callback newest of job",
            lambda: (
                self._everything.where(callbacks.c.job_id == bindparam("of_id"))
                .order_by(callbacks.c.round.desc())
                .limit(1)
            ),
            job_id,
        )
        return found[0] if found else None

    def is_delivery(self, job_id: JobId) -> bool:
        statement = self._channel.prepare(
            "callback is delivery",
            lambda: select(callbacks.c.id).where(callbacks.c.delivery_job_id == bindparam("of_id")).limit(1),
        )
        return self._channel.first(statement, {"of_id": job_id}) is not None

    def change(self, callback: Callback, changes: CallbackChanges) -> Callback | None:
        names = tuple(sorted(changes))
        statement = self._channel.prepare(("callback change", names), lambda: self._update(names))
        row = self._channel.first(statement, {**changes, "of_id": callback.id, "if_state": callback.state})
        return None if row is None else self._record.read(row)

    def parents_with_news(self, limit: int) -> Sequence[SessionId]:
        rested = and_(_in_state(CallbackState.PENDING), callbacks.c.rested_at.is_not(None))
        return self._of_pending("callback news", lambda: select(callbacks.c.parent_session_id).where(rested), limit)

    def children_overdue(self, limit: int) -> Sequence[SessionId]:
        is_over = select(jobs.c.id).where(jobs.c.id == callbacks.c.job_id, jobs.c.ended_at.is_not(None)).exists()
        waits = and_(_in_state(CallbackState.PENDING), callbacks.c.rested_at.is_(None))
        return self._of_pending(
            "callback overdue", lambda: select(callbacks.c.child_session_id).where(waits, is_over), limit
        )

    def _of_pending(self, key: str, build: Callable[[], Select[str]], limit: int) -> Sequence[SessionId]:
        def query() -> ClauseElement:
            return build().distinct().limit(bindparam("up_to"))

        statement = self._channel.prepare(key, query, through=(callbacks.name, "callbacks_pending"))
        return [SessionId(str(row[0])) for row in self._channel.rows(statement, {"up_to": limit})]

    def page(self, wanted: CallbackFilter) -> Sequence[Callback]:
        query = self._everything.order_by(callbacks.c.id.desc()).limit(wanted.limit)
        if wanted.before is not None:
            query = query.where(callbacks.c.id < wanted.before)
        if wanted.parent_session_id is not None:
            query = query.where(callbacks.c.parent_session_id == wanted.parent_session_id)
        if wanted.child_session_id is not None:
            query = query.where(callbacks.c.child_session_id == wanted.child_session_id)
        if wanted.state is not None:
            query = query.where(_in_state(wanted.state))
        return [self._record.read(row) for row in self._channel.ask(query)]

    def forget_orphans(self, session_id: SessionId) -> None:
        alive = select(sessions.c.id)
        for mine, other in (
            (callbacks.c.parent_session_id, callbacks.c.child_session_id),
            (callbacks.c.child_session_id, callbacks.c.parent_session_id),
        ):
            query = delete(callbacks).where(mine == bindparam("of_id"), other.not_in(alive))
            statement = self._channel.prepare(("callback orphans", mine.name), lambda query=query: query)  # type: ignore[misc]
            self._channel.run(statement, {"of_id": session_id})

    def _unsettled(self) -> ClauseElement:
        # Written out, not bound: a database uses a partial index only if it sees the index's own condition.
        is_open = callbacks.c.state != literal_column(f"'{CallbackState.CONSUMED}'")
        may_matter = (callbacks.c.settled_at.is_(None)) | (
            callbacks.c.state_reason.in_([literal_column(f"'{why}'") for why in sorted(REVIVABLE)])
        )
        of_parent = callbacks.c.parent_session_id == bindparam("of_id")
        return self._everything.where(of_parent, is_open, may_matter).order_by(callbacks.c.id)

    def _read(self, key: str, build: Callable[[], ClauseElement], of_id: str) -> list[Callback]:
        statement = self._channel.prepare(key, build)
        return [self._record.read(row) for row in self._channel.rows(statement, {"of_id": of_id})]

    def _update(self, names: Sequence[str]) -> ClauseElement:
        values = {name: bindparam(name, type_=callbacks.c[name].type) for name in names}
        return (
            update(callbacks)
            .where(callbacks.c.id == bindparam("of_id"), callbacks.c.state == bindparam("if_state"))
            .values(values)
            .returning(*self._record.columns)
        )


def _in_state(state: CallbackState) -> ColumnElement[bool]:
    # Written out, not bound: a database uses a partial index only if it sees the index's own condition.
    return callbacks.c.state == literal_column(f"'{state}'")
