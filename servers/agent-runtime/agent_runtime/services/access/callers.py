"""Who calls, and what of the sessions a caller may touch."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from agent_runtime.domain.errors import NotFound, Refused
from agent_runtime.domain.ids import JobId, LauncherId, SessionId
from agent_runtime.domain.job import AT_A_LAUNCHER, Job, JobType, Order
from agent_runtime.domain.session import Session
from agent_runtime.domain.unknown import no_parent, nothing_to_resume
from agent_runtime.services.ports.store import Transaction

# An agent's last events may still be on their way when the runtime already knows that its job is over.
GRACE_AFTER_END = timedelta(seconds=60)
_PREFIX = "ags"
_SEPARATOR = "."


class Role(StrEnum):
    """What a caller is to us; the rule of a route says what each may do."""

    USER = "user"
    VIEWER = "viewer"
    LAUNCHER = "launcher"
    SESSION = "session"


@dataclass(frozen=True)
class Caller:
    """Somebody who proved who they are.

    Shape:   `session_id`, `job_id` and `attempt` are set for the role `session` only: the attempt that calls.
    """

    role: Role
    name: str
    session_id: SessionId | None = None
    job_id: JobId | None = None
    attempt: int | None = None


@dataclass(frozen=True)
class AttemptClaim:
    """What a genuine session token says: which attempt it was made for."""

    job_id: JobId
    attempt: int


class SessionTokens:
    """Makes and reads the tokens that running agents call us with; nothing of them is stored."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mint(self, job: Job) -> str:
        """Make the token of a job's current attempt."""
        subject = f"{_PREFIX}{_SEPARATOR}{job.id}{_SEPARATOR}{job.attempt}"
        return f"{subject}{_SEPARATOR}{self._signature(subject)}"

    def read(self, token: str) -> AttemptClaim | None:
        """Tell for which attempt we made this token; nothing if we did not make it."""
        subject, _, signature = token.rpartition(_SEPARATOR)
        if not hmac.compare_digest(signature.encode(), self._signature(subject).encode()):
            return None
        _, job_id, attempt = subject.split(_SEPARATOR)
        return AttemptClaim(JobId(job_id), int(attempt))

    def _signature(self, subject: str) -> str:
        digest = hmac.new(self._key, subject.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def session_caller(tx: Transaction, claim: AttemptClaim) -> Caller | None:
    """Find the session that calls; nothing if the attempt is over or was followed by another."""
    job = tx.jobs.get(claim.job_id)
    if job is None or job.attempt != claim.attempt:
        return None
    is_at_launcher = job.status in AT_A_LAUNCHER
    if not is_at_launcher and (job.ended_at is None or tx.now - job.ended_at > GRACE_AFTER_END):
        return None
    return Caller(Role.SESSION, job.session_name, job.session_id, job.id, job.attempt)


def is_own_session(tx: Transaction, caller: Caller, session: Session) -> bool:
    """Tell whether a caller may know of a session: an agent knows its own, and those that were started below it."""
    if caller.role is not Role.SESSION:
        return True
    current: Session | None = session
    while current is not None:
        if current.id == caller.session_id:
            return True
        parent = current.parent_session_id
        current = tx.sessions.get(parent) if parent is not None else None
    return False


def refuse_foreign_launchers(tx: Transaction, caller: Caller, named: Iterable[LauncherId]) -> None:
    """Let a launcher's token speak only for the launchers that were registered with it.

    Others are unknown to it. So a launcher that was given another token registers again, and takes along what it holds.

    Errors:  NotFound `launcher_unknown`.
    """
    for launcher_id in named:
        if is_foreign_launcher(tx, caller, launcher_id):
            raise NotFound(
                "launcher_unknown",
                f"'{caller.name}' registered no launcher '{launcher_id[:40]}' (register again, and say what you hold)",
            )


def is_foreign_launcher(tx: Transaction, caller: Caller, launcher_id: LauncherId) -> bool:
    """Tell whether a launcher was registered with another token than the one that calls."""
    if caller.role is not Role.LAUNCHER:
        return False
    owner = tx.access.owner(launcher_id)
    return owner != caller.name and (owner is not None or tx.launchers.get(launcher_id) is not None)


def refuse_foreign_order(tx: Transaction, caller: Caller, order: Order) -> None:
    """Let an agent order work for itself and its descendants, in its own name and in theirs.

    Errors:  Refused; NotFound for sessions that are none of its business, as if there were none.
    """
    if caller.role is not Role.SESSION:
        return
    if order.type is JobType.START_SESSION and order.parent_session_name is None:
        # Without a parent it would stand outside the tree, and outside the tree's limits.
        raise Refused("forbidden", f"session '{caller.name}' may start sessions below itself only (name no parent)")
    if _is_foreign(tx, caller, order.parent_session_name):
        raise no_parent(order.parent_session_name or "")
    # A new session's name says by itself that it is taken: names are given once.
    if order.type is JobType.RESUME_SESSION and _is_foreign(tx, caller, order.session_name):
        raise nothing_to_resume(order.session_name)


def _is_foreign(tx: Transaction, caller: Caller, name: str | None) -> bool:
    session = tx.sessions.find(name) if name is not None else None
    return session is not None and not is_own_session(tx, caller, session)
