"""Questions about the whole: who ran when, how long jobs waited, what agents cost, how much there is."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agent_runtime.domain.ids import new_id
from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.services.ports.queries import AgentDay, JobLife
from agent_runtime.services.ports.store import Transaction

LIVES_MAX = 5000
COST_DAYS = 14
TREES_MAX = 8
# A job that ran longer than this is missing from the throughput, not from the picture of who runs now.
_LONGEST_RUN = timedelta(days=1)


class Window(StrEnum):
    """How far back a picture looks."""

    HOUR = "hour"
    DAY = "day"


_SPAN: Mapping[Window, timedelta] = {Window.HOUR: timedelta(hours=1), Window.DAY: timedelta(days=1)}
_BUCKET: Mapping[Window, timedelta] = {Window.HOUR: timedelta(minutes=1), Window.DAY: timedelta(minutes=30)}


@dataclass(frozen=True)
class Throughput:
    """How many jobs ended in a stretch of time, and how."""

    at: datetime
    completed: int
    failed: int
    stopped: int


@dataclass(frozen=True)
class Waiting:
    """How long jobs that were taken in a stretch of time had waited."""

    at: datetime
    p50_seconds: float
    p95_seconds: float


@dataclass(frozen=True)
class TreeOfCost:
    """What a tree cost, by the name of the session at its top."""

    session_name: str
    cost_usd: float
    jobs: int


@dataclass(frozen=True)
class Overview:
    """All pictures of one window; `truncated` if there were more jobs than were looked at."""

    since_at: datetime
    until_at: datetime
    bucket_seconds: float
    truncated: bool
    throughput: Sequence[Throughput]
    waiting: Sequence[Waiting]
    lives: Sequence[JobLife]
    costs: Sequence[AgentDay]
    trees: Sequence[TreeOfCost]


def draw_overview(tx: Transaction, window: Window) -> Overview:
    """Read the jobs of a window and count them into its stretches of time."""
    bucket = _BUCKET[window]
    until = tx.now
    since = until - _SPAN[window]
    first_of_costs = _first_id(until - timedelta(days=COST_DAYS))
    lives = tx.jobs.lives(_first_id(since - _LONGEST_RUN), since, LIVES_MAX + 1)
    shown = lives[:LIVES_MAX]
    return Overview(
        since_at=since,
        until_at=until,
        bucket_seconds=bucket.total_seconds(),
        truncated=len(lives) > LIVES_MAX,
        throughput=_throughput(shown, since, bucket),
        waiting=_waiting(shown, since, bucket),
        lives=shown,
        costs=tx.jobs.costs(first_of_costs),
        trees=_trees(tx, first_of_costs),
    )


def _trees(tx: Transaction, first_id: str) -> Sequence[TreeOfCost]:
    """Name the dearest trees; one whose top was deleted has no place to lead to."""
    named = [(tx.sessions.get(tree.root_session_id), tree) for tree in tx.jobs.costs_of_trees(first_id, TREES_MAX)]
    return [TreeOfCost(top.name, tree.cost_usd, tree.jobs) for top, tree in named if top is not None]


def _first_id(moment: datetime) -> str:
    """Give an id that is smaller than that of every job made since."""
    return new_id("job_", moment, bytes)


def _throughput(lives: Sequence[JobLife], since: datetime, bucket: timedelta) -> Sequence[Throughput]:
    ends: dict[int, Counter[str]] = defaultdict(Counter)
    for life in lives:
        if life.ended_at is not None and life.ended_at >= since:
            ends[(life.ended_at - since) // bucket][life.status] += 1
    return [
        Throughput(
            at=since + place * bucket,
            completed=ends[place][JobStatus.COMPLETED],
            failed=ends[place][JobStatus.FAILED],
            stopped=ends[place][JobStatus.STOPPED],
        )
        for place in sorted(ends)
    ]


def _waiting(lives: Sequence[JobLife], since: datetime, bucket: timedelta) -> Sequence[Waiting]:
    waits: dict[int, list[float]] = defaultdict(list)
    for life in lives:
        if life.started_at is not None and life.started_at >= since:
            waits[(life.started_at - since) // bucket].append((life.started_at - life.queued_at).total_seconds())
    return [
        Waiting(since + place * bucket, _quantile(waits[place], 0.5), _quantile(waits[place], 0.95))
        for place in sorted(waits)
    ]


def _quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return max(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 0.0)


def count_alive_launchers(tx: Transaction) -> int:
    """Tell how many launchers are there to run what anybody orders."""
    present = (one for one in tx.launchers.present() if not one.only_own_jobs)
    return sum(launcher.status is LauncherStatus.ALIVE for launcher in present)


@dataclass(frozen=True)
class EventBounds:
    """The oldest and the newest sequence number that can be read, and the last one that is gone for its age."""

    oldest: int
    newest: int
    gone_through: int


def event_bounds(tx: Transaction) -> EventBounds:
    """Tell which events there are."""
    oldest, newest = tx.events.bounds()
    return EventBounds(oldest, newest, tx.events.gone_through())
