"""The lanes: what a launcher must be for each kind of job that was ever asked for."""

import json
from collections.abc import Sequence

from sqlalchemy import bindparam, func, select

from agent_runtime.services.ports import Lane
from agent_runtime.store.statements import Channel, Record, inserting_once
from agent_runtime.store.tables import lanes


class LaneTable:
    """Finds and makes lanes; a lane never changes, so what was read once is remembered."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = Record(Lane, lanes, channel.dialect)
        self._known: dict[int, Lane] = {}
        self._newest = channel.prepare("lane newest", lambda: select(func.coalesce(func.max(lanes.c.id), 0)))

    def find_or_make(self, wanted: Lane) -> int:
        """Give the id of the lane with these wishes."""
        key = _key(wanted)
        found = self._find(key)
        if found is not None:
            return found
        names = ("key", "labels", "required_host", "required_launcher_id")
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

    def all(self) -> Sequence[Lane]:
        """Read all lanes; the table is read again only when it has grown, or was rolled back."""
        newest = self._channel.first(self._newest, {})
        assert newest is not None
        if newest[0] != max(self._known, default=0):
            statement = self._channel.prepare("lane all", lambda: select(*self._record.columns))
            found = [self._record.read(row) for row in self._channel.rows(statement, {})]
            self._known = {lane.id: lane for lane in found}
        return list(self._known.values())

    def _find(self, key: str) -> int | None:
        statement = self._channel.prepare(
            "lane find", lambda: select(lanes.c.id).where(lanes.c.key == bindparam("of_key"))
        )
        row = self._channel.first(statement, {"of_key": key})
        return None if row is None else int(str(row[0]))


def _key(lane: Lane) -> str:
    wishes = [sorted(lane.labels.items()), lane.required_host, lane.required_launcher_id]
    return json.dumps(wishes, separators=(",", ":"))
