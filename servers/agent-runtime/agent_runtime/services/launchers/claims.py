"""How a job gets to a launcher: the claim, its renewal after a lost answer, and the way back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.inquiry import Inquiry
from agent_runtime.domain.job import Job, JobStatus, JobType, Move
from agent_runtime.domain.launcher import Launcher
from agent_runtime.domain.quota_hold import QuotaHold, covering
from agent_runtime.services.jobs.moves import move_job
from agent_runtime.services.jobs.run_order import competing_lanes
from agent_runtime.services.launchers.going_on import as_told
from agent_runtime.services.launchers.inquiries import take_inquiries
from agent_runtime.services.launchers.presence import known_launcher, see
from agent_runtime.services.ports.queue import Lane, may_serve
from agent_runtime.services.ports.store import Transaction

CLAIM_EXPIRES_AFTER = timedelta(seconds=30)
STOP_REPEATED_AFTER = timedelta(seconds=5)
_TOKEN_BYTES = 16
_NO_LIMIT = 2**31


@dataclass(frozen=True)
class Ask:
    """What a launcher's poll says.

    Shape:   `slots` is how many more jobs it could hold now, None if it does not say; `batch` is how many it
             takes in one answer; `refusal` is a wait reason that it gives for having no slot. Without `hears_stops`
             it expects a job in every answer.
    """

    launcher_id: LauncherId
    epoch: int | None = None
    slots: int | None = None
    batch: int = 1
    refusal: str | None = None
    hears_stops: bool = True


@dataclass(frozen=True)
class Claimed:
    """A job as its launcher is to run it: one that was tried before may go on with what it began."""

    job: Job
    type: JobType
    prompt: str


@dataclass(frozen=True)
class Found:
    """What a poll has found: jobs to run, jobs to stop, inquiries to answer, or nothing."""

    launcher: Launcher
    claims: Sequence[Claimed]
    stop_jobs: Sequence[Job]
    inquiries: Sequence[Inquiry] = ()


def look_for_work(tx: Transaction, ask: Ask) -> Found:
    """Give a launcher what there is for it now.

    Stops come first, so that a stop never waits behind new work. Claims that were handed out before and
    neither started nor declined were lost on the way: they are handed out again.

    Errors:  NotFound `launcher_unknown`; Conflict `superseded`.
    """
    launcher = see(tx, known_launcher(tx, ask.launcher_id, ask.epoch), refusal=ask.refusal)
    stopping = announce_stops(tx, launcher.id) if ask.hears_stops else ()
    if stopping:
        return Found(launcher, (), stopping)
    if ask.hears_stops and (inquiries := take_inquiries(tx, launcher)):
        return Found(launcher, (), (), inquiries)
    again = [_renew(tx, launcher, job) for job in tx.jobs.at_launcher(launcher.id, frozenset({JobStatus.CLAIMED}))]
    jobs = [job for job in again if job is not None]
    free = _free_slots(tx, launcher, ask) - len(jobs)
    if free > 0 and not launcher.draining:
        jobs += _claim(tx, launcher, min(free, ask.batch - len(jobs)))
    wanted = jobs[: max(ask.batch, 1)]
    prompts = tx.jobs.prompts([job.id for job in wanted])
    return Found(launcher, [_told(tx, launcher, job, prompts.get(job.id, "")) for job in wanted], ())


def _told(tx: Transaction, launcher: Launcher, job: Job, prompt: str) -> Claimed:
    kind, words = as_told(tx, launcher, job, prompt)
    return Claimed(job, kind, words)


def announce_stops(tx: Transaction, launcher_id: LauncherId, *, always: bool = False) -> Sequence[Job]:
    """Tell which jobs of a launcher are to be stopped: new ones at once, then again every few seconds."""
    due = []
    for job in tx.jobs.stopping(launcher_id):
        announced = job.stop_announced_at
        if always or announced is None or tx.now - announced >= STOP_REPEATED_AFTER:
            tx.jobs.change(job.id, {"stop_announced_at": tx.now})
            due.append(job)
        elif announced is not None:
            tx.due_at(announced + STOP_REPEATED_AFTER)
    return due


def _free_slots(tx: Transaction, launcher: Launcher, ask: Ask) -> int:
    if ask.slots is not None:
        return ask.slots
    if launcher.max_jobs is None:
        return max(ask.batch, 1)
    at_work = tx.jobs.at_launcher(launcher.id, frozenset({JobStatus.CLAIMED, JobStatus.RUNNING}))
    return launcher.max_jobs - len(at_work)


def _renew(tx: Transaction, launcher: Launcher, job: Job) -> Job | None:
    """Hand a claim out once more; one of an earlier life of the launcher goes back to the queue."""
    if job.launcher_epoch != launcher.epoch:
        release(tx, job)
        return None
    expires_at = tx.now + CLAIM_EXPIRES_AFTER
    tx.due_at(expires_at)
    return tx.jobs.change(job.id, {"claim_expires_at": expires_at})


def release(tx: Transaction, job: Job) -> Job | None:
    """Put a claimed job back: nothing of it ran, and it does not count as a try."""
    return move_job(tx, job, Move.RELEASE, JobStatus.PENDING, {})


def _claim(tx: Transaction, launcher: Launcher, limit: int) -> list[Job]:
    """Take jobs from the lanes that this launcher may serve, as many as it wants and there are."""
    fitting = {lane.id: lane for lane in tx.queue.lanes(launcher) if may_serve(launcher, lane)}
    holds = _Holds(tx, launcher)
    waiting = _waiting(tx, holds.free(fitting.values())) if limit > 0 else {}
    claimed: list[Job] = []
    while waiting and len(claimed) < limit:
        competing = competing_lanes([fitting[lane_id] for lane_id in waiting], waiting, tx.now)
        lane = competing[0] if len(competing) == 1 else competing[_draw(tx, len(competing))]
        wanted = limit - len(claimed) if len(competing) == 1 else 1
        wanted = min(wanted, holds.at_once(lane))
        allowed = min(wanted, _room_for_agent(tx, lane))
        found = tx.queue.take(lane.id, allowed) if allowed > 0 else []
        taken = [_take(tx, launcher, job) for job in found if holds.lets_through(lane, job)]
        claimed += [job for job in taken if job is not None]
        if len(taken) < wanted:
            del waiting[lane.id]
        if not holds.are_none:
            waiting = {lane_id: since for lane_id, since in waiting.items() if holds.is_free(fitting[lane_id])}
    return claimed


class _Holds:
    """What is held at one launcher; of a limit that should be over, one job tries it."""

    def __init__(self, tx: Transaction, launcher: Launcher) -> None:
        self._tx = tx
        self._launcher = launcher
        self._open: Sequence[QuotaHold] = tx.quota.open() if tx.queue.may_be_kept() else ()

    @property
    def are_none(self) -> bool:
        return not self._open

    def free(self, lanes: Iterable[Lane]) -> list[int]:
        return [lane.id for lane in lanes if self.is_free(lane)]

    def is_free(self, lane: Lane) -> bool:
        return all(hold.lets_one_through for hold in self._of(lane))

    def at_once(self, lane: Lane) -> int:
        return 1 if self._of(lane) else _NO_LIMIT

    def lets_through(self, lane: Lane, job: Job) -> bool:
        """Let a job try the limits that may be over, if nobody else was faster."""
        holds = self._of(lane)
        if not holds:
            return True
        self._tx.due_at(self._tx.now)
        is_first = [self._tx.quota.begin_probe(hold.id, job.id, job.attempt + 1, self._tx.now) for hold in holds]
        self._open = self._tx.quota.open()
        return all(is_first)

    def _of(self, lane: Lane) -> Sequence[QuotaHold]:
        return covering(self._open, self._launcher, lane.quota) if self._open else ()


def _waiting(tx: Transaction, lane_ids: Sequence[int]) -> dict[int, datetime]:
    # Since when the head of a lane waits matters only beside others.
    return dict(tx.queue.heads(lane_ids)) if len(lane_ids) > 1 else dict.fromkeys(lane_ids, tx.now)


def _draw(tx: Transaction, count: int) -> int:
    return int.from_bytes(tx.random_bytes(4), "big") % count


def _room_for_agent(tx: Transaction, lane: Lane) -> int:
    if lane.agent_limit is None or lane.agent_name is None:
        return _NO_LIMIT
    return lane.agent_limit - tx.queue.lock_and_count_of_agent(lane.agent_name)


def _take(tx: Transaction, launcher: Launcher, job: Job) -> Job | None:
    expires_at = tx.now + CLAIM_EXPIRES_AFTER
    tx.due_at(expires_at)
    return move_job(
        tx,
        job,
        Move.CLAIM,
        JobStatus.CLAIMED,
        {
            "attempt": job.attempt + 1,
            "token": tx.random_bytes(_TOKEN_BYTES).hex(),
            "launcher_id": launcher.id,
            "launcher_epoch": launcher.epoch,
            # Among several connections one that began to look earlier may see what was made a moment later.
            "claimed_at": max(tx.now, job.created_at),
            "claim_expires_at": expires_at,
        },
    )
