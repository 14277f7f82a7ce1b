"""Why a job waits or is not over, and what would change that; found at the moment that somebody asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from agent_runtime.domain.event import STALLED
from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import LOST_FOR_GOOD_AFTER, TERMINAL, Job, JobStatus, WaitsOn
from agent_runtime.domain.launcher import Launcher, LauncherStatus, may_run, what_is_amiss
from agent_runtime.domain.quota_hold import HoldId, QuotaHold
from agent_runtime.domain.reasons import OpenReason, WaitReason
from agent_runtime.services.jobs.orders import asked_labels
from agent_runtime.services.jobs.quota_holds import jobs_held, kept_by, sentence_of
from agent_runtime.services.ports.store import Transaction

_CAUSE_CHARACTERS = 500
_HOSTS_SHOWN = 8
# A poll is answered within 30 s, and the next one follows at once; launchers that take nothing ask too.
QUIET_AFTER = timedelta(seconds=40)
_REFUSING: Mapping[WaitReason, str] = {
    WaitReason.LAUNCHER_OVERLOADED: ("have as much to do as their machines are to bear (it goes on when that is less)"),
    WaitReason.LAUNCHER_SHORT_OF_MEMORY: "are short of memory (it goes on when a job ends or memory is freed)",
    WaitReason.LAUNCHER_CANNOT_START_JOBS: (
        "cannot start processes or write their disks (see 'agent-launcher doctor' there)"
    ),
}
"""What launchers say that take nothing, the passing before the lasting."""


@dataclass(frozen=True)
class Waiting:
    """Why a job is not over: a code for programs, and a sentence that says what would change it.

    Shape:   `next_at` is when time alone would change something, None if only an event will.
    """

    reason: WaitReason | OpenReason
    sentence: str
    next_at: datetime | None = None


def explain_waiting(tx: Transaction, jobs: Iterable[Job]) -> Mapping[JobId, Waiting]:
    """Say for each of these jobs that is not over why it is not."""
    unfinished = [job for job in jobs if job.status not in TERMINAL]
    pending = [job for job in unfinished if job.status is JobStatus.PENDING]
    launchers = [item for item in tx.launchers.present() if item.status is LauncherStatus.ALIVE] if pending else []
    at_work = tx.jobs.count_at_launchers() if launchers else {}
    limits = _Limits(tx)
    waits = {job.id: _with_time(job, _why(tx, job, launchers, at_work, limits)) for job in pending}
    return waits | {job.id: _at_a_launcher(tx, job) for job in unfinished if job.status is not JobStatus.PENDING}


def _with_time(job: Job, why: Waiting) -> Waiting:
    """Add when its time comes, or when it leaves the queue, whichever is first."""
    times = [job.queue_expires_at, why.next_at, job.not_before if why.reason is WaitReason.NOT_BEFORE else None]
    return replace(why, next_at=min((time for time in times if time is not None), default=None))


def _at_a_launcher(tx: Transaction, job: Job) -> Waiting:
    if job.status is JobStatus.CLAIMED:
        return Waiting(
            OpenReason.STARTING,
            "a launcher has it and prepares it; if it does not begin in time, it goes back to the queue",
            job.claim_expires_at,
        )
    if job.status is JobStatus.LOST:
        return Waiting(
            OpenReason.LAUNCHER_SILENT,
            "its launcher does not prove that it runs; unless that comes back, it is run again or given up, as its "
            "rerun_lost says",
            job.lost_at + LOST_FOR_GOOD_AFTER if job.lost_at is not None else None,
        )
    if job.stop_requested_at is not None:
        grace = timedelta(seconds=job.stop_grace_seconds)
        sentence = f"is being ended: its processes have {job.stop_grace_seconds:g} s until they are killed"
        return Waiting(OpenReason.STOPPING, sentence, job.stop_requested_at + grace)
    reason, sentence = OpenReason.AT_WORK, "runs until its process ends, or "
    if (stall := _stall_of(tx, job)) is not None:
        reason, sentence = OpenReason.STALLED, f"{stall}; it runs until its process ends, or "
    if job.timeout_seconds is None or job.started_at is None:
        return Waiting(reason, f"{sentence}until it is stopped")
    return Waiting(reason, f"{sentence}its time limit", job.started_at + timedelta(seconds=job.timeout_seconds))


def _stall_of(tx: Transaction, job: Job) -> str | None:
    """Return what was said of a turn that gives no sign of life; None once anything else was told of it."""
    last = tx.events.last_told(job.session_id)
    if last is None or last.type != STALLED or last.job_id != job.id or last.attempt not in (None, job.attempt):
        return None
    return str(last.data.get("detail") or "it has stalled")[:_CAUSE_CHARACTERS]


class _Limits:
    """The limits that are used up, read once for all jobs of a question, and only if one of them asks."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._holds: Sequence[QuotaHold] | None = None
        self._sentences: dict[HoldId, str] = {}

    def keeping(self, job: Job, launchers: Sequence[Launcher]) -> Waiting | None:
        """Say that a limit is used up, if it is so for each of the launchers that could run the job."""
        if self._holds is None:
            self._holds = self._tx.quota.open()
        lane = self._tx.queue.lane_by_id(job.lane_id) if self._holds else None
        hold = kept_by(lane, launchers, self._holds) if lane is not None else None
        if hold is None:
            return None
        if hold.id not in self._sentences:
            self._sentences[hold.id] = sentence_of(hold, jobs_held(self._tx, hold))
        return Waiting(WaitReason.QUOTA_HELD, self._sentences[hold.id], max(hold.until, self._tx.now))


def _why(
    tx: Transaction, job: Job, launchers: Sequence[Launcher], at_work: Mapping[LauncherId, int], limits: _Limits
) -> Waiting:
    match job.waits_on:
        case WaitsOn.SESSION:
            return _session_busy(tx, job)
        case WaitsOn.TIME:
            moment = job.not_before.strftime("%Y-%m-%d %H:%M:%S UTC") if job.not_before is not None else "its time"
            cause = f": {job.error.splitlines()[0][:_CAUSE_CHARACTERS]}" if job.error else ""
            return Waiting(WaitReason.NOT_BEFORE, f"waits until {moment}{cause}")
        case WaitsOn.HELD:
            return Waiting(
                WaitReason.HELD,
                "is held until somebody lifts the hold (ao hold --lift, on the page, or DELETE /jobs/JOB/hold)",
            )
        case WaitsOn.ANSWER:
            return Waiting(
                WaitReason.NOT_ANSWERED,
                "has asked something and let others have its place; it goes on when somebody answers (ao questions)",
            )
        case None:
            why = _no_launcher_takes_it(tx, job, launchers, at_work, limits)
            return _agent_is_full(tx, job) or why if why.reason is WaitReason.NO_FREE_SLOT else why


def _session_busy(tx: Transaction, job: Job) -> Waiting:
    session = tx.sessions.get(job.session_id)
    holder = session.current_job_id if session is not None else None
    return Waiting(
        WaitReason.SESSION_BUSY,
        f"waits until job '{holder}' of session '{job.session_name}' has ended (stop that one to go on sooner)",
    )


def _agent_is_full(tx: Transaction, job: Job) -> Waiting | None:
    lane = tx.queue.lane_by_id(job.lane_id)
    if lane.agent_limit is None:
        return None
    running = tx.queue.count_of_agent(job.agent_name)
    if running < lane.agent_limit:
        return None
    return Waiting(
        WaitReason.AGENT_LIMIT,
        f"waits until a job of agent '{job.agent_name}' ends: {running} are at work, and its max_running allows "
        f"{lane.agent_limit} at once",
    )


def _no_launcher_takes_it(
    tx: Transaction, job: Job, launchers: Sequence[Launcher], at_work: Mapping[LauncherId, int], limits: _Limits
) -> Waiting:
    launchers = [item for item in launchers if not item.only_own_jobs or item.id == job.required_launcher_id]
    if not launchers:
        return Waiting(
            WaitReason.NO_LAUNCHER, "no launcher is connected (start one: agent-launcher, or all with: ao up)"
        )
    labels = asked_labels(job.labels)
    fitting = [item for item in launchers if may_run(item, labels, job.required_host, job.required_launcher_id)]
    if not fitting:
        return Waiting(
            WaitReason.NO_MATCHING_LAUNCHER,
            f"{_none_of(len(launchers), 'connected launcher')} {_wishes(job)} (start one that is)",
        )
    able = _with_client(tx, job, fitting)
    if isinstance(able, Waiting):
        return able
    fitting = able
    open_ones = [item for item in fitting if not item.draining]
    if (kept := limits.keeping(job, open_ones)) is not None:
        return kept
    if not open_ones:
        return Waiting(
            WaitReason.NO_FREE_SLOT,
            f"{_all_of(len(fitting), 'fitting launcher')} draining (let one resume, or start one)",
        )
    answering = [item for item in open_ones if not _leaves_work_alone(item, at_work.get(item.id, 0), tx.now)]
    if not answering:
        return Waiting(
            WaitReason.LAUNCHER_NOT_ANSWERING,
            f"no fitting launcher has asked for jobs for {QUIET_AFTER.total_seconds():g} s, though "
            f"{_each_of(len(open_ones))} counts as alive: frozen or cut off (it goes on when one answers, or another "
            "is started)",
        )
    taking = [item for item in answering if item.refusal not in _REFUSING]
    if not taking:
        return _refused(answering)
    running = sum(at_work.get(item.id, 0) for item in taking)
    return Waiting(
        WaitReason.NO_FREE_SLOT,
        f"waits for a free slot: {_runs(len(taking), running)} (it goes on when one ends)",
    )


def _refused(launchers: Sequence[Launcher]) -> Waiting:
    """Say why launchers that all take nothing do so; what passes by itself is the reason, if it is that with one."""
    said = {item.refusal for item in launchers}
    given = [reason for reason in _REFUSING if reason in said]
    who = "the fitting launchers" if len(given) == 1 else "some fitting launchers"
    return Waiting(given[0], "; ".join(f"{who} {_REFUSING[reason]}" for reason in given))


def _with_client(tx: Transaction, job: Job, launchers: list[Launcher]) -> list[Launcher] | Waiting:
    """Leave those that can run the client of the job's agent; if there are none, say what is amiss with each."""
    if all(item.clients is None for item in launchers):
        return launchers
    client = tx.queue.lane_by_id(job.lane_id).client
    able = [item for item in launchers if client is None or what_is_amiss(item, client) is None]
    return able if able or client is None else Waiting(WaitReason.NO_CLIENT, no_launcher_has(client, launchers))


def no_launcher_has(client: str, launchers: Sequence[Launcher]) -> str:
    """Say that nobody can run a client, and what is amiss where."""
    amiss: dict[str, str] = {item.hostname or item.name: what_is_amiss(item, client) or "" for item in launchers}
    shown = [f"on {host} it is {what}" for host, what in sorted(amiss.items()) if what][:_HOSTS_SHOWN]
    more = [f"and the same on {len(amiss) - len(shown)} more"] if len(amiss) > len(shown) else []
    program = client.rpartition(" ")[2]
    return f"no launcher has '{program}': {', '.join([*shown, *more])} (install it or sign in there)"


def _all_of(number: int, thing: str) -> str:
    return f"the one {thing} is" if number == 1 else f"all {number} {thing}s are"


def _each_of(number: int) -> str:
    return "the only one" if number == 1 else f"each of {number}"


def _none_of(number: int, thing: str) -> str:
    return f"the one {thing} is not" if number == 1 else f"none of {number} {thing}s is"


def _runs(launchers: int, jobs: int) -> str:
    who = "the one fitting launcher runs" if launchers == 1 else f"{launchers} fitting launchers run"
    return f"{who} {jobs} {'job' if jobs == 1 else 'jobs'}"


def _leaves_work_alone(launcher: Launcher, at_work: int, now: datetime) -> bool:
    """Tell whether a launcher with room has not asked for long: one that waits for work would have been given it."""
    has_room = launcher.max_jobs is None or at_work < launcher.max_jobs
    return has_room and now - launcher.last_seen_at > QUIET_AFTER


def _wishes(job: Job) -> str:
    wishes = [f"labelled {key}={value}" for key, value in sorted(asked_labels(job.labels).items())]
    if job.required_host is not None:
        wishes.append(f"on host '{job.required_host}', where the session lives")
    if job.required_launcher_id is not None:
        wishes.append(f"launcher '{job.required_launcher_id}'")
    return " and ".join(wishes) or "of the right kind"
