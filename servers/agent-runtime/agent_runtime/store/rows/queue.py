"""The queue in the database: the heads of the lanes, the places within them, and who may take what."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ClauseElement, bindparam, delete, func, select, union_all, update

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.job import Job, JobStatus, WaitsOn
from agent_runtime.domain.launcher import Launcher
from agent_runtime.services.ports.queue import Lane, Stuck
from agent_runtime.store.rows import job_conditions as conditions
from agent_runtime.store.rows.jobs import job_record
from agent_runtime.store.rows.lanes import LaneTable
from agent_runtime.store.rows.locks import take_lock
from agent_runtime.store.rows.stuck import stuck_rows
from agent_runtime.store.statements import Channel
from agent_runtime.store.tables.columns import moment
from agent_runtime.store.tables.jobs import jobs, lanes

# SQLite takes 500 parts in one question.
_LANES_AT_ONCE = 100


class QueueTable:
    """Implements `ports.queue.QueueRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._record = job_record(channel)
        self._lanes = LaneTable(channel)
        self._take = channel.prepare("queue take", self._taking)
        self._ends = channel.prepare("queue ends", _ends_of_lane_and_group)
        self._line_up = channel.prepare(
            "queue line up",
            lambda: (
                update(jobs)
                .where(jobs.c.id == bindparam("of_id"))
                .values(place=bindparam("place", type_=jobs.c.place.type))
            ),
        )

    def lane(self, lane: Lane) -> int:
        return self._lanes.find_or_make(lane)

    def lane_by_id(self, lane_id: int) -> Lane:
        return self._lanes.by_id(lane_id)

    def lanes(self, launcher: Launcher) -> Sequence[Lane]:
        return self._lanes.of_launcher(launcher.id, launcher.hostname)

    def may_be_kept(self) -> bool:
        return self._lanes.has_holds

    def count_ready(self, lane_ids: Sequence[int]) -> int:
        return sum(self._count_ready(lane_id) for lane_id in lane_ids)

    def heads(self, lane_ids: Sequence[int]) -> Mapping[int, datetime]:
        found: dict[int, datetime] = {}
        for start in range(0, len(lane_ids), _LANES_AT_ONCE):
            part = lane_ids[start : start + _LANES_AT_ONCE]
            statement = self._channel.prepare(("queue heads", len(part)), lambda part=part: _heads(len(part)))  # type: ignore[misc]
            values: dict[str, object] = {f"lane_{place}": lane_id for place, lane_id in enumerate(part)}
            found.update((int(str(row[0])), moment(row[1])) for row in self._channel.rows(statement, values))
        return found

    def fronts(self, lane_ids: Sequence[int], limit: int) -> Mapping[int, Sequence[Job]]:
        found: dict[int, list[Job]] = {}
        for start in range(0, len(lane_ids), _LANES_AT_ONCE):
            part = lane_ids[start : start + _LANES_AT_ONCE]
            statement = self._channel.prepare(("queue fronts", len(part)), lambda part=part: self._fronts(len(part)))  # type: ignore[misc]
            values: dict[str, object] = {f"lane_{place}": lane_id for place, lane_id in enumerate(part)}
            for row in self._channel.rows(statement, {**values, "up_to": limit}):
                job = self._record.read(row)
                found.setdefault(job.lane_id, []).append(job)
        return {lane_id: sorted(jobs, key=_turn) for lane_id, jobs in found.items()}

    def blocked(self, waits_on: WaitsOn, limit: int) -> Sequence[Job]:
        statement = self._channel.prepare(
            "queue blocked",
            lambda: (
                select(*self._record.columns)
                .where(conditions.pending(), jobs.c.waits_on.is_not(None), jobs.c.waits_on == bindparam("of_kind"))
                # Not by id as well: without a time all are equal, and a sort would look at every one of them.
                .order_by(jobs.c.not_before)
                .limit(bindparam("up_to"))
            ),
            through=(jobs.name, "jobs_waiting"),
        )
        rows = self._channel.rows(statement, {"of_kind": str(waits_on), "up_to": limit})
        return sorted(map(self._record.read, rows), key=lambda job: (job.not_before or job.created_at, job.id))

    def take(self, lane_id: int, limit: int) -> Sequence[Job]:
        rows = self._channel.rows(self._take, {"of_lane": lane_id, "up_to": limit})
        return sorted(map(self._record.read, rows), key=_turn)

    def next_place(self, lane_id: int, group_name: str) -> int:
        row = self._channel.first(self._ends, {"of_lane": lane_id, "of_group": group_name})
        assert row is not None, "a question without a table has an answer"
        reached, last_of_group = (None if value is None else int(str(value)) for value in row)
        return max(reached or 0, -1 if last_of_group is None else last_of_group + 1, 0)

    def line_up(self, job: Job) -> int:
        place = self.next_place(job.lane_id, job.group_name)
        self._channel.run(self._line_up, {"of_id": job.id, "place": place})
        return place

    def lock_and_count_of_agent(self, agent_name: str) -> int:
        take_lock(self._channel, f"agent {agent_name}")
        return self.count_of_agent(agent_name)

    def count_of_agent(self, agent_name: str) -> int:
        at_work = conditions.in_status(JobStatus.CLAIMED, JobStatus.RUNNING)
        statement = self._channel.prepare(
            "queue at work of agent",
            lambda: select(func.count()).select_from(jobs).where(at_work, jobs.c.agent_name == bindparam("of_agent")),
        )
        row = self._channel.first(statement, {"of_agent": agent_name})
        return 0 if row is None else int(str(row[0]))

    def limited_lanes(self, agent_name: str) -> Sequence[Lane]:
        return self._lanes.limited_to(agent_name)

    def lanes_with_ready_jobs(self) -> Sequence[Lane]:
        one = select(jobs.c.id).where(conditions.ready(), jobs.c.lane_id == lanes.c.id).limit(1)
        statement = self._channel.prepare("queue lanes", lambda: select(lanes.c.id).where(one.exists()))
        return [self._lanes.by_id(int(str(row[0]))) for row in self._channel.rows(statement, {})]

    def launchers_to_tell_of_stops(self) -> Sequence[LauncherId]:
        statement = self._channel.prepare(
            "queue untold stops",
            lambda: (
                select(jobs.c.launcher_id)
                .where(conditions.stopping(), jobs.c.stop_announced_at.is_(None), jobs.c.launcher_id.is_not(None))
                .distinct()
            ),
        )
        return [LauncherId(str(row[0])) for row in self._channel.rows(statement, {})]

    def stuck(self, due_before: datetime, lost_before: datetime, limit: int) -> Sequence[Stuck]:
        return stuck_rows(self._channel, due_before, lost_before, limit)

    def forget_empty_lanes(self, limit: int) -> int:
        take_lock(self._channel, "lanes")
        used = select(jobs.c.id).where(jobs.c.lane_id == lanes.c.id).limit(1).exists()
        empty = select(lanes.c.id).where(~used).limit(bindparam("up_to"))
        statement = self._channel.prepare("queue forget lanes", lambda: delete(lanes).where(lanes.c.id.in_(empty)))
        return self._channel.run(statement, {"up_to": limit})

    def _count_ready(self, lane_id: int) -> int:
        in_lane = (conditions.ready(), jobs.c.lane_id == bindparam("of_lane"))
        statement = self._channel.prepare(
            "queue count ready", lambda: select(func.count()).select_from(jobs).where(*in_lane)
        )
        row = self._channel.first(statement, {"of_lane": lane_id})
        return 0 if row is None else int(str(row[0]))

    def _fronts(self, count: int) -> ClauseElement:
        """Ask each lane for its first jobs apart, so that the cost does not grow with what stands behind them."""
        fronts = [
            select(*self._record.columns)
            .where(conditions.ready(), jobs.c.lane_id == bindparam(f"lane_{place}"))
            .order_by(jobs.c.place, jobs.c.id)
            .limit(bindparam("up_to"))
            .subquery()
            for place in range(count)
        ]
        return union_all(*[select(front) for front in fronts])

    def _taking(self) -> ClauseElement:
        """Find the first jobs of a lane; where others write too, lock them in the same statement and pass locked ones.

        The fence around the search is there because the planner may otherwise look up the inner question again for
        each row that it finds, and lock more rows than were asked for.
        """
        first = (
            select(jobs.c.id)
            .where(conditions.ready(), jobs.c.lane_id == bindparam("of_lane"))
            .order_by(jobs.c.place, jobs.c.id)
            .limit(bindparam("up_to"))
        )
        if not self._channel.is_shared:
            return select(*self._record.columns).where(jobs.c.id.in_(first))
        taken = (
            first.with_for_update(skip_locked=True, key_share=True)
            .cte("taken", nesting=True)
            .prefix_with("MATERIALIZED", dialect="postgresql")
        )
        return select(*self._record.columns).join(taken, taken.c.id == jobs.c.id)


def _turn(job: Job) -> tuple[int, str]:
    return job.place or 0, job.id


def _heads(count: int) -> ClauseElement:
    """Ask each lane for its head apart, so that the cost does not grow with what stands behind it."""
    heads = [
        select(jobs.c.lane_id, jobs.c.queued_at)
        .where(conditions.ready(), jobs.c.lane_id == bindparam(f"lane_{place}"))
        .order_by(jobs.c.place, jobs.c.id)
        .limit(1)
        .subquery()
        for place in range(count)
    ]
    return union_all(*[select(head) for head in heads])


def _ends_of_lane_and_group() -> ClauseElement:
    in_lane = (conditions.ready(), jobs.c.lane_id == bindparam("of_lane"), jobs.c.place.is_not(None))
    reached = select(jobs.c.place).where(*in_lane).order_by(jobs.c.place).limit(1)
    of_group = jobs.c.group_name == bindparam("of_group")
    last = select(jobs.c.place).where(*in_lane, of_group).order_by(jobs.c.place.desc()).limit(1)
    return select(reached.scalar_subquery(), last.scalar_subquery())
