"""Counts over the tables, each answered from an index."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, literal_column, select

from agent_runtime.domain.callback import CallbackState
from agent_runtime.domain.job import JobStatus, WaitsOn
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.webhook import DeliveryStatus
from agent_runtime.services.ports.counts import CallbackCount, PendingCount
from agent_runtime.store.rows import job_conditions as conditions
from agent_runtime.store.statements import Channel, Row
from agent_runtime.store.tables.columns import Moment
from agent_runtime.store.tables.families import callbacks
from agent_runtime.store.tables.jobs import jobs
from agent_runtime.store.tables.sessions import sessions
from agent_runtime.store.tables.webhooks import deliveries


class CountTable:
    """Implements `ports.counts.CountRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def jobs(self) -> Mapping[JobStatus, int]:
        statement = self._channel.prepare(
            "count jobs", lambda: select(jobs.c.status, func.count()).group_by(jobs.c.status)
        )
        return {JobStatus(str(status)): _number(count) for status, count in self._channel.rows(statement, {})}

    def pending(self) -> Sequence[PendingCount]:
        statement = self._channel.prepare(
            "count pending",
            lambda: (
                select(jobs.c.lane_id, jobs.c.waits_on, func.count())
                .where(conditions.pending())
                .group_by(jobs.c.lane_id, jobs.c.waits_on)
            ),
        )
        return [
            PendingCount(_number(lane), None if waits_on is None else WaitsOn(str(waits_on)), _number(count))
            for lane, waits_on, count in self._channel.rows(statement, {})
        ]

    def sessions(self) -> Mapping[SessionStatus, int]:
        statement = self._channel.prepare(
            "count sessions", lambda: select(sessions.c.status, func.count()).group_by(sessions.c.status)
        )
        return {SessionStatus(str(status)): _number(count) for status, count in self._channel.rows(statement, {})}

    def callbacks(self, rested_before: datetime) -> CallbackCount:
        # Written out, not bound: a database uses a partial index only if it sees the index's own condition.
        waits = callbacks.c.state == literal_column(f"'{CallbackState.PENDING}'")
        is_late = callbacks.c.rested_at <= bindparam("by_then", type_=Moment)
        statement = self._channel.prepare(
            "count callbacks",
            lambda: select(func.count(), func.count().filter(is_late)).select_from(callbacks).where(waits),
        )
        pending, late = self._one(self._channel.rows(statement, {"by_then": rested_before}))
        return CallbackCount(_number(pending), _number(late))

    def deliveries(self) -> Mapping[DeliveryStatus, int]:
        statement = self._channel.prepare(
            "count deliveries", lambda: select(deliveries.c.status, func.count()).group_by(deliveries.c.status)
        )
        rows = self._channel.rows(statement, {})
        return dict.fromkeys(DeliveryStatus, 0) | {DeliveryStatus(str(one)): _number(count) for one, count in rows}

    def database_bytes(self) -> int:
        if self._channel.dialect.name == "sqlite":
            pages = func.pragma_page_count().table_valued("page_count")
            size = func.pragma_page_size().table_valued("page_size")
            query = select(pages.c.page_count * size.c.page_size)
        else:
            query = select(func.pg_database_size(func.current_database()))
        statement = self._channel.prepare("count bytes", lambda: query)
        return _number(self._one(self._channel.rows(statement, {}))[0])

    def _one(self, rows: Sequence[Row]) -> Row:
        (row,) = rows
        return row


def _number(value: object) -> int:
    return int(str(value))
