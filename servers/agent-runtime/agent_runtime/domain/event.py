"""An event: something that happened, in the one order in which everybody sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent_runtime.domain.ids import JobId, SessionId
from agent_runtime.domain.json import Json
from agent_runtime.domain.session import Session

STALLED = "session.stalled"
SESSION_EVENT_TYPES = frozenset(
    {
        *("session_start", "message", "pre_tool", "post_tool", "verification", "session_stop", "result"),
        *(STALLED, "session.stirred", "session.looped"),
    }
)
"""What an agent's host may append to its session; all other dotted types are the runtime's own word."""


@dataclass(frozen=True)
class NewEvent:
    """An event that has not been written yet."""

    type: str
    at: datetime
    data: Mapping[str, Json]
    session_id: SessionId | None = None
    session_name: str | None = None
    root_session_id: SessionId | None = None
    job_id: JobId | None = None
    attempt: int | None = None
    client_event_id: str | None = None

    @classmethod
    def of_session(
        cls,
        session: Session,
        name: str,
        at: datetime,
        data: Mapping[str, Json],
        *,
        job_id: JobId | None = None,
        attempt: int | None = None,
        client_event_id: str | None = None,
    ) -> "NewEvent":
        """Make an event of a session."""
        return cls(name, at, data, session.id, session.name, session.root_session_id, job_id, attempt, client_event_id)


@dataclass
class Event:
    """An event with its place in the order: `seq` grows, and is never seen out of order.

    Shape:   inside the transaction that appends it, `seq` may still be 0: the place is given at the very end.
    """

    seq: int
    new: NewEvent
