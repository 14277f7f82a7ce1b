"""What launchers say of themselves: who they are, that they live, what they hold, that they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import JobId, LauncherId, new_id
from agent_runtime.domain.job import Job, JobStatus, Move
from agent_runtime.domain.launcher import Clients, Launcher, LauncherStatus
from agent_runtime.domain.reasons import Reason
from agent_runtime.services.jobs.moves import move_job
from agent_runtime.services.launchers.instances import Instance, epoch_of, is_past, is_repeated, past_instances_of
from agent_runtime.services.ports.store import JobChanges, LauncherChanges, Transaction

LATE_TRUTH_ACCEPTED_FOR = timedelta(hours=24)
# A call writes "seen" only this often: a busy launcher calls a hundred times in a second.
SEEN_WRITTEN_EVERY = timedelta(seconds=5)
# A list of what a launcher holds may have been on its way for as long as a call may take.
HOLDING_MAY_BE_OLD = timedelta(seconds=30)


@dataclass(frozen=True)
class Registration:
    """What a launcher says when it comes."""

    launcher_id: LauncherId | None = None
    name: str = ""
    hostname: str = ""
    boot_id: str | None = None
    version: str | None = None
    labels: Mapping[str, str] | None = None
    max_jobs: int | None = None
    backends: Sequence[str] = ()
    clients: Clients | None = None
    holding: "Sequence[KnownAttempt] | None" = None
    only_own_jobs: bool = False
    instance: Instance | None = None


@dataclass(frozen=True)
class KnownAttempt:
    """An attempt that a launcher says it has."""

    job_id: JobId
    attempt: int
    token: str


@dataclass(frozen=True)
class Adopted:
    """An attempt that its launcher goes on with, and how much of its output is here already."""

    job_id: JobId
    attempt: int
    log_offset: int


@dataclass(frozen=True)
class Dropped:
    """An attempt that is fenced off: it is killed and nothing of it is reported."""

    job_id: JobId
    attempt: int
    reason: str


@dataclass(frozen=True)
class Registered:
    """What a launcher is told when it comes."""

    launcher: Launcher
    adopt: Sequence[Adopted]
    drop: Sequence[Dropped]


def known_launcher(tx: Transaction, launcher_id: LauncherId, epoch: int | None = None) -> Launcher:
    """Read the launcher that calls.

    Errors:  NotFound `launcher_unknown`: it must register again; Conflict `superseded`: another process has
             its identity by now.
    """
    launcher = check_known(tx.launchers.get(launcher_id), launcher_id)
    if epoch is not None and epoch != launcher.epoch:
        raise Conflict(
            "superseded",
            f"launcher '{launcher_id}' was registered again: epoch {launcher.epoch} is the current one, found {epoch} "
            "(leave, without ending any job; or, if no other process can have this identity, register as a new one)",
        )
    return launcher


def check_known(launcher: Launcher | None, launcher_id: LauncherId) -> Launcher:
    """Refuse a launcher that was read and is none any more.

    Errors:  NotFound `launcher_unknown`: it must register again.
    """
    if launcher is None or launcher.status is LauncherStatus.GONE:
        raise NotFound("launcher_unknown", f"no launcher '{launcher_id}' (register again, and say what you hold)")
    return launcher


def see(tx: Transaction, launcher: Launcher, *, refusal: str | None = None) -> Launcher:
    """Note that a launcher has called, which proves that it lives."""
    is_fresh = tx.now - launcher.last_seen_at < SEEN_WRITTEN_EVERY
    is_plain = launcher.status is LauncherStatus.ALIVE and launcher.poll_dropped_at is None
    if is_fresh and is_plain and launcher.refusal == refusal:
        return launcher
    changes: LauncherChanges = {
        "last_seen_at": max(tx.now, launcher.last_seen_at),
        "poll_dropped_at": None,
        "refusal": refusal,
        "status": LauncherStatus.ALIVE,
    }
    seen = tx.launchers.change(launcher.id, changes)
    assert seen is not None, f"launcher '{launcher.id}' vanished inside a transaction"
    if launcher.status is LauncherStatus.LOST:
        emit_launcher_event(tx, seen, "launcher.alive")
    return seen


def emit_launcher_event(tx: Transaction, launcher: Launcher, name: str) -> None:
    """Write what happened to a launcher into the events."""
    facts = {"launcher_id": launcher.id, "name": launcher.name, "hostname": launcher.hostname}
    tx.emit(NewEvent(type=name, at=tx.now, data={**facts, "status": launcher.status}))


def register(tx: Transaction, registration: Registration) -> Registered:
    """Take a launcher in, as a new one or as the next life of a known one, and decide about what it has.

    A registration of the same process raises no epoch, and one that was heard already changes nothing at all: what
    it says to hold is old news.

    Errors:  Conflict `superseded`: a later process has its identity by now.
    """
    known = _known(tx, registration)
    if known is not None and is_repeated(known, registration.instance):
        return Registered(known, *_sort(tx, registration.holding or ()))
    launcher = _write_launcher(tx, registration, known)
    emit_launcher_event(tx, launcher, "launcher.registered")
    if registration.holding is None:
        return Registered(launcher, (), ())
    adopt, drop = adopt_or_drop(tx, launcher, registration.holding)
    there = {(item.job_id, item.attempt) for item in registration.holding}
    for job in tx.jobs.at_launcher(launcher.id, frozenset({JobStatus.CLAIMED, JobStatus.RUNNING})):
        if (job.id, job.attempt) not in there:
            let_go(tx, job)
    return Registered(launcher, adopt, drop)


def adopt_or_drop(
    tx: Transaction, launcher: Launcher, holding: Sequence[KnownAttempt]
) -> tuple[Sequence[Adopted], Sequence[Dropped]]:
    """Decide for each attempt that a launcher has whether it goes on or is fenced off; what goes on is its own."""
    adopt, drop = _sort(tx, holding)
    for item in adopt:
        job = tx.jobs.get(item.job_id)
        assert job is not None, f"job '{item.job_id}' vanished inside a transaction"
        _adopt(tx, launcher, job)
    return adopt, drop


def _sort(tx: Transaction, holding: Sequence[KnownAttempt]) -> tuple[Sequence[Adopted], Sequence[Dropped]]:
    """Tell which attempts go on and which are fenced off, and change nothing."""
    adopt: list[Adopted] = []
    drop: list[Dropped] = []
    for item in holding:
        job = tx.jobs.get(item.job_id)
        reason = _fenced_because(tx, job, item)
        if job is None or reason is not None:
            drop.append(Dropped(item.job_id, item.attempt, reason or "job_unknown"))
            continue
        adopt.append(Adopted(job.id, job.attempt, tx.logs.end(job.id, job.attempt)))
    return adopt, drop


def let_go(tx: Transaction, job: Job) -> None:
    """Take from a launcher what it no longer has: a claim goes back, a running job is lost for now."""
    if job.status is JobStatus.CLAIMED:
        move_job(tx, job, Move.RELEASE, JobStatus.PENDING, {})
    elif job.status is JobStatus.RUNNING:
        lose(tx, job)


def lose(tx: Transaction, job: Job) -> Job | None:
    """Say that nobody proves any longer that a running job lives."""
    lost = move_job(tx, job, Move.LOSE, JobStatus.LOST, {"losses": job.losses + 1})
    tx.due_at(tx.now)
    return lost


@dataclass(frozen=True)
class Heartbeat:
    """What a launcher says every minute.

    Shape:   `holding` is None from a launcher that does not say; `unreported` are ends that it has yet to tell.
    """

    launcher_id: LauncherId
    epoch: int | None = None
    holding: Sequence[KnownAttempt] | None = None
    unreported: int = 0
    clients: Clients | None = None
    says_clients: bool = False


def beat(tx: Transaction, heartbeat: Heartbeat) -> Sequence[Dropped]:
    """Note that a launcher lives, and compare what it holds with what we believe it holds.

    Errors:  NotFound `launcher_unknown`; Conflict `superseded`.
    """
    launcher = known_launcher(tx, heartbeat.launcher_id, heartbeat.epoch)
    launcher = see(tx, launcher, refusal=launcher.refusal)
    if heartbeat.says_clients and heartbeat.clients != launcher.clients:
        _note_clients(tx, launcher, heartbeat.clients)
    if heartbeat.holding is None:
        return ()
    _, drop = adopt_or_drop(tx, launcher, heartbeat.holding)
    there = {(item.job_id, item.attempt) for item in heartbeat.holding}
    if heartbeat.unreported == 0:
        for job in tx.jobs.at_launcher(launcher.id, frozenset({JobStatus.RUNNING})):
            is_old = job.started_at is not None and tx.now - job.started_at > HOLDING_MAY_BE_OLD
            if is_old and (job.id, job.attempt) not in there:
                lose(tx, job)
    return drop


def _note_clients(tx: Transaction, launcher: Launcher, clients: Clients | None) -> None:
    """Keep what a launcher can run now, which is something else than before: it looks again for jobs."""
    tx.launchers.change(launcher.id, {"clients": clients})
    emit_launcher_event(tx, launcher, "launcher.changed")
    tx.wake_launcher(launcher.id)


def remove_launcher(tx: Transaction, launcher_id: LauncherId) -> Launcher:
    """Let a launcher leave for good; what it still ran is lost until it comes back and says otherwise.

    Errors:  NotFound.
    """
    known_launcher(tx, launcher_id)
    for job in tx.jobs.at_launcher(launcher_id, frozenset({JobStatus.CLAIMED, JobStatus.RUNNING})):
        let_go(tx, job)
    gone = tx.launchers.change(launcher_id, {"status": LauncherStatus.GONE, "poll_dropped_at": None})
    assert gone is not None, f"launcher '{launcher_id}' vanished inside a transaction"
    emit_launcher_event(tx, gone, "launcher.gone")
    tx.wake_launcher(launcher_id)
    return gone


def set_draining(tx: Transaction, launcher_id: LauncherId, *, draining: bool) -> Launcher:
    """Let a launcher take no new job, or take some again; what it runs goes on.

    Errors:  NotFound.
    """
    launcher = known_launcher(tx, launcher_id)
    if launcher.draining == draining:
        return launcher
    changed = tx.launchers.change(launcher_id, {"draining": draining})
    assert changed is not None, f"launcher '{launcher_id}' vanished inside a transaction"
    emit_launcher_event(tx, changed, "launcher.draining" if draining else "launcher.resumed")
    tx.wake_launcher(launcher_id)
    return changed


def note_dropped_poll(tx: Transaction, launcher_id: LauncherId) -> None:
    """Note that a launcher's waiting call was cut off; if no other call follows soon, it is lost."""
    launcher = tx.launchers.get(launcher_id)
    if launcher is not None and launcher.status is LauncherStatus.ALIVE:
        tx.launchers.change(launcher_id, {"poll_dropped_at": tx.now})
        # If a newer call of it waits at another runtime, that one looks once more, which proves that it lives.
        tx.wake_launcher(launcher_id)
        tx.due_at(tx.now)


def _known(tx: Transaction, registration: Registration) -> Launcher | None:
    """Find the launcher that registers.

    Errors:  Conflict `superseded`.
    """
    launcher_id, instance = registration.launcher_id, registration.instance
    if launcher_id is None and instance is not None:
        # The first registration of a new launcher may come twice, and it cannot know its name yet.
        launcher_id = tx.launchers.of_instance(instance.id)
    known = tx.launchers.get_to_change(launcher_id) if launcher_id is not None else None
    if known is not None and instance is not None and is_past(known, instance, registration.boot_id):
        raise Conflict(
            "superseded",
            f"launcher '{known.id}' was registered by a later process: found instance '{instance.id}', expected "
            f"'{known.instance_id}' (leave, without ending any job)",
        )
    return known


def _write_launcher(tx: Transaction, registration: Registration, known: Launcher | None) -> Launcher:
    launcher_id = known.id if known is not None else registration.launcher_id
    launcher = Launcher(
        id=launcher_id or LauncherId(new_id("lnch_", tx.now, tx.random_bytes)),
        name=registration.name or registration.hostname or "launcher",
        hostname=registration.hostname,
        boot_id=registration.boot_id,
        version=registration.version,
        labels=registration.labels or {},
        max_jobs=registration.max_jobs,
        backends=list(registration.backends),
        clients=registration.clients,
        epoch=epoch_of(known, registration.instance),
        status=LauncherStatus.ALIVE,
        draining=known.draining if known is not None else False,
        refusal=None,
        registered_at=tx.now,
        last_seen_at=tx.now,
        poll_dropped_at=None,
        only_own_jobs=registration.only_own_jobs,
        instance_id=registration.instance.id if registration.instance is not None else None,
        instance_calls=registration.instance.call if registration.instance is not None else 0,
        past_instances=past_instances_of(known, registration.instance),
        instance_began=registration.instance.began if registration.instance is not None else None,
    )
    if known is None:
        tx.launchers.insert(launcher)
        tx.due_at(tx.now)
        return launcher
    tx.wake_launcher(launcher.id)  # A poll of its earlier life must not take a job any more.
    changed = tx.launchers.change(launcher.id, _changes_of(launcher))
    assert changed is not None, f"launcher '{launcher.id}' vanished inside a transaction"
    return changed


def _changes_of(launcher: Launcher) -> LauncherChanges:
    """Take over what a known launcher says of itself when it comes again: all but its id."""
    return cast("LauncherChanges", {name: value for name, value in vars(launcher).items() if name != "id"})


def _fenced_because(tx: Transaction, job: Job | None, claimed: KnownAttempt) -> str | None:
    """Say why an attempt may not go on; nothing if it may."""
    if job is None:
        return "job_unknown"
    if job.attempt != claimed.attempt or job.token != claimed.token:
        return "not_current"
    if job.status in (JobStatus.CLAIMED, JobStatus.RUNNING, JobStatus.LOST):
        return None
    return None if may_be_corrected(tx, job) else "already_ended"


def may_be_corrected(tx: Transaction, job: Job) -> bool:
    """Tell whether a job was only presumed dead, and its truth may still replace that."""
    if job.status is not JobStatus.FAILED or job.reason != Reason.LAUNCHER_LOST or job.ended_at is None:
        return False
    return tx.now - job.ended_at <= LATE_TRUTH_ACCEPTED_FOR


def _adopt(tx: Transaction, launcher: Launcher, job: Job) -> None:
    adopted: JobChanges = {"launcher_id": launcher.id, "launcher_epoch": launcher.epoch}
    if job.status is JobStatus.LOST:
        move_job(tx, job, Move.HEAL, JobStatus.RUNNING, adopted)
    elif job.launcher_epoch != launcher.epoch or job.launcher_id != launcher.id:
        tx.jobs.change(job.id, adopted)
