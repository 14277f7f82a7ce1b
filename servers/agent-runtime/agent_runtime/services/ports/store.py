"""What the verbs ask of a store: the seam between the services and the databases.

A verb is a plain function that is given a `Transaction`. It reads and writes through the rows below, and
whatever it changed becomes visible, and is announced, at the moment of the commit and not before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypedDict, TypeVar

from agent_runtime.domain.event import Event, NewEvent
from agent_runtime.domain.ids import InquiryId, JobId, LauncherId, RandomBytes, SessionId
from agent_runtime.domain.job import Job, JobStatus, WaitsOn
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.ports.access import AccessRows
from agent_runtime.services.ports.counts import CountRows
from agent_runtime.services.ports.families import Relatives
from agent_runtime.services.ports.inquiries import InquiryRows
from agent_runtime.services.ports.logs import LogRows
from agent_runtime.services.ports.queries import (
    AgentDay,
    JobFilter,
    JobLife,
    KeyUse,
    NextTimes,
    PastAttempt,
    SessionFilter,
    TreeCost,
)
from agent_runtime.services.ports.questions import QuestionRows
from agent_runtime.services.ports.queue import Lane, QueueRows
from agent_runtime.services.ports.quota import QuotaRows
from agent_runtime.services.ports.retention import RetentionRows
from agent_runtime.services.ports.search import SearchRows
from agent_runtime.services.ports.webhooks import WebhookRows

T = TypeVar("T")


class UsageChanges(TypedDict, total=False):
    """The columns of what was consumed."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    cost_usd: float


class JobChanges(UsageChanges, total=False):
    """The columns of a job that a move may set."""

    waits_on: WaitsOn | None
    lane_id: int
    place: int | None
    required_host: str | None
    required_launcher_id: LauncherId | None
    not_before: datetime | None
    queue_expires_at: datetime | None
    attempt: int
    tries: int
    losses: int
    token: str | None
    launcher_id: LauncherId | None
    launcher_epoch: int | None
    claim_expires_at: datetime | None
    reason: str | None
    error: str | None
    exit_code: int | None
    signal: int | None
    stop_requested_at: datetime | None
    stop_announced_at: datetime | None
    stop_reason: str | None
    queued_at: datetime
    claimed_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    run_seconds: float | None
    lost_at: datetime | None
    log_bytes: int


class SessionChanges(UsageChanges, total=False):
    """The columns of a session that may change."""

    agent_name: str
    status: SessionStatus
    backend: str | None
    backend_session_id: str | None
    project_dir: str | None
    hostname: str | None
    launcher_id: LauncherId | None
    current_job_id: JobId | None
    result: str | None
    output: Json
    metadata: Mapping[str, Json]
    updated_at: datetime
    last_event_at: datetime | None


class LauncherChanges(TypedDict, total=False):
    """The columns of a launcher that may change."""

    name: str
    hostname: str
    boot_id: str | None
    version: str | None
    labels: Mapping[str, str]
    max_jobs: int | None
    backends: Sequence[str]
    epoch: int
    status: LauncherStatus
    draining: bool
    refusal: str | None
    registered_at: datetime
    last_seen_at: datetime
    poll_dropped_at: datetime | None
    only_own_jobs: bool
    instance_id: str | None
    instance_calls: int
    instance_began: float | None
    past_instances: str
    clients: Mapping[str, Mapping[str, Json]] | None
    is_asked: bool


@dataclass(frozen=True)
class Fence:
    """What a job must still look like for a move to happen; nothing else is changed."""

    status: JobStatus
    attempt: int
    token: str | None


class JobRows(Protocol):
    """The jobs."""

    def insert(self, job: Job, prompt: str) -> None:
        """Write a new job."""

    def get(self, job_id: JobId) -> Job | None:
        """Read one job."""

    def prompt(self, job_id: JobId) -> str:
        """Read the whole prompt of a job; it may be long, so no other question brings it."""

    def prompts(self, job_ids: Sequence[JobId]) -> Mapping[JobId, str]:
        """Read the prompts of several jobs."""

    def keep_checks(self, job_id: JobId, checks: Mapping[str, Json]) -> None:
        """Write what is asked of a job's end."""

    def checks(self, job_id: JobId) -> Mapping[str, Json]:
        """Read what is asked of a job's end; empty if nothing is."""

    def edit_prompt(self, job_id: JobId, prompt: str) -> Job | None:
        """Change the prompt of a job if it is pending; nothing if it is not."""

    def move(self, job_id: JobId, fence: Fence, target: JobStatus, changes: JobChanges) -> Job | None:
        """Change one job if it still looks like the fence, in one statement; nothing if it does not."""

    def change(self, job_id: JobId, changes: JobChanges) -> Job | None:
        """Change columns that are not part of the state machine."""

    def at_launcher(self, launcher_id: LauncherId, statuses: frozenset[JobStatus]) -> Sequence[Job]:
        """Read the jobs of a launcher that are in one of these states."""

    def count_at_launchers(self) -> Mapping[LauncherId, int]:
        """Tell how many jobs each launcher has claimed or runs."""

    def stopping(self, launcher_id: LauncherId) -> Sequence[Job]:
        """Read the running and lost jobs of a launcher for which a stop was asked."""

    def stops_announced(self, before: datetime, limit: int) -> Sequence[Job]:
        """Read the jobs whose launcher was told before a moment to stop them, and that have not ended."""

    def in_status(self, status: JobStatus, limit: int) -> Sequence[Job]:
        """Read the oldest jobs of a state."""

    def next_of_session(self, session_id: SessionId) -> Job | None:
        """Read the oldest pending job that waits for its session."""

    def unfinished_of_session(self, session_id: SessionId) -> Sequence[Job]:
        """Read all jobs of a session that are not terminal, oldest first."""

    def several(self, job_ids: Sequence[JobId]) -> Sequence[Job]:
        """Read some jobs, in any order."""

    def last_ended(self, session_ids: Sequence[SessionId]) -> Sequence[Job]:
        """Read for each of these sessions the job that ended last; one in which none did is left out."""

    def count_queued(self, session_ids: Sequence[SessionId]) -> Mapping[SessionId, int]:
        """Tell how many pending jobs each of these sessions has; a session without any is left out."""

    def count_waiting(self, up_to: int) -> int:
        """Tell how many jobs are pending, but count no further than this."""

    def count_waiting_of_session(self, session_id: SessionId, up_to: int) -> int:
        """Tell how many jobs of a session are pending, but count no further than this."""

    def claims_expired(self, now: datetime, limit: int) -> Sequence[Job]:
        """Read the claims that nobody started in time."""

    def lost_before(self, moment: datetime, limit: int) -> Sequence[Job]:
        """Read the jobs that have been lost since before a moment."""

    def due(self, now: datetime, limit: int) -> Sequence[Job]:
        """Read pending jobs whose `not_before` has come."""

    def queued_too_long(self, now: datetime, limit: int) -> Sequence[Job]:
        """Read pending jobs whose `queue_expires_at` has passed."""

    def next_times(self) -> NextTimes:
        """Tell when time alone will change a job."""

    def page(self, wanted: JobFilter) -> Sequence[Job]:
        """Read one page of a list, newest first."""

    def archive_attempt(self, job: Job, ended_at: datetime) -> None:
        """Keep what the attempt that ends now was, before the job's row is used for another."""

    def past_attempts(self, job_id: JobId) -> Sequence[PastAttempt]:
        """Read the attempts that were followed by another one, oldest first."""

    def remember_key(self, key: str, fingerprint: str, job_id: JobId, now: datetime) -> KeyUse:
        """Bind an idempotency key to a job, unless it is bound already; either way, tell to what."""

    def forget_keys(self, before: datetime) -> int:
        """Let go of idempotency keys that are older than a moment, and tell how many."""

    def lives(self, first_id: str, ended_since: datetime, limit: int) -> Sequence[JobLife]:
        """Read jobs from an id on that have not ended, or ended since a moment, newest first."""

    def costs(self, first_id: str) -> Sequence[AgentDay]:
        """Add up what the jobs from an id on cost, by agent and day."""

    def costs_of_trees(self, first_id: str, limit: int) -> Sequence[TreeCost]:
        """Add up what the jobs from an id on cost, by tree, the dearest first."""


class SessionRows(Protocol):
    """The sessions."""

    def insert(self, session: Session) -> None:
        """Write a new session."""

    def get(self, session_id: SessionId) -> Session | None:
        """Read one session."""

    def glance(self, session_id: SessionId) -> Session | None:
        """Read one session for what of it never changes; nobody waits for that."""

    def find(self, name_or_id: str) -> Session | None:
        """Read the session that a person means by a name or an id."""

    def change(self, session_id: SessionId, changes: SessionChanges) -> Session | None:
        """Change one session."""

    def page(self, wanted: SessionFilter) -> Sequence[Session]:
        """Read one page of a list, newest first."""

    def count_by_status(self, wanted: SessionFilter) -> Mapping[SessionStatus, int]:
        """Tell how many sessions of a list are in each state, wherever a page of it would start or end."""

    def delete(self, session_id: SessionId) -> None:
        """Remove a session with its jobs, their logs, their idempotency keys and its events."""


class LauncherRows(Protocol):
    """The launchers."""

    def insert(self, launcher: Launcher) -> None:
        """Write a new launcher."""

    def get(self, launcher_id: LauncherId) -> Launcher | None:
        """Read one launcher."""

    def get_to_change(self, launcher_id: LauncherId) -> Launcher | None:
        """Read one launcher, and let nobody else change it until the end of the transaction."""

    def with_cut_poll(self) -> Sequence[LauncherId]:
        """Tell of which launchers a waiting call was cut off, with no other call since."""

    def change(self, launcher_id: LauncherId, changes: LauncherChanges) -> Launcher | None:
        """Change one launcher."""

    def all(self) -> Sequence[Launcher]:
        """Read all launchers that are remembered."""

    def present(self) -> Sequence[Launcher]:
        """Read the launchers that have not gone."""

    def of_instance(self, instance_id: str) -> LauncherId | None:
        """Find the launcher that a process registered as."""


class EventRows(Protocol):
    """The events."""

    def append(self, event: NewEvent) -> tuple[Event, bool]:
        """Write one event, or find the one that has the same session and client event id.

        Shape:   the event with its sequence number, and whether it was there before.
        """

    def of_session(self, session_id: SessionId, after: int, limit: int, types: Sequence[str]) -> Sequence[Event]:
        """Read a session's events in order, those behind `after`; of all types when none is named."""

    def of_session_before(
        self, session_id: SessionId, before: int, limit: int, types: Sequence[str]
    ) -> Sequence[Event]:
        """Read the last events of a session ahead of `before`, in order; of all types when none is named."""

    def last_told(self, session_id: SessionId) -> NewEvent | None:
        """Read the last event that an agent's host has told of a session."""

    def after(self, seq: int, limit: int) -> Sequence[Event]:
        """Read everybody's events in order, those behind `seq`."""

    def bounds(self) -> tuple[int, int]:
        """Tell the oldest sequence number that is still there and the newest one; zeros if there is none."""

    def note_told(self, job_id: JobId, attempt: int, size: int) -> int:
        """Count what an attempt has told of what it does, and tell how many bytes that is by now."""

    def gone_through(self, session_id: SessionId | None = None) -> int:
        """Tell the last event that was removed because it was old, of one session or of all; 0 if none was."""


class Transaction(Protocol):
    """One unit of work: all of it happens, or nothing."""

    now: datetime
    random_bytes: RandomBytes
    jobs: JobRows
    queue: QueueRows
    quota: QuotaRows
    sessions: SessionRows
    launchers: LauncherRows
    events: EventRows
    logs: LogRows
    retention: RetentionRows
    search: SearchRows
    inquiries: InquiryRows
    access: AccessRows
    counts: CountRows
    questions: QuestionRows
    webhooks: WebhookRows
    relatives: Relatives

    def emit(self, event: NewEvent) -> None:
        """Append an event of the runtime's own; it is announced after the commit."""

    def wake_lane(self, lane_id: int) -> None:
        """Let one parked poll of this lane look again, after the commit."""

    def wake_launcher(self, launcher_id: LauncherId) -> None:
        """Let this launcher's parked poll look again, after the commit."""

    def tell_log_readers(self, of: JobId | InquiryId) -> None:
        """Let those who wait for a job's output, or for an answer, read on, after the commit."""

    def leads(self, task: str) -> bool:
        """Tell whether this transaction may do a task of which one at a time is enough."""

    def due_at(self, moment: datetime) -> None:
        """Say that time alone will change something at this moment, so that upkeep does not sleep past it."""


@dataclass(frozen=True)
class Announcement:
    """What a commit has to tell those who wait."""

    events: Sequence[Event] = ()
    ready_lanes: Sequence[Lane] = ()
    launchers: Sequence[LauncherId] = ()
    due_at: datetime | None = None
    logs: Sequence[JobId | InquiryId] = ()


Announcer = Callable[[Announcement], None]
"""Is told of each commit that has something to tell, in the order of the commits."""


class Store(Protocol):
    """Runs verbs, each in a transaction of its own."""

    async def write(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb and commit; the answer means that it is on disk."""

    async def read(self, verb: Callable[[Transaction], T]) -> T:
        """Run a verb that changes nothing."""
