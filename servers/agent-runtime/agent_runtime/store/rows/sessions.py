"""The sessions in the database."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BindParameter, ClauseElement, ColumnElement, bindparam, delete, func, or_, select, update
from sqlalchemy.sql.selectable import Select

from agent_runtime.domain.ids import SESSION_ID_PREFIX, SessionId
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.ports.queries import SessionFilter
from agent_runtime.services.ports.store import SessionChanges
from agent_runtime.store.rows.search import found_by
from agent_runtime.store.statements import Channel, Record, inserting
from agent_runtime.store.tables.jobs import idempotency_keys, jobs
from agent_runtime.store.tables.search import session_texts
from agent_runtime.store.tables.sessions import events, pruned_events, sessions


class SessionTable:
    """Implements `ports.store.SessionRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(Session, sessions, channel.dialect, status=SessionStatus)
        names = [column.name for column in self._record.columns]
        everything = select(*self._record.columns)
        self._insert = channel.prepare("session insert", lambda: inserting(sessions, names))
        by_id = everything.where(sessions.c.id == bindparam("of_id"))
        by_name = everything.where(sessions.c.name == bindparam("of_id"))
        self._glance = channel.prepare("session glance", lambda: by_id)
        # Who reads a session in order to write decides by what it read: nobody else may change it meanwhile.
        self._get = channel.prepare("session get", lambda: _locked(by_id) if channel.is_shared else by_id)
        self._by_name = channel.prepare("session by name", lambda: _locked(by_name) if channel.is_shared else by_name)

    def insert(self, session: Session) -> None:
        self._channel.run(self._insert, self._record.write(session))

    def get(self, session_id: SessionId) -> Session | None:
        row = self._channel.first(self._get, {"of_id": session_id})
        return None if row is None else self._record.read(row)

    def glance(self, session_id: SessionId) -> Session | None:
        row = self._channel.first(self._glance, {"of_id": session_id})
        return None if row is None else self._record.read(row)

    def find(self, name_or_id: str) -> Session | None:
        # No name starts like an id, so one question is enough.
        statement = self._get if name_or_id.startswith(SESSION_ID_PREFIX) else self._by_name
        row = self._channel.first(statement, {"of_id": name_or_id})
        return None if row is None else self._record.read(row)

    def change(self, session_id: SessionId, changes: SessionChanges) -> Session | None:
        names = tuple(sorted(changes))
        statement = self._channel.prepare(("session change", names), lambda: self._update(names))
        row = self._channel.first(statement, {**changes, "of_id": session_id})
        return None if row is None else self._record.read(row)

    def page(self, wanted: SessionFilter) -> Sequence[Session]:
        query = (
            select(*self._record.columns)
            .where(*_belongs(wanted, self._channel.dialect.name))
            .order_by(sessions.c.id.desc())
        )
        if wanted.before is not None:
            query = query.where(sessions.c.id < wanted.before)
        if wanted.status is not None:
            query = query.where(sessions.c.status == wanted.status)
        return [self._record.read(row) for row in self._channel.ask(query.limit(wanted.limit))]

    def count_by_status(self, wanted: SessionFilter) -> Mapping[SessionStatus, int]:
        query = (
            select(sessions.c.status, func.count())
            .where(*_belongs(wanted, self._channel.dialect.name))
            .group_by(sessions.c.status)
        )
        return {SessionStatus(str(row[0])): int(str(row[1])) for row in self._channel.ask(query)}

    def delete(self, session_id: SessionId) -> None:
        self._channel.flush()  # Events that are still to be written go with the others.
        of_id: BindParameter[str] = bindparam("of_id")
        # The jobs go with the session's row, so their keys are found before it does.
        own_jobs = select(jobs.c.id).where(jobs.c.session_id == of_id)
        for table, condition in (
            (idempotency_keys, idempotency_keys.c.job_id.in_(own_jobs)),
            (events, events.c.session_id == of_id),
            (pruned_events, pruned_events.c.session_id == of_id),
            (session_texts, session_texts.c.session_id == of_id),
            (sessions, sessions.c.id == of_id),
        ):
            statement = self._channel.prepare(
                ("session delete", table.name),
                lambda table=table, condition=condition: delete(table).where(condition),  # type: ignore[misc]
            )
            self._channel.run(statement, {"of_id": session_id})

    def _update(self, names: Sequence[str]) -> ClauseElement:
        values = {name: bindparam(name, type_=sessions.c[name].type) for name in names}
        return (
            update(sessions).where(sessions.c.id == bindparam("of_id")).values(values).returning(*self._record.columns)
        )


def _belongs(wanted: SessionFilter, dialect: str) -> list[ColumnElement[bool]]:
    """Say what a session of a list must be, whatever its state."""
    given = {
        sessions.c.agent_name: wanted.agent_name,
        sessions.c.parent_session_id: wanted.parent_session_id,
        sessions.c.root_session_id: wanted.root_session_id,
    }
    conditions = [column == value for column, value in given.items() if value is not None]
    if wanted.text is not None:
        searched = (sessions.c.name, sessions.c.agent_name)
        holds = [column.icontains(wanted.text, autoescape=True) for column in searched]
        # Names are found at once and by any part of them, texts by their words a moment after they were written.
        words = found_by(wanted.text, dialect)
        conditions.append(or_(*holds, *([sessions.c.id.in_(words)] if words is not None else [])))
    return conditions


def _locked(query: Select[*tuple[object, ...]]) -> Select[*tuple[object, ...]]:
    # Weak enough for jobs of the session to be inserted meanwhile.
    return query.with_for_update(key_share=True)
