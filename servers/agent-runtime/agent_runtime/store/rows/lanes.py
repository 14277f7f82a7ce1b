"""The lanes: what a launcher must be for each kind of job that was ever asked for."""

import json
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import ColumnElement, bindparam, func, literal, select

from agent_runtime.domain.ids import LauncherId
from agent_runtime.services.ports.queue import Lane
from agent_runtime.store.rows.quota import is_open
from agent_runtime.store.statements import Channel, Record, Row, inserting_once
from agent_runtime.store.tables.jobs import lanes
from agent_runtime.store.tables.quota import quota_holds


class LaneTable:
    """Finds and makes lanes; a lane never changes, so what was read once is remembered.

    Only lanes that any launcher may serve are: each command that a person types is a launcher with a lane of its own.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(Lane, lanes, channel.dialect)
        self._shared: dict[int, Lane] = {}
        self._by_host: dict[str | None, list[Lane]] = {}
        self._size: Row = (0, 0)
        self.has_holds = False
        holds = select(quota_holds.c.id).where(is_open()).exists()
        # Not the newest id alone: of two runtimes, the one with the larger id may commit first.
        self._sizing = channel.prepare(
            "lane size",
            lambda: (
                select(
                    func.count(),
                    func.coalesce(func.max(lanes.c.id), 0),
                    select(literal(1)).where(holds).scalar_subquery(),
                )
                .select_from(lanes)
                .where(_is_shared())
            ),
        )

    def find_or_make(self, wanted: Lane) -> int:
        """Give the id of the lane with these wishes."""
        key = _key(wanted)
        found = self._find(key)
        if found is not None:
            return found
        names = (
            "key", "labels", "required_host", "required_launcher_id", "priority", "agent_name", "agent_limit",
            "client", "backend", "model", "account",
        )  # fmt: skip
        insert = self._channel.prepare("lane insert", lambda: inserting_once(lanes, names, self._channel.dialect))
        self._channel.run(insert, {**self._record.write(wanted), "key": key})
        made = self._find(key)
        assert made is not None, "a lane that was just written is there"
        return made

    def by_id(self, lane_id: int) -> Lane:
        """Give the lane that a job stands in."""
        found = self._shared.get(lane_id)
        if found is None:
            (found,) = self._read("lane get", _has_id, {"of_id": lane_id})
        return found

    def of_launcher(self, launcher_id: LauncherId, hostname: str) -> Sequence[Lane]:
        """Read the lanes that ask for no other launcher and no other host."""
        self._refresh()
        shared = [*self._by_host.get(None, ()), *self._by_host.get(hostname, ())]
        own = self._read("lanes own", _is_of_launcher, {"of_id": launcher_id})
        return shared + [lane for lane in own if lane.required_host in (None, hostname)]

    def limited_to(self, agent_name: str) -> Sequence[Lane]:
        """Read the lanes in which no more than some jobs of this agent may run at once."""
        return self._read("lanes limited", _is_of_agent, {"of_agent": agent_name})

    def _refresh(self) -> None:
        """Read the shared lanes again, but only when they have become more, fewer, or were rolled back."""
        answer = self._channel.first(self._sizing, {})
        assert answer is not None
        # Asked along: no question of its own for what is rare.
        *size, hold = answer
        self.has_holds = hold is not None
        if tuple(size) == self._size:
            return
        found = self._read("lanes shared", _is_shared, {})
        self._size = tuple(size)
        self._shared = {lane.id: lane for lane in found}
        self._by_host = {}
        for lane in found:
            self._by_host.setdefault(lane.required_host, []).append(lane)

    def _read(self, name: str, where: Callable[[], ColumnElement[bool]], values: Mapping[str, object]) -> list[Lane]:
        statement = self._channel.prepare(name, lambda: select(*self._record.columns).where(where()))
        return [self._record.read(row) for row in self._channel.rows(statement, values)]

    def _find(self, key: str) -> int | None:
        statement = self._channel.prepare(
            "lane find", lambda: select(lanes.c.id).where(lanes.c.key == bindparam("of_key"))
        )
        row = self._channel.first(statement, {"of_key": key})
        return None if row is None else int(str(row[0]))


def _is_shared() -> ColumnElement[bool]:
    return lanes.c.required_launcher_id.is_(None)


def _has_id() -> ColumnElement[bool]:
    return lanes.c.id == bindparam("of_id")


def _is_of_launcher() -> ColumnElement[bool]:
    return lanes.c.required_launcher_id == bindparam("of_id")


def _is_of_agent() -> ColumnElement[bool]:
    return lanes.c.agent_name == bindparam("of_agent")


def _key(lane: Lane) -> str:
    wishes: list[object] = [sorted(lane.labels.items()), lane.required_host, lane.required_launcher_id]
    if lane.priority or lane.agent_limit is not None:
        wishes += [lane.priority, lane.agent_name, lane.agent_limit]
    if lane.client is not None:
        wishes.append({"client": lane.client})
    if lane.backend is not None:
        wishes.append({"backend": lane.backend, "model": lane.model, "account": lane.account})
    return json.dumps(wishes, separators=(",", ":"))
