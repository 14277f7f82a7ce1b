"""A transaction of either database: the rows, and what is to be announced once it is committed."""

from datetime import datetime

from sqlalchemy import Connection

from agent_runtime.domain.event import Event, NewEvent
from agent_runtime.domain.ids import LauncherId, RandomBytes
from agent_runtime.services.ports import Announcement
from agent_runtime.store.event_rows import EventTable
from agent_runtime.store.job_rows import JobTable
from agent_runtime.store.launcher_rows import LauncherTable
from agent_runtime.store.log_rows import LogTable
from agent_runtime.store.session_rows import SessionTable


class StoreTransaction:
    """Implements `services.ports.Transaction` over one open connection; it neither begins nor ends it."""

    def __init__(self, connection: Connection, now: datetime, random_bytes: RandomBytes) -> None:
        self.now = now
        self.random_bytes = random_bytes
        self.jobs = JobTable(connection)
        self.sessions = SessionTable(connection)
        self.launchers = LauncherTable(connection)
        self._appended: list[Event] = []
        self.events = EventTable(connection, self._appended)
        self.logs = LogTable(connection)
        self._lanes: list[int] = []
        self._launchers: list[LauncherId] = []

    def emit(self, event: NewEvent) -> None:
        """Append an event of the runtime's own; it is announced after the commit."""
        self.events.append(event)

    def wake_lane(self, lane_id: int) -> None:
        """Let one parked poll of this lane look again, after the commit."""
        self._lanes.append(lane_id)

    def wake_launcher(self, launcher_id: LauncherId) -> None:
        """Let this launcher's parked poll look again, after the commit."""
        self._launchers.append(launcher_id)

    def announcement(self) -> Announcement:
        """Say what this transaction has to tell once it is committed."""
        return Announcement(tuple(self._appended), tuple(self._lanes), tuple(self._launchers))
