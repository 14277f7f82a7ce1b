"""What is kept of a session as a parent: its limits, and whether it waits for its children."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.json import Json
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.wishes import WaitFor

AT_WORK = frozenset({SessionStatus.PENDING, SessionStatus.RUNNING, SessionStatus.LOST, SessionStatus.WAITING})
"""A child in one of these states may still change something; a lost one may heal."""


@dataclass(frozen=True)
class Family:
    """A row of the families table, as it was read; a session without wishes has none.

    Shape:   `exceeded` is the name of the budget that stopped the tree.
    """

    session_id: SessionId
    wait_for: WaitFor
    limits: Mapping[str, Json]
    exceeded: str | None
    exceeded_at: datetime | None
