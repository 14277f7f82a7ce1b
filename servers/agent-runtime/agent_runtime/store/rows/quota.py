"""The quota holds in the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, literal_column, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.quota_hold import HoldId, HoldState, QuotaHold
from agent_runtime.services.ports.quota import HoldChanges
from agent_runtime.store.rows.locks import take_lock
from agent_runtime.store.statements import Channel, Record, inserting
from agent_runtime.store.tables.quota import quota_holds


class QuotaTable:
    """Implements `ports.quota.QuotaRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(QuotaHold, quota_holds, channel.dialect, state=HoldState)

    def lock(self) -> None:
        take_lock(self._channel, "quota holds")

    def insert(self, hold: QuotaHold) -> None:
        names = [column.name for column in self._record.columns]
        self._channel.run(
            self._channel.prepare("hold insert", lambda: inserting(quota_holds, names)), self._record.write(hold)
        )

    def get(self, hold_id: HoldId) -> QuotaHold | None:
        statement = self._channel.prepare(
            "hold get", lambda: select(*self._record.columns).where(quota_holds.c.id == bindparam("of_id"))
        )
        row = self._channel.first(statement, {"of_id": hold_id})
        return None if row is None else self._record.read(row)

    def open(self) -> Sequence[QuotaHold]:
        statement = self._channel.prepare(
            "holds open", lambda: select(*self._record.columns).where(is_open()).order_by(quota_holds.c.id)
        )
        return [self._record.read(row) for row in self._channel.rows(statement, {})]

    def change(self, hold_id: HoldId, changes: HoldChanges) -> QuotaHold | None:
        names = tuple(sorted(changes))
        statement = self._channel.prepare(("hold change", names), lambda: self._update(names))
        row = self._channel.first(statement, {**changes, "of_id": hold_id})
        return None if row is None else self._record.read(row)

    def begin_probe(self, hold_id: HoldId, job_id: JobId, attempt: int, now: datetime) -> bool:
        names = ("probe_attempt", "probe_began_at", "probe_job_id")
        statement = self._channel.prepare(
            "hold probe",
            lambda: self._update(names).where(
                quota_holds.c.probe_job_id.is_(None), quota_holds.c.state == literal_column(f"'{HoldState.TRYING}'")
            ),
        )
        values = {"probe_job_id": job_id, "probe_attempt": attempt, "probe_began_at": now, "of_id": hold_id}
        return self._channel.first(statement, values) is not None

    def forget(self, lifted_before: datetime) -> int:
        old = quota_holds.c.lifted_at < bindparam("before", type_=quota_holds.c.lifted_at.type)
        statement = self._channel.prepare("holds forget", lambda: delete(quota_holds).where(old))
        return self._channel.run(statement, {"before": lifted_before})

    def _update(self, names: Sequence[str]) -> ReturningUpdate[*tuple[object, ...]]:
        values = {name: bindparam(name, type_=quota_holds.c[name].type) for name in names}
        mine = quota_holds.c.id == bindparam("of_id")
        return update(quota_holds).where(mine, is_open()).values(values).returning(*self._record.columns)


def is_open() -> ColumnElement[bool]:
    """Take the holds that are not lifted; in the words of their index."""
    return quota_holds.c.lifted_at.is_(None)
