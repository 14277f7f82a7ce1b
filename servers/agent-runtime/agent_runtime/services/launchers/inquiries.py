"""What a session changed: its launcher is asked, for only the machine where it ran has its folder."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from agent_runtime.domain.errors import Conflict, NotFound, TooMuch
from agent_runtime.domain.event import Event
from agent_runtime.domain.ids import InquiryId, JobId, LauncherId, new_id
from agent_runtime.domain.inquiry import Inquiry
from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.domain.session import Session
from agent_runtime.services.ports.store import Transaction

KEPT_FOR = timedelta(minutes=10)
OF_LAUNCHER_MAX = 8
STARTS_READ_MAX = 1000
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class _Span:
    folder: str
    since: str
    until: str | None


def ask_for_changes(tx: Transaction, session: Session, job_id: JobId | None) -> Inquiry:
    """Ask the launcher of a session what it changed, or what one job of it did; the answer comes later.

    Errors:  NotFound for a job of another session; Conflict `no_start_commit`, `not_committed`, `launcher_away`;
             TooMuch.
    """
    span = _span(tx, session, job_id)
    launcher = _who_knows(tx, session)
    tx.inquiries.remove_before(tx.now - KEPT_FOR)
    if tx.inquiries.count(launcher.id) >= OF_LAUNCHER_MAX:
        raise TooMuch(
            "too_many_inquiries",
            f"cannot ask launcher '{launcher.name}': {OF_LAUNCHER_MAX} questions are on their way (ask again soon)",
            1,
        )
    inquiry_id = InquiryId(new_id("inq_", tx.now, tx.random_bytes))
    inquiry = Inquiry(inquiry_id, launcher.id, tx.now, span.folder, span.since, span.until)
    tx.inquiries.insert(inquiry)
    tx.launchers.change(launcher.id, {"is_asked": True})
    tx.wake_launcher(launcher.id)
    return inquiry


def take_inquiries(tx: Transaction, launcher: Launcher) -> Sequence[Inquiry]:
    """Give a launcher what it is asked, once: whoever gets no answer asks again."""
    if not launcher.is_asked:
        return ()
    # Locked first: a question that is put meanwhile shall not lose its mark.
    tx.launchers.get_to_change(launcher.id)
    taken = tx.inquiries.take(launcher.id)
    tx.launchers.change(launcher.id, {"is_asked": False})
    return taken


def answer_inquiry(tx: Transaction, launcher_id: LauncherId, inquiry_id: InquiryId, answer: JsonObject) -> None:
    """Keep what a launcher answers until it is read.

    Errors:  NotFound: nobody waits for it.
    """
    if not tx.inquiries.answer(inquiry_id, launcher_id, answer):
        raise NotFound("inquiry_unknown", f"nobody waits for an answer to '{inquiry_id[:50]}' (drop it)")
    tx.tell_log_readers(inquiry_id)


def _span(tx: Transaction, session: Session, job_id: JobId | None) -> _Span:
    """Tell from which commit to which, by what the starts of the session noted."""
    if job_id is not None:
        job = tx.jobs.get(job_id)
        if job is None or job.session_id != session.id:
            raise NotFound("job_unknown", f"session '{session.name}' has no job '{job_id[:50]}'")
    starts = tx.events.of_session(session.id, 0, STARTS_READ_MAX, ["session_start"])
    mine = [start for start in starts if job_id is None or start.new.job_id == job_id]
    first = next((start for start in mine if _commit_of(start)), None)
    if first is None:
        raise Conflict(
            "no_start_commit",
            f"cannot tell what session '{session.name}' changed: no start of it noted a commit (its folder was no Git "
            "repository then, it has not begun yet, or its first events were removed)",
        )
    until = None if job_id is None else _next_commit(starts, first, job_id)
    folder = first.new.data.get("project_dir")
    if until == _commit_of(first):
        raise Conflict(
            "not_committed",
            "cannot tell what this turn alone changed: nothing was committed between its start and that of the next "
            "one (ask for what the whole session changed)",
        )
    return _Span(folder if isinstance(folder, str) else session.project_dir or "", _commit_of(first), until)


def _next_commit(starts: Sequence[Event], first: Event, job_id: JobId) -> str | None:
    later = (one for one in starts if one.seq > first.seq and one.new.job_id != job_id and _commit_of(one))
    following = next(later, None)
    return None if following is None else _commit_of(following)


def _commit_of(start: Event) -> str:
    commit = start.new.data.get("commit")
    return commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else ""


def _who_knows(tx: Transaction, session: Session) -> Launcher:
    """Choose the launcher of the session's last job, or else another one of its host."""
    present = [one for one in tx.launchers.present() if one.status is LauncherStatus.ALIVE and not one.only_own_jobs]
    own = [one for one in present if one.id == session.launcher_id]
    near = own or [one for one in present if session.hostname and one.hostname == session.hostname]
    if not near:
        raise Conflict(
            "launcher_away",
            f"cannot tell what session '{session.name}' changed: no launcher is alive on "
            f"'{session.hostname or 'its host'}', which alone has its folder (start one there)",
        )
    return near[0]
