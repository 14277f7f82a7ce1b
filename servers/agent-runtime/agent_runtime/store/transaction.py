"""A transaction of either database: the rows, and what is to be announced once it is committed."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import InquiryId, JobId, LauncherId, RandomBytes, SessionId
from agent_runtime.services.ports.access import AccessRows
from agent_runtime.services.ports.counts import CountRows
from agent_runtime.services.ports.families import CallbackRows, FamilyRows, Moved, Relatives
from agent_runtime.services.ports.inquiries import InquiryRows
from agent_runtime.services.ports.logs import LogRows
from agent_runtime.services.ports.questions import QuestionRows
from agent_runtime.services.ports.queue import Lane, QueueRows
from agent_runtime.services.ports.quota import QuotaRows
from agent_runtime.services.ports.retention import RetentionRows
from agent_runtime.services.ports.search import SearchRows
from agent_runtime.services.ports.store import Announcement, EventRows, JobRows, LauncherRows, SessionRows
from agent_runtime.services.ports.webhooks import WebhookRows
from agent_runtime.store.rows.access import AccessTable
from agent_runtime.store.rows.callbacks import CallbackTable
from agent_runtime.store.rows.counts import CountTable
from agent_runtime.store.rows.events import EventTable
from agent_runtime.store.rows.families import FamilyTable
from agent_runtime.store.rows.inquiries import InquiryTable
from agent_runtime.store.rows.jobs import JobTable
from agent_runtime.store.rows.launchers import LauncherTable
from agent_runtime.store.rows.locks import may_lead
from agent_runtime.store.rows.logs import LogTable
from agent_runtime.store.rows.questions import QuestionTable
from agent_runtime.store.rows.queue import QueueTable
from agent_runtime.store.rows.quota import QuotaTable
from agent_runtime.store.rows.retention import RetentionTable
from agent_runtime.store.rows.search import SearchTable
from agent_runtime.store.rows.sessions import SessionTable
from agent_runtime.store.rows.webhooks import WebhookTable
from agent_runtime.store.statements import Channel


class Tables:
    """The rows of all tables over one open connection; made once, used by every transaction on it."""

    def __init__(self, connection: Connection, channel: Channel | None = None, *, is_shared: bool = False) -> None:
        self.channel = channel or Channel(connection, is_shared=is_shared)
        self.jobs = JobTable(self.channel)
        self.queue = QueueTable(self.channel)
        self.quota = QuotaTable(self.channel)
        self.sessions = SessionTable(self.channel)
        self.launchers = LauncherTable(self.channel)
        self.events = EventTable(self.channel)
        self.logs = LogTable(self.channel)
        self.retention = RetentionTable(self.channel)
        self.search = SearchTable(self.channel)
        self.inquiries = InquiryTable(self.channel)
        self.access = AccessTable(self.channel)
        self.counts = CountTable(self.channel)
        self.callbacks = CallbackTable(self.channel)
        self.families = FamilyTable(self.channel)
        self.questions = QuestionTable(self.channel)
        self.webhooks = WebhookTable(self.channel)


@dataclass
class _Relatives:
    callbacks: CallbackRows
    families: FamilyRows
    moved: list[Moved] = field(default_factory=list)
    stirred: list[SessionId] = field(default_factory=list)


class StoreTransaction:
    """Implements `ports.store.Transaction` over the tables of one connection; it neither begins nor ends it."""

    def __init__(self, tables: Tables, now: datetime, random_bytes: RandomBytes) -> None:
        self.now = now
        self.random_bytes = random_bytes
        self.jobs: JobRows = tables.jobs
        self.queue: QueueRows = tables.queue
        self.quota: QuotaRows = tables.quota
        self.sessions: SessionRows = tables.sessions
        self.launchers: LauncherRows = tables.launchers
        self.events: EventRows = tables.events
        self.logs: LogRows = tables.logs
        self.retention: RetentionRows = tables.retention
        self.search: SearchRows = tables.search
        self.inquiries: InquiryRows = tables.inquiries
        self.access: AccessRows = tables.access
        self.counts: CountRows = tables.counts
        self.questions: QuestionRows = tables.questions
        self.webhooks: WebhookRows = tables.webhooks
        self.relatives: Relatives = _Relatives(tables.callbacks, tables.families)
        self._tables = tables
        self._ready: list[Lane] = []
        self._launchers: list[LauncherId] = []
        self._due_at: datetime | None = None
        self._logs: list[JobId | InquiryId] = []
        tables.events.take_appended()  # What a transaction that was undone had appended never happened.

    def emit(self, event: NewEvent) -> None:
        self.events.append(event)

    def wake_lane(self, lane_id: int) -> None:
        self._ready.append(self._tables.queue.lane_by_id(lane_id))

    def wake_launcher(self, launcher_id: LauncherId) -> None:
        self._launchers.append(launcher_id)

    def tell_log_readers(self, of: JobId | InquiryId) -> None:
        self._logs.append(of)

    def due_at(self, moment: datetime) -> None:
        if self._due_at is None or moment < self._due_at:
            self._due_at = moment

    def leads(self, task: str) -> bool:
        return may_lead(self._tables.channel, task)

    def announcement(self) -> Announcement:
        """Say what this transaction has to tell once it is committed."""
        events = tuple(self._tables.events.take_appended())
        return Announcement(events, tuple(self._ready), tuple(self._launchers), self._due_at, tuple(self._logs))
