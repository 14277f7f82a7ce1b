"""What can be asked of sessions, and done to them, beside running them."""

from agent_runtime.domain.errors import NotFound
from agent_runtime.domain.ids import SESSION_ID_PREFIX, is_session_name
from agent_runtime.domain.session import Session
from agent_runtime.services.ports import Transaction

_REFERENCE_MAX = 60


def find_session(tx: Transaction, name_or_id: str) -> Session:
    """Read the session that a caller means by its name or its id.

    Errors:  NotFound.
    """
    session = look_up_session(tx, name_or_id)
    if session is None:
        raise NotFound("session_unknown", f"there is no session '{_shown(name_or_id)}'")
    return session


def look_up_session(tx: Transaction, name_or_id: str) -> Session | None:
    """Read the session that a caller means, if there is one."""
    # Nothing else can be a session, and a database may stumble over what else stands in a URL.
    if not (is_session_name(name_or_id) or _is_like_an_id(name_or_id)):
        return None
    return tx.sessions.find(name_or_id)


def _is_like_an_id(text: str) -> bool:
    return text.startswith(SESSION_ID_PREFIX) and text.isascii() and text.removeprefix(SESSION_ID_PREFIX).isalnum()


def _shown(name_or_id: str) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in name_or_id)
    return plain if len(plain) <= _REFERENCE_MAX else f"{plain[:_REFERENCE_MAX]}…"
