"""The launchers in the database."""

from collections.abc import Sequence

from sqlalchemy import ClauseElement, ColumnElement, bindparam, literal_column, select, update

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.services.ports.store import LauncherChanges
from agent_runtime.store.statements import Channel, Record, inserting
from agent_runtime.store.tables.launchers import launchers


class LauncherTable:
    """Implements `ports.store.LauncherRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(Launcher, launchers, channel.dialect, status=LauncherStatus)
        names = [column.name for column in self._record.columns]
        everything = select(*self._record.columns)
        self._insert = channel.prepare("launcher insert", lambda: inserting(launchers, names))
        self._get = channel.prepare("launcher get", lambda: everything.where(launchers.c.id == bindparam("of_id")))
        self._present = channel.prepare(
            "launcher present",
            lambda: everything.where(_is_present()).order_by(launchers.c.id),
            through=(launchers.name, "launchers_present"),
        )

    def insert(self, launcher: Launcher) -> None:
        self._channel.run(self._insert, self._record.write(launcher))

    def get(self, launcher_id: LauncherId) -> Launcher | None:
        row = self._channel.first(self._get, {"of_id": launcher_id})
        return None if row is None else self._record.read(row)

    def get_to_change(self, launcher_id: LauncherId) -> Launcher | None:
        statement = self._get
        if self._channel.is_shared:
            statement = self._channel.prepare(
                "launcher get locked",
                lambda: (
                    select(*self._record.columns)
                    .where(launchers.c.id == bindparam("of_id"))
                    .with_for_update(key_share=True)
                ),
            )
        row = self._channel.first(statement, {"of_id": launcher_id})
        return None if row is None else self._record.read(row)

    def with_cut_poll(self) -> Sequence[LauncherId]:
        statement = self._channel.prepare(
            "launcher cut",
            lambda: select(launchers.c.id).where(_is_present(), launchers.c.poll_dropped_at.is_not(None)),
            through=(launchers.name, "launchers_present"),
        )
        return [LauncherId(str(row[0])) for row in self._channel.rows(statement, {})]

    def change(self, launcher_id: LauncherId, changes: LauncherChanges) -> Launcher | None:
        names = tuple(sorted(changes))
        statement = self._channel.prepare(("launcher change", names), lambda: self._update(names))
        row = self._channel.first(statement, {**changes, "of_id": launcher_id})
        return None if row is None else self._record.read(row)

    def all(self) -> Sequence[Launcher]:
        statement = self._channel.prepare(
            "launcher all", lambda: select(*self._record.columns).order_by(launchers.c.id)
        )
        return [self._record.read(row) for row in self._channel.rows(statement, {})]

    def present(self) -> Sequence[Launcher]:
        return [self._record.read(row) for row in self._channel.rows(self._present, {})]

    def of_instance(self, instance_id: str) -> LauncherId | None:
        own = launchers.c.instance_id == bindparam("of_instance")
        # Said once more, without which the index could not be used.
        statement = self._channel.prepare(
            "launcher of instance", lambda: select(launchers.c.id).where(own, launchers.c.instance_id.is_not(None))
        )
        row = self._channel.first(statement, {"of_instance": instance_id})
        return None if row is None else LauncherId(str(row[0]))

    def _update(self, names: Sequence[str]) -> ClauseElement:
        values = {name: bindparam(name, type_=launchers.c[name].type) for name in names}
        return (
            update(launchers)
            .where(launchers.c.id == bindparam("of_id"))
            .values(values)
            .returning(*self._record.columns)
        )


def _is_present() -> ColumnElement[bool]:
    # Written out, not bound: a database uses a partial index only if it sees the index's own condition.
    return launchers.c.status != literal_column(f"'{LauncherStatus.GONE}'")
