"""Why a pending job waits, and what would change that; found at the moment that somebody asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agent_runtime.domain.ids import JobId, LauncherId
from agent_runtime.domain.job import Job, JobStatus, WaitsOn
from agent_runtime.domain.launcher import Launcher, LauncherStatus, may_run
from agent_runtime.domain.reasons import WaitReason
from agent_runtime.services.jobs import asked_labels
from agent_runtime.services.ports import Transaction


@dataclass(frozen=True)
class Waiting:
    """Why a job waits: a code for programs, and a sentence that says what would change it."""

    reason: WaitReason
    sentence: str


def explain_waiting(tx: Transaction, jobs: Iterable[Job]) -> Mapping[JobId, Waiting]:
    """Say for each of these jobs that is pending why it is."""
    pending = [job for job in jobs if job.status is JobStatus.PENDING]
    if not pending:
        return {}
    launchers = [item for item in tx.launchers.present() if item.status is LauncherStatus.ALIVE]
    held = tx.jobs.count_held() if launchers else {}
    return {job.id: _why(tx, job, launchers, held) for job in pending}


def _why(tx: Transaction, job: Job, launchers: Sequence[Launcher], held: Mapping[LauncherId, int]) -> Waiting:
    match job.waits_on:
        case WaitsOn.SESSION:
            return _session_busy(tx, job)
        case WaitsOn.TIME:
            moment = job.not_before.strftime("%Y-%m-%d %H:%M:%S UTC") if job.not_before is not None else "its time"
            return Waiting(WaitReason.NOT_BEFORE, f"waits until {moment}")
        case WaitsOn.HELD:
            return Waiting(
                WaitReason.HELD, "is held until somebody lifts the hold (on the page, or DELETE /jobs/JOB/hold)"
            )
        case None:
            why = _no_launcher_takes_it(job, launchers, held)
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


def _no_launcher_takes_it(job: Job, launchers: Sequence[Launcher], held: Mapping[LauncherId, int]) -> Waiting:
    launchers = [item for item in launchers if not item.only_own_jobs or item.id == job.required_launcher_id]
    if not launchers:
        return Waiting(WaitReason.NO_LAUNCHER, "no launcher is connected (start one: servers/agent-launcher)")
    labels = asked_labels(job.labels)
    fitting = [item for item in launchers if may_run(item, labels, job.required_host, job.required_launcher_id)]
    if not fitting:
        return Waiting(
            WaitReason.NO_MATCHING_LAUNCHER,
            f"none of {len(launchers)} connected launchers is {_wishes(job)} (start one that is)",
        )
    open_ones = [item for item in fitting if not item.draining]
    if not open_ones:
        return Waiting(
            WaitReason.NO_FREE_SLOT, f"all {len(fitting)} fitting launchers are draining (let one resume, or start one)"
        )
    if all(item.refusal == WaitReason.LAUNCHER_SHORT_OF_MEMORY for item in open_ones):
        return Waiting(
            WaitReason.LAUNCHER_SHORT_OF_MEMORY,
            "the fitting launchers are short of memory (it goes on when a job ends or memory is freed)",
        )
    if all(item.refusal == WaitReason.LAUNCHER_CANNOT_START_JOBS for item in open_ones):
        return Waiting(
            WaitReason.LAUNCHER_CANNOT_START_JOBS,
            "the fitting launchers cannot start processes or write their disks (see 'agent-launcher doctor' there)",
        )
    running = sum(held.get(item.id, 0) for item in open_ones)
    return Waiting(
        WaitReason.NO_FREE_SLOT,
        f"waits for a free slot: {len(open_ones)} fitting launchers run {running} jobs (it goes on when one ends)",
    )


def _wishes(job: Job) -> str:
    wishes = [f"labelled {key}={value}" for key, value in sorted(asked_labels(job.labels).items())]
    if job.required_host is not None:
        wishes.append(f"on host '{job.required_host}', where the session lives")
    if job.required_launcher_id is not None:
        wishes.append(f"launcher '{job.required_launcher_id}'")
    return " and ".join(wishes) or "of the right kind"
