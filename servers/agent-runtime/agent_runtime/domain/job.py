"""A job: one order to start or resume a session, its states and the only moves between them.

The table `MOVES` is the state machine. `services/jobs/moves.py` performs a move, the tests walk the table, and
`docs/reference/job-states.md` is drawn from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from agent_runtime.domain.ids import JobId, LauncherId, SessionId
from agent_runtime.domain.json import Json
from agent_runtime.domain.wishes import CallbackPolicy, WaitFor

PROMPT_PREVIEW_CHARACTERS = 200


class JobType(StrEnum):
    """What the launcher is asked to run."""

    START_SESSION = "start_session"
    RESUME_SESSION = "resume_session"


class IfBusy(StrEnum):
    """What a resume does when its session already has work."""

    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"


class JobStatus(StrEnum):
    """Where a job stands; `lost` is presumed dead and may still heal."""

    PENDING = "pending"
    CLAIMED = "claimed"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED})
LOST_FOR_GOOD_AFTER = timedelta(minutes=10)
"""How long a lost job may still heal before it is run again or given up."""
AT_A_LAUNCHER = frozenset({JobStatus.CLAIMED, JobStatus.RUNNING, JobStatus.LOST})


class WaitsOn(StrEnum):
    """What keeps a pending job out of the launchers' reach; a job that waits on nothing can be claimed."""

    SESSION = "session"
    TIME = "time"
    HELD = "held"
    ANSWER = "answer"


class Move(StrEnum):
    """The name of a move; its number is that of the protocol's table."""

    CREATE = "create"
    CLAIM = "claim"
    START = "start"
    RELEASE = "release"
    STOP_WAITING = "stop_waiting"
    FINISH = "finish"
    LOSE = "lose"
    HEAL = "heal"
    RERUN = "rerun"
    GIVE_UP = "give_up"
    TRY_AGAIN = "try_again"
    RETRY = "retry"


@dataclass(frozen=True)
class Edge:
    """One row of the protocol's table: who may move a job from where to where."""

    number: int
    move: Move
    sources: frozenset[JobStatus]
    targets: frozenset[JobStatus]
    who: str
    when: str


def _set(*statuses: JobStatus) -> frozenset[JobStatus]:
    return frozenset(statuses)


MOVES: Mapping[Move, Edge] = {
    edge.move: edge
    for edge in (
        Edge(1, Move.CREATE, _set(), _set(JobStatus.PENDING), "client", "the order was accepted"),
        Edge(2, Move.CLAIM, _set(JobStatus.PENDING), _set(JobStatus.CLAIMED), "runtime", "a poll could take it"),
        Edge(3, Move.START, _set(JobStatus.CLAIMED), _set(JobStatus.RUNNING), "launcher", "started"),
        Edge(4, Move.RELEASE, _set(JobStatus.CLAIMED), _set(JobStatus.PENDING), "both", "declined or claim expired"),
        Edge(
            5,
            Move.STOP_WAITING,
            _set(JobStatus.PENDING, JobStatus.CLAIMED),
            _set(JobStatus.STOPPED),
            "client",
            "stopped before it started",
        ),
        Edge(6, Move.FINISH, _set(JobStatus.RUNNING), TERMINAL, "launcher", "report"),
        Edge(7, Move.LOSE, _set(JobStatus.RUNNING), _set(JobStatus.LOST), "runtime", "nobody proves that it lives"),
        Edge(
            8,
            Move.HEAL,
            _set(JobStatus.LOST, JobStatus.FAILED),
            TERMINAL | {JobStatus.RUNNING},
            "launcher",
            "it was alive, or its true end arrived late",
        ),
        Edge(9, Move.RERUN, _set(JobStatus.LOST), _set(JobStatus.PENDING), "runtime", "lost for good, may run again"),
        Edge(10, Move.GIVE_UP, _set(JobStatus.LOST), _set(JobStatus.FAILED), "runtime", "lost for good"),
        Edge(
            11,
            Move.TRY_AGAIN,
            _set(JobStatus.FAILED),
            _set(JobStatus.PENDING),
            "runtime",
            "it failed, and its retries allow another try",
        ),
        Edge(
            12,
            Move.RETRY,
            _set(JobStatus.FAILED, JobStatus.STOPPED),
            _set(JobStatus.PENDING),
            "client",
            "retry was asked for",
        ),
    )
}


@dataclass(frozen=True)
class Usage:
    """What the attempt consumed, in tokens and US dollars."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True)
class Order:
    """What a client asks for when it creates a job; checked, but not yet matched with what exists.

    Shape:   `checks` are what is asked of its end, null for what its agent asks and it does not; `questions` are the
             terms of what it asks, where they are others than its agent's; `required_host` binds a new session to a
             machine, as one that was there before is bound to its own;
             `is_news` is the runtime's own order to tell a parent of its children; nobody can refuse it.
    """

    type: JobType
    session_name: str
    prompt: str
    agent_name: str | None = None
    project_dir: str | None = None
    parent_session_name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    timeout_seconds: float | None = None
    stop_grace_seconds: float = 10.0
    if_busy: IfBusy = IfBusy.ENQUEUE
    max_attempts: int = 1
    rerun_lost: int = 0
    retries: Mapping[str, Json] = field(default_factory=dict)
    checks: Mapping[str, Json] = field(default_factory=dict)
    questions: Mapping[str, Json] = field(default_factory=dict)
    not_before: datetime | None = None
    callback: bool = False
    launcher_id: LauncherId | None = None
    queue_timeout_seconds: float | None = None
    callback_policy: CallbackPolicy = CallbackPolicy.EACH
    callback_group: str | None = None
    wait_for: WaitFor = WaitFor.NOTHING
    limits: Mapping[str, Json] = field(default_factory=dict)
    required_host: str | None = None
    is_news: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """A row of the jobs table, as it was read.

    Shape:   `attempt` counts the claims that were handed out, `tries` those that really ran since a person
             last asked for the job.
             `run_seconds` is how long the attempt ran, by the clock of whoever ran it where that is known.
             Jobs of one `group_name` share their part of the launchers; `place` is where the job stands in its lane.
             What has a default is what a job that nobody has taken yet does not have.
             `prompt_preview` is the beginning; the whole prompt is asked for apart, because it may be long, and so is
             what is asked of its end, if it `has_checks`.
    """

    id: JobId
    type: JobType
    status: JobStatus = JobStatus.PENDING
    waits_on: WaitsOn | None = None
    lane_id: int
    group_name: str
    place: int | None = None
    session_id: SessionId
    session_name: str
    agent_name: str
    prompt_preview: str
    project_dir: str | None
    parent_session_name: str | None = None
    labels: Mapping[str, str]
    priority: int
    timeout_seconds: float | None
    stop_grace_seconds: float
    if_busy: IfBusy
    max_attempts: int
    rerun_lost: int
    retries: Mapping[str, Json] = field(default_factory=dict)
    has_checks: bool = False
    questions: Mapping[str, Json] = field(default_factory=dict)
    not_before: datetime | None
    queue_expires_at: datetime | None
    callback: bool
    required_launcher_id: LauncherId | None
    required_host: str | None
    attempt: int = 0
    tries: int = 0
    losses: int = 0
    token: str | None = None
    launcher_id: LauncherId | None = None
    launcher_epoch: int | None = None
    claim_expires_at: datetime | None = None
    reason: str | None = None
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    usage: Usage = field(default_factory=Usage)
    stop_requested_at: datetime | None = None
    stop_announced_at: datetime | None = None
    stop_reason: str | None = None
    created_at: datetime
    queued_at: datetime
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    run_seconds: float | None = None
    lost_at: datetime | None = None
    log_bytes: int = 0
