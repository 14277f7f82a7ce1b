"""What can be asked of sessions, and done to them, beside running them."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agent_runtime.domain.errors import Conflict, Invalid
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import SESSION_ID_PREFIX, JobId, LauncherId, SessionId, may_be_a_session
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import Launcher
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.domain.unknown import no_session, shown
from agent_runtime.services.access.callers import Caller, Role, is_own_session
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.ports.queries import SessionFilter
from agent_runtime.services.ports.store import SessionChanges, Transaction
from agent_runtime.services.sessions.causes import Cause, find_causes

_REFERENCE_MAX = 60
_PAGE = 500
COLUMN_TEXT_MAX = 4096
METADATA_KEYS_MAX = 200
METADATA_BYTES_MAX = 1024 * 1024
_SAID_TO_RUN = frozenset({SessionStatus.RUNNING, SessionStatus.WAITING_INPUT, SessionStatus.LOST})

IsParked = Callable[[LauncherId], bool]
"""Tells whether a launcher waits for an answer of ours at this moment, which proves that it lives."""

_COLUMNS = ("backend_session_id", "backend", "project_dir", "hostname")


@dataclass(frozen=True)
class SessionView:
    """A session with what must be asked elsewhere to show it.

    Shape:   `proof_age_seconds` is how old the newest sign is that it really runs; None if it is not said to run.
             `cause` is None of one that is at rest and ended well.
    """

    session: Session
    queued_jobs: int
    proof_age_seconds: float | None
    cause: Cause | None


@dataclass(frozen=True)
class SessionStop:
    """What a stop of a session did.

    Shape:   `asked` are jobs whose launcher has yet to end the process, `withdrawn` those of which nothing had begun.
    """

    session: Session
    stopped: Sequence[JobId]
    asked: Sequence[JobId]
    withdrawn: Sequence[Job] = ()
    by_session: Mapping[str, Sequence[JobId]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cleared:
    """The names of the sessions that a clearing deleted, and of those that it kept because they are at work."""

    deleted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def find_session(tx: Transaction, name_or_id: str) -> Session:
    """Read the session that a caller means by its name or its id.

    Errors:  NotFound.
    """
    session = look_up_session(tx, name_or_id)
    if session is None:
        raise no_session(name_or_id)
    return session


def find_own_session(tx: Transaction, caller: Caller, name_or_id: str) -> Session:
    """Read the session that a caller means, if that one may know of it.

    Errors:  NotFound.
    """
    session = find_session(tx, name_or_id)
    if not is_own_session(tx, caller, session):
        raise no_session(name_or_id)
    return session


def look_up_session(tx: Transaction, name_or_id: str) -> Session | None:
    """Read the session that a caller means, if there is one."""
    # Nothing else can be a session, and a database may stumble over what else stands in a URL.
    if not (may_be_a_session(name_or_id) or _is_like_an_id(name_or_id)):
        return None
    return tx.sessions.find(name_or_id)


def view(tx: Transaction, sessions: Sequence[Session], is_parked: IsParked) -> list[SessionView]:
    """Add to sessions what must be asked elsewhere."""
    queued = tx.jobs.count_queued([session.id for session in sessions]) if sessions else {}
    wanted = {session.launcher_id for session in sessions if session.status in _SAID_TO_RUN} - {None}
    launchers = {launcher_id: tx.launchers.get(launcher_id) for launcher_id in wanted if launcher_id is not None}
    causes = find_causes(tx, sessions)
    return [
        SessionView(
            session,
            queued.get(session.id, 0),
            _proof_age(tx, session, launchers, is_parked),
            causes.get(session.id),
        )
        for session in sessions
    ]


def _proof_age(
    tx: Transaction, session: Session, launchers: Mapping[LauncherId, Launcher | None], is_parked: IsParked
) -> float | None:
    if session.status not in _SAID_TO_RUN:
        return None
    signs = [session.last_event_at]
    if session.launcher_id is not None and session.status is not SessionStatus.LOST:
        if is_parked(session.launcher_id):
            return 0.0
        launcher = launchers.get(session.launcher_id)
        signs.append(launcher.last_seen_at if launcher is not None else None)
    ages = [max(0.0, (tx.now - sign).total_seconds()) for sign in signs if sign is not None]
    return round(min(ages), 3) if ages else None


def list_sessions(tx: Transaction, wanted: SessionFilter, *, within: SessionId | None = None) -> Sequence[Session]:
    """Read one page of sessions, newest first; `within` narrows to one session and its descendants."""
    if within is None:
        return tx.sessions.page(wanted)
    inside = _inside(tx, within, wanted.text)
    return [session for session in inside if _takes(wanted, session)][: wanted.limit]


def count_sessions(
    tx: Transaction, wanted: SessionFilter, *, within: SessionId | None = None
) -> Mapping[SessionStatus, int]:
    """Count the sessions of a list by their state, wherever a page of it would start or end."""
    if within is None:
        return tx.sessions.count_by_status(wanted)
    everybody = replace(wanted, before=None, status=None)
    return Counter(session.status for session in _inside(tx, within, wanted.text) if _takes(everybody, session))


def _inside(tx: Transaction, within: SessionId, text: str | None) -> list[Session]:
    top = tx.sessions.get(within)
    if top is None:
        return []
    inside = [*descendants(tx, top), top]
    if text is None:
        return inside
    found = {one.id for one in _pages(tx, SessionFilter(limit=_PAGE, root_session_id=top.root_session_id, text=text))}
    return [one for one in inside if one.id in found]


def _takes(wanted: SessionFilter, session: Session) -> bool:
    return (
        (wanted.before is None or session.id < wanted.before)
        and wanted.status in (None, session.status)
        and wanted.agent_name in (None, session.agent_name)
        and wanted.parent_session_id in (None, session.parent_session_id)
        and wanted.root_session_id in (None, session.root_session_id)
    )


def descendants(tx: Transaction, session: Session) -> list[Session]:
    """Read all sessions that a session started, and those that they started, newest first."""
    everybody = _pages(tx, SessionFilter(limit=_PAGE, root_session_id=session.root_session_id))
    inside: set[SessionId] = {session.id}
    # A child is made after its parent, so one walk from the oldest to the newest finds all of them.
    for other in reversed(everybody):
        if other.parent_session_id in inside:
            inside.add(other.id)
    return [other for other in everybody if other.id in inside and other.id != session.id]


def _pages(tx: Transaction, wanted: SessionFilter) -> list[Session]:
    found: list[Session] = []
    while page := tx.sessions.page(wanted):
        found += page
        wanted = replace(wanted, before=page[-1].id)
    return found


def sayable(caller: Caller, session: Session, changes: Mapping[str, Json]) -> Mapping[str, Json]:
    """Leave out of what a caller says of a session what an agent may not change: where it works, once that is known.

    Rules about files are about places below that folder, and the next turn begins there.
    """
    if caller.role is not Role.SESSION or session.project_dir is None:
        return changes
    return {name: value for name, value in changes.items() if name != "project_dir"}


def change_metadata(tx: Transaction, session: Session, changes: Mapping[str, Json]) -> Session:
    """Set what is known of a session; null removes.

    Errors:  Invalid.
    """
    columns: SessionChanges = {"updated_at": tx.now}
    for name in _COLUMNS:
        if name in changes:
            _set_column(columns, name, changes[name])
    free = {key: value for key, value in changes.items() if key not in _COLUMNS}
    if free:
        columns["metadata"] = _merged(session.metadata, free)
    changed = tx.sessions.change(session.id, columns)
    assert changed is not None, f"session '{session.id}' vanished inside a transaction"
    tx.emit(NewEvent.of_session(session, "session.updated", tx.now, {"changed": list[Json](sorted(changes))}))
    return changed


def stop_session(tx: Transaction, session: Session, reason: Reason, *, tree: bool) -> SessionStop:
    """Stop everything that runs or waits in a session and, as a tree, in its descendants; again is harmless."""
    stopped: list[JobId] = []
    asked: list[JobId] = []
    withdrawn: list[Job] = []
    by_session: dict[str, list[JobId]] = {}
    for one in [session, *(descendants(tx, session) if tree else [])]:
        unfinished = tx.jobs.unfinished_of_session(one.id)
        # What waits is stopped first: the end of what runs would let it begin.
        for job in sorted(unfinished, key=lambda job: (job.status is not JobStatus.PENDING, job.id)):
            is_child = one.id != session.id and reason is Reason.STOPPED_BY_USER
            stopping = stop_job(tx, job.id, Reason.STOPPED_BY_PARENT if is_child else reason)
            (asked if stopping.requested else stopped).append(job.id)
            if not stopping.requested and job.status in (JobStatus.PENDING, JobStatus.CLAIMED):
                withdrawn.append(job)
            by_session.setdefault(one.name, []).append(job.id)
    return SessionStop(tx.sessions.get(session.id) or session, stopped, asked, withdrawn, by_session)


def is_busy(tx: Transaction, session: Session) -> bool:
    """Tell whether a session has a job that is not over."""
    return bool(tx.jobs.unfinished_of_session(session.id))


def delete_session(tx: Transaction, session: Session) -> None:
    """Remove a session with all that it recorded; its children stay, and keep their parent's name.

    Errors:  Conflict while a job of it is not over.
    """
    if is_busy(tx, session):
        raise Conflict(
            "session_busy",
            f"cannot delete session '{session.name}': it has a job that is not over (stop it first, or use force)",
        )
    tx.sessions.delete(session.id)
    tx.relatives.stirred.append(session.id)
    tx.emit(NewEvent.of_session(session, "session.deleted", tx.now, {}))


def clear_sessions(tx: Transaction, before: SessionId | None, limit: int, cleared: Cleared) -> SessionId | None:
    """Delete the sessions at rest of one page, newest first.

    Shape:   the id to go on behind, or None if this was the last page.
    """
    page = tx.sessions.page(SessionFilter(limit=limit, before=before))
    for session in page:
        if is_busy(tx, session):
            cleared.kept.append(session.name)
        else:
            delete_session(tx, session)
            cleared.deleted.append(session.name)
    return page[-1].id if len(page) == limit else None


def _set_column(columns: SessionChanges, name: str, value: Json) -> None:
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= COLUMN_TEXT_MAX):
        raise Invalid(
            "invalid_parameters", f"invalid {name}: null or a text of 1 to {COLUMN_TEXT_MAX} characters expected"
        )
    if name == "project_dir":
        if value is not None and not value.startswith("/"):
            raise Invalid(
                "invalid_parameters", f"invalid project_dir: an absolute path expected, found '{shown(value)}'"
            )
        columns["project_dir"] = value
    elif name == "backend":
        columns["backend"] = value
    elif name == "hostname":
        columns["hostname"] = value
    else:
        columns["backend_session_id"] = value


def _merged(old: Mapping[str, Json], changes: Mapping[str, Json]) -> Mapping[str, Json]:
    merged = {key: value for key, value in {**old, **changes}.items() if value is not None}
    if len(merged) > METADATA_KEYS_MAX:
        raise Invalid(
            "invalid_parameters",
            f"invalid metadata: at most {METADATA_KEYS_MAX} keys are kept, these would be {len(merged)}",
        )
    size = len(json.dumps(merged, ensure_ascii=False).encode())
    if size > METADATA_BYTES_MAX:
        raise Invalid(
            "invalid_parameters",
            f"invalid metadata: at most {METADATA_BYTES_MAX} bytes are kept in all, these would be {size} "
            "(remove others first, by setting them to null)",
        )
    return merged


def _is_like_an_id(text: str) -> bool:
    rest = text.removeprefix(SESSION_ID_PREFIX)
    return text.startswith(SESSION_ID_PREFIX) and rest.isascii() and rest.isalnum() and len(rest) <= _REFERENCE_MAX
