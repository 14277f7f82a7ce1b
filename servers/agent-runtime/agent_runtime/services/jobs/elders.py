"""Who is above a session, for whoever judges by what those may do: as it was when the session began.

The sessions above may be deleted, or say that they work elsewhere; what they were not allowed holds on below them.
"""

from collections.abc import Iterator

from agent_runtime.domain.json import Json
from agent_runtime.domain.permissions import Say
from agent_runtime.domain.session import Elder, Session
from agent_runtime.services.agents.requirements import FindAgent
from agent_runtime.services.ports.store import Transaction


def ancestors(tx: Transaction, session: Session) -> Iterator[Session]:
    """Go up from a session, its parent first; a deleted one ends the way."""
    current: Session | None = session
    while current is not None and current.parent_session_id is not None:
        current = tx.sessions.get(current.parent_session_id)
        if current is not None:
            yield current


def line_of(tx: Transaction, session: Session) -> list[Elder]:
    """Name a session itself and those above it, the nearest first."""
    own = Elder(session.agent_name, session.project_dir)
    if session.elders is None:
        # It began before this was kept.
        return [own, *(Elder(one.agent_name, one.project_dir) for one in ancestors(tx, session))]
    return [own, *_read(session.elders)]


def says_of(tx: Transaction, session: Session, find_agent: FindAgent) -> list[Say]:
    """Tell what a session's blueprint and those of all above it say of permissions, the nearest first."""
    line = [(one, find_agent(one.agent_name)) for one in line_of(tx, session)]
    return [Say(agent.permissions if agent is not None else None, one.project_dir) for one, agent in line]


def as_kept(line: list[Elder]) -> Json:
    """Write those above a new session as its row keeps them."""
    return [{"agent_name": one.agent_name, "project_dir": one.project_dir} for one in line]


def _read(kept: Json) -> list[Elder]:
    rows = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
    return [Elder(str(one["agent_name"]), _text(one.get("project_dir"))) for one in rows]


def _text(told: Json) -> str | None:
    return told if isinstance(told, str) else None
