"""The events in the database, in the one order in which everybody sees them."""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    ClauseElement,
    ColumnElement,
    Integer,
    String,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from agent_runtime.domain.event import SESSION_EVENT_TYPES, Event, NewEvent
from agent_runtime.domain.ids import JobId, SessionId
from agent_runtime.store.rows.locks import EVENTS, lock_number
from agent_runtime.store.statements import Channel, Record, Row, inserting_once
from agent_runtime.store.tables.jobs import told_bytes
from agent_runtime.store.tables.sessions import events, pruned_events

_TOLD: Sequence[ColumnElement[str]] = [literal_column(f"'{kind}'") for kind in sorted(SESSION_EVENT_TYPES)]
_NUMBERING = """
WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(:lock) WHERE :many > 0)
SELECT CASE WHEN :many > 0 THEN pg_current_xact_id() ELSE pg_current_xact_id_if_assigned() END::text, 0
UNION ALL
SELECT NULL, nextval('events_seq_seq') FROM locked, generate_series(1, :many)
"""


class EventTable:
    """Implements `ports.store.EventRows`, and remembers what the open transaction has appended."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(NewEvent, events, channel.dialect)
        self._appended: list[Event] = []
        self._unwritten: list[Event] = []
        self._append = channel.prepare("event append", lambda: self._inserting(once=False))
        if channel.is_shared:
            self._numbers = channel.prepare("event numbers", self._numbering)
            self._append_numbered = channel.prepare("event append numbered", self._inserting_numbered)
            self._append_only = channel.prepare("event append only", self._inserting_only)
            channel.at_the_end(self._write_all)

    def append(self, event: NewEvent) -> tuple[Event, bool]:
        if self._channel.is_shared:
            return self._append_last(event)
        statement = self._append
        if event.client_event_id is not None:
            statement = self._channel.prepare("event append once", lambda: self._inserting(once=True))
        row = self._channel.first(statement, self._record.write(event))
        if row is None:
            return self._twin(event), True
        appended = Event(_seq(row[0]), event)
        self._appended.append(appended)
        return appended, False

    def take_appended(self) -> Sequence[Event]:
        """Give what was appended since the last time this was asked."""
        appended, self._appended = self._appended, []
        self._unwritten = []
        return appended

    def _append_last(self, event: NewEvent) -> tuple[Event, bool]:
        """Keep the event until the end: the lock that keeps the events in the order of the commits is short then."""
        if event.client_event_id is not None and event.session_id is not None:
            # No other transaction appends to this session meanwhile: its row is locked by who reads it to change it.
            for one in self._unwritten:
                if (one.new.session_id, one.new.client_event_id) == (event.session_id, event.client_event_id):
                    return one, True
            twin = self._find_twin(event)
            if twin is not None:
                return twin, True
        appended = Event(0, event)
        self._unwritten.append(appended)
        self._appended.append(appended)
        return appended, False

    def _write_all(self) -> int | None:
        """Give the events their places and write them; until the commit nobody else can.

        Shape:   the number of the transaction, by which the database tells later what became of it.
        """
        events_now, self._unwritten = self._unwritten, []
        if len(events_now) == 1:
            return self._write_only(events_now[0])
        rows = self._channel.rows(self._numbers, {"lock": lock_number(EVENTS), "many": len(events_now)})
        transaction_id = int(str(rows[0][0])) if rows[0][0] is not None else None
        for event, row in zip(events_now, rows[1:], strict=True):
            event.seq = _seq(row[1])
        if events_now:
            written = [{**self._record.write(event.new), "seq": event.seq} for event in events_now]
            self._channel.run_many(self._append_numbered, written)
        return transaction_id

    def _write_only(self, event: Event) -> int:
        """Give one event its place and write it, in one question: most transactions have just one."""
        values = {**self._record.write(event.new), "lock": lock_number(EVENTS)}
        row = self._channel.first(self._append_only, values)
        assert row is not None, "an event that was written has a place"
        event.seq = _seq(row[0])
        return int(str(row[1]))

    def _numbering(self) -> ClauseElement:
        """Ask for the lock first and for the places then, in one question; without events for neither."""
        return text(_NUMBERING).bindparams(bindparam("lock", type_=BigInteger()), bindparam("many", type_=Integer()))

    def of_session(self, session_id: SessionId, after: int, limit: int, types: Sequence[str]) -> Sequence[Event]:
        query = (
            select(events.c.seq, *self._record.columns)
            .where(events.c.session_id == session_id, events.c.seq > after)
            .order_by(events.c.seq)
            .limit(limit)
        )
        if types:
            query = query.where(events.c.type.in_(types))
        return [self._read(row) for row in self._channel.ask(query)]

    def of_session_before(
        self, session_id: SessionId, before: int, limit: int, types: Sequence[str]
    ) -> Sequence[Event]:
        query = (
            select(events.c.seq, *self._record.columns)
            .where(events.c.session_id == session_id, events.c.seq < before)
            .order_by(events.c.seq.desc())
            .limit(limit)
        )
        if types:
            query = query.where(events.c.type.in_(types))
        return [self._read(row) for row in reversed(self._channel.ask(query))]

    def last_told(self, session_id: SessionId) -> NewEvent | None:
        statement = self._channel.prepare(
            "event last told",
            lambda: (
                select(events.c.seq, *self._record.columns)
                .where(events.c.session_id == bindparam("of_id"), events.c.type.in_(_TOLD))
                .order_by(events.c.seq.desc())
                .limit(1)
            ),
            through=("events", "events_by_session"),
        )
        row = self._channel.first(statement, {"of_id": session_id})
        return None if row is None else self._read(row).new

    def after(self, seq: int, limit: int) -> Sequence[Event]:
        statement = self._channel.prepare(
            "event after",
            lambda: (
                select(events.c.seq, *self._record.columns)
                .where(events.c.seq > bindparam("seq_of"))
                .order_by(events.c.seq)
                .limit(bindparam("up_to"))
            ),
        )
        return [self._read(row) for row in self._channel.rows(statement, {"seq_of": seq, "up_to": limit})]

    def bounds(self) -> tuple[int, int]:
        # Two questions: a database answers each from one end of the index, and both at once from all of it.
        return self._end(func.min(events.c.seq), "oldest"), self._end(func.max(events.c.seq), "newest")

    def note_told(self, job_id: JobId, attempt: int, size: int) -> int:
        adding = self._channel.prepare("told add", self._adding_told)
        row = self._channel.first(adding, {"job_id": job_id, "attempt": attempt, "told": size})
        assert row is not None, "the row was there or was made"
        return _seq(row[0])

    def gone_through(self, session_id: SessionId | None = None) -> int:
        statement = self._channel.prepare(
            "events gone",
            lambda: select(pruned_events.c.through_seq).where(pruned_events.c.session_id == bindparam("of_session")),
        )
        row = self._channel.first(statement, {"of_session": session_id or ""})
        return 0 if row is None else _seq(row[0])

    def _end(self, end: ColumnElement[int], name: str) -> int:
        row = self._channel.first(self._channel.prepare(("event", name), lambda: select(func.coalesce(end, 0))), {})
        assert row is not None
        return _seq(row[0])

    def _twin(self, event: NewEvent) -> Event:
        twin = self._find_twin(event)
        assert twin is not None, "an event that could not be written is there"
        return twin

    def _find_twin(self, event: NewEvent) -> Event | None:
        statement = self._channel.prepare(
            "event twin",
            lambda: select(events.c.seq, *self._record.columns).where(
                events.c.session_id == bindparam("of_session"), events.c.client_event_id == bindparam("of_client")
            ),
        )
        values = {"of_session": event.session_id, "of_client": event.client_event_id}
        row = self._channel.first(statement, values)
        return None if row is None else self._read(row)

    def _read(self, row: Row) -> Event:
        return Event(_seq(row[0]), self._record.read(row[1:]))

    def _adding_told(self) -> ClauseElement:
        insert = postgresql.insert if self._channel.dialect.name == "postgresql" else sqlite.insert
        given = {name: bindparam(name, type_=told_bytes.c[name].type) for name in ("job_id", "attempt", "told")}
        written = insert(told_bytes).values(given)
        return written.on_conflict_do_update(
            index_elements=[told_bytes.c.job_id, told_bytes.c.attempt],
            set_={"told": told_bytes.c.told + written.excluded.told},
        ).returning(told_bytes.c.told)

    def _inserting(self, *, once: bool) -> ClauseElement:
        names = [column.name for column in self._record.columns]
        values = {name: bindparam(name, type_=events.c[name].type) for name in names}
        if not once:
            return insert(events).values(values).returning(events.c.seq)
        return inserting_once(events, names, self._channel.dialect).returning(events.c.seq)

    def _inserting_numbered(self) -> ClauseElement:
        names = ["seq", *[column.name for column in self._record.columns]]
        return insert(events).values({name: bindparam(name, type_=events.c[name].type) for name in names})

    def _inserting_only(self) -> ClauseElement:
        lock = select(func.pg_advisory_xact_lock(bindparam("lock", type_=BigInteger()))).cte("locked")
        locked = lock.prefix_with("MATERIALIZED", dialect="postgresql")
        names = [column.name for column in self._record.columns]
        given = [bindparam(name, type_=events.c[name].type) for name in names]
        event = select(func.nextval("events_seq_seq"), *given).select_from(locked)
        return (
            insert(events)
            .from_select(["seq", *names], event)
            .returning(events.c.seq, cast(func.pg_current_xact_id(), String()))
        )


def _seq(value: object) -> int:
    assert isinstance(value, int)
    return value
