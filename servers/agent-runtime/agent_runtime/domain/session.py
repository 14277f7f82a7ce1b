"""A session: one named conversation with an agent, which can be resumed for ever."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from agent_runtime.domain.ids import JobId, LauncherId, SessionId
from agent_runtime.domain.job import JobStatus, Usage
from agent_runtime.domain.json import Json


class SessionStatus(StrEnum):
    """What a person wants to know of a session; `finished` is at rest and can be resumed.

    `waiting` has ended its turn and finishes when its children are at rest.
    """

    PENDING = "pending"
    RUNNING = "running"
    WAITING_INPUT = "waiting_input"
    WAITING = "waiting"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"


NOT_EXISTENT = "not_existent"
"""What `GET /sessions/{s}/status` answers for a session that nobody knows."""

AT_REST = frozenset({SessionStatus.FINISHED, SessionStatus.FAILED, SessionStatus.STOPPED, SessionStatus.WAITING_INPUT})

STATUS_BY_JOB: Mapping[JobStatus, SessionStatus] = {
    JobStatus.PENDING: SessionStatus.PENDING,
    JobStatus.CLAIMED: SessionStatus.PENDING,
    JobStatus.RUNNING: SessionStatus.RUNNING,
    JobStatus.COMPLETED: SessionStatus.FINISHED,
    JobStatus.FAILED: SessionStatus.FAILED,
    JobStatus.STOPPED: SessionStatus.STOPPED,
    JobStatus.LOST: SessionStatus.LOST,
}
"""A session shows the state of its current job, or of the last one."""


@dataclass(frozen=True)
class Elder:
    """What rules need of a session above another one: the agent whose blueprint has a say, and where it works."""

    agent_name: str
    project_dir: str | None


@dataclass(frozen=True, kw_only=True)
class Session:
    """A row of the sessions table, as it was read.

    Shape:   `elders` are the agent and the folder of each session above, the nearest first, as they were when this one
             began; None in rows that are older than the column.
    """

    id: SessionId
    name: str
    agent_name: str
    backend: str | None = None
    backend_session_id: str | None = None
    status: SessionStatus = SessionStatus.PENDING
    project_dir: str | None
    hostname: str | None = None
    launcher_id: LauncherId | None = None
    parent_session_id: SessionId | None = None
    parent_session_name: str | None = None
    root_session_id: SessionId
    depth: int = 0
    elders: Json = None
    current_job_id: JobId | None
    result: str | None = None
    output: Json = None
    metadata: Mapping[str, Json] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    created_at: datetime
    updated_at: datetime
    last_event_at: datetime | None = None
