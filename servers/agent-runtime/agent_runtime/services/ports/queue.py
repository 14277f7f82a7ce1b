"""The queue as the verbs see it: lanes of jobs that exactly the same launchers may run, each job with its place.

Within a lane, groups alternate: a job's place is one behind the last one of its own group, and never ahead of the
place that the lane has reached. So ten thousand jobs of one group do not stand before ten of another, and neither
finding the next job nor lining one up costs more when more of them wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.job import Job, WaitsOn
from agent_runtime.domain.launcher import Launcher, may_run
from agent_runtime.domain.quota_hold import QuotaOf


@dataclass(frozen=True)
class Lane:
    """What a launcher must be to run a job: the labels it carries, its host, or its very id; and how urgent it is.

    Shape:   `agent_name` and `agent_limit` are set where no more than so many jobs of that agent may run at once;
             `client` is the client that its jobs need, None if any launcher may have what they need; `backend`,
             `model` and `account` say whose limits they use up.
    """

    id: int
    labels: Mapping[str, str]
    required_host: str | None
    required_launcher_id: LauncherId | None
    priority: int = 0
    agent_name: str | None = None
    agent_limit: int | None = None
    client: str | None = None
    backend: str | None = None
    model: str | None = None
    account: str | None = None

    @property
    def quota(self) -> QuotaOf | None:
        """Whose limits its jobs use up; None if nobody's that is known."""
        return None if self.backend is None else QuotaOf(self.backend, self.model, self.account)


def may_serve(launcher: Launcher, lane: Lane) -> bool:
    """Tell whether a launcher is what the jobs of a lane ask for."""
    return may_run(launcher, lane.labels, lane.required_host, lane.required_launcher_id, lane.client)


@dataclass(frozen=True)
class Stuck:
    """A row that nothing would ever move, and why.

    Shape:   `job_id` is empty when it is the session's row.
    """

    finding: str
    job_id: str
    session_id: str


class QueueRows(Protocol):
    """The lanes, and the jobs that stand in them."""

    def lane(self, lane: Lane) -> int:
        """Find or make the lane of these wishes and give its id; the id of `lane` itself is not looked at."""

    def lane_by_id(self, lane_id: int) -> Lane:
        """Read one lane that a job stands in."""

    def lanes(self, launcher: Launcher) -> Sequence[Lane]:
        """Read the lanes that ask for no other launcher and no other host than this; their labels may not fit."""

    def may_be_kept(self) -> bool:
        """Tell whether any account is held, as of the last question for `lanes`."""

    def count_ready(self, lane_ids: Sequence[int]) -> int:
        """Tell how many jobs of these lanes wait for a launcher and for nothing else."""

    def heads(self, lane_ids: Sequence[int]) -> Mapping[int, datetime]:
        """Tell since when the first job of each of these lanes has waited; a lane without any is left out."""

    def fronts(self, lane_ids: Sequence[int], limit: int) -> Mapping[int, Sequence[Job]]:
        """Read the first jobs of each of these lanes, so many at most; a lane without any is left out."""

    def blocked(self, waits_on: WaitsOn, limit: int) -> Sequence[Job]:
        """Read pending jobs that wait for this and not for a launcher, those first whose time comes first."""

    def take(self, lane_id: int, limit: int) -> Sequence[Job]:
        """Read the first jobs of a lane that nobody else is taking, and let nobody else take them."""

    def next_place(self, lane_id: int, group_name: str) -> int:
        """Tell the place that the next job of a group has in a lane."""

    def line_up(self, job: Job) -> int:
        """Give a job that has become ready its place: behind its group's others, not behind everybody."""

    def lock_and_count_of_agent(self, agent_name: str) -> int:
        """Tell how many jobs of an agent are claimed or run; nobody else may take one until this is over."""

    def count_of_agent(self, agent_name: str) -> int:
        """Tell how many jobs of an agent are claimed or run; others may take some meanwhile."""

    def limited_lanes(self, agent_name: str) -> Sequence[Lane]:
        """Read the lanes in which jobs of this agent may have to wait for one another."""

    def lanes_with_ready_jobs(self) -> Sequence[Lane]:
        """Read the lanes in which a job waits for a launcher and for nothing else."""

    def launchers_to_tell_of_stops(self) -> Sequence[LauncherId]:
        """Tell which launchers have jobs to stop that they were not told of."""

    def stuck(self, due_before: datetime, lost_before: datetime, limit: int) -> Sequence[Stuck]:
        """Find unfinished work that nothing would move: it contradicts itself, or was due before these moments."""

    def forget_empty_lanes(self, limit: int) -> int:
        """Remove lanes to which no job belongs any more, and tell how many."""
