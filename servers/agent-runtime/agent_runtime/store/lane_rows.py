"""The lanes: what a launcher must be for each kind of job that was ever asked for."""

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from agent_runtime.domain.ids import LauncherId
from agent_runtime.services.queue import Lane
from agent_runtime.store.statements import Channel, Record, Row, inserting_once
from agent_runtime.store.tables import lanes

_Place = tuple[str | None, str | None]


class LaneTable:
    """Finds and makes lanes; a lane never changes, so what was read once is remembered."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(Lane, lanes, channel.dialect)
        self._known: dict[int, Lane] = {}
        self._by_place: dict[_Place, list[Lane]] = {}
        self._limited: list[Lane] = []
        self._size: Row = (0, 0)
        # Not the newest id alone: of two runtimes, the one with the larger id may commit first.
        self._sizing = channel.prepare(
            "lane size", lambda: select(func.count(), func.coalesce(func.max(lanes.c.id), 0)).select_from(lanes)
        )

    def find_or_make(self, wanted: Lane) -> int:
        """Give the id of the lane with these wishes."""
        key = _key(wanted)
        found = self._find(key)
        if found is not None:
            return found
        names = (
            "key", "labels", "required_host", "required_launcher_id", "priority", "agent_name", "agent_limit"
        )  # fmt: skip
        insert = self._channel.prepare("lane insert", lambda: inserting_once(lanes, names, self._channel.dialect))
        self._channel.run(insert, {**self._record.write(wanted), "key": key})
        made = self._find(key)
        assert made is not None, "a lane that was just written is there"
        return made

    def by_id(self, lane_id: int) -> Lane:
        """Give the lane that a job stands in."""
        found = self._known.get(lane_id)
        if found is None:
            statement = self._channel.prepare(
                "lane get", lambda: select(*self._record.columns).where(lanes.c.id == bindparam("of_id"))
            )
            row = self._channel.first(statement, {"of_id": lane_id})
            assert row is not None, f"lane '{lane_id}' has jobs, so it is there"
            found = self._record.read(row)
        return found

    def of_launcher(self, launcher_id: LauncherId, hostname: str) -> Sequence[Lane]:
        """Read the lanes that ask for no other launcher and no other host."""
        self._refresh()
        places = ((None, None), (hostname, None), (None, launcher_id), (hostname, launcher_id))
        return [lane for place in places for lane in self._by_place.get(place, ())]

    def every(self) -> Sequence[Lane]:
        """Read all lanes."""
        self._refresh()
        return list(self._known.values())

    def limited_to(self, agent_name: str) -> Sequence[Lane]:
        """Read the lanes in which no more than some jobs of this agent may run at once."""
        self._refresh()
        return [lane for lane in self._limited if lane.agent_name == agent_name]

    def _refresh(self) -> None:
        """Read the table again, but only when it has grown, shrunk, or was rolled back."""
        size = self._channel.first(self._sizing, {})
        assert size is not None
        if tuple(size) == self._size:
            return
        statement = self._channel.prepare("lane all", lambda: select(*self._record.columns))
        found = [self._record.read(row) for row in self._channel.rows(statement, {})]
        self._size = tuple(size)
        self._known = {lane.id: lane for lane in found}
        self._limited = [lane for lane in found if lane.agent_limit is not None]
        self._by_place = {}
        for lane in found:
            self._by_place.setdefault((lane.required_host, lane.required_launcher_id), []).append(lane)

    def _find(self, key: str) -> int | None:
        statement = self._channel.prepare(
            "lane find", lambda: select(lanes.c.id).where(lanes.c.key == bindparam("of_key"))
        )
        row = self._channel.first(statement, {"of_key": key})
        return None if row is None else int(str(row[0]))


def _key(lane: Lane) -> str:
    wishes: list[object] = [sorted(lane.labels.items()), lane.required_host, lane.required_launcher_id]
    if lane.priority or lane.agent_limit is not None:
        wishes += [lane.priority, lane.agent_name, lane.agent_limit]
    return json.dumps(wishes, separators=(",", ":"))
