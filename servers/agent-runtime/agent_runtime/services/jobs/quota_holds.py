"""Accounts whose limit is used up: who runs into the wall holds those behind it, one tries, then all go on."""

from collections.abc import Sequence
from datetime import datetime

from agent_runtime.domain.errors import Conflict, Invalid, NotFound
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import new_id
from agent_runtime.domain.job import Job
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.domain.quota_hold import (
    HoldId,
    HoldState,
    Limit,
    QuotaHold,
    account_at,
    covering,
    end_of,
)
from agent_runtime.services.ports.queue import Lane, may_serve
from agent_runtime.services.ports.quota import HoldChanges
from agent_runtime.services.ports.store import Transaction

LIFTED_BY_ANSWER, LIFTED_BY_USER, LIFTED_AT_REST = "answered", "user", "nobody_waits"
_NOBODY_TRIES: HoldChanges = {"probe_job_id": None, "probe_attempt": None, "probe_began_at": None}
SAID_CHARACTERS_MAX = 1_000


def hold_account(tx: Transaction, job: Job, reason: str, limit: Limit, said: str | None) -> QuotaHold | None:
    """Hold what would run into the limit that a job has just hit; nothing if nobody knows whose limit that is."""
    quota = tx.queue.lane_by_id(job.lane_id).quota
    launcher = tx.launchers.get(job.launcher_id) if job.launcher_id is not None else None
    if quota is None or launcher is None:
        return None
    tx.quota.lock()
    account, model = account_at(launcher, quota), (quota.model or "") if limit.is_of_model else None
    found = [one for one in tx.quota.open() if (one.account, one.backend, one.model) == (account, quota.backend, model)]
    if found:
        return _hold_on(tx, found[0], job, reason, limit, said)
    hold = QuotaHold(
        id=HoldId(new_id("hold_", tx.now, tx.random_bytes)),
        account=account,
        backend=quota.backend,
        model=model,
        limit_name=limit.name or _name_of(reason),
        until=end_of(limit, reason, 1, tx.now, _share(tx)),
        said=_short(said),
        made_by_job_id=job.id,
        made_at=tx.now,
    )
    tx.quota.insert(hold)
    return _announce_held(tx, hold)


def lift_hold(tx: Transaction, hold: QuotaHold, lifted_by: str) -> QuotaHold:
    """Let everything go on that the hold kept; again is harmless."""
    changes: HoldChanges = {**_NOBODY_TRIES, "state": HoldState.LIFTED, "lifted_at": tx.now, "lifted_by": lifted_by}
    lifted = tx.quota.change(hold.id, changes)
    if lifted is None:
        return get_hold(tx, hold.id)
    _emit(tx, "quota.lifted", lifted)
    wake_held(tx, lifted)
    return lifted


def extend_hold(tx: Transaction, hold_id: HoldId, until: datetime) -> QuotaHold:
    """Let nothing be tried before another moment than the one that was told.

    Errors:  NotFound; Invalid for a moment that is over; Conflict for a hold that is lifted.
    """
    tx.quota.lock()
    get_hold(tx, hold_id)
    if until <= tx.now:
        raise Invalid(
            "invalid_parameters",
            f"cannot hold until {until:%Y-%m-%d %H:%M:%S} UTC, which is over: a later time is expected "
            f"(to end the hold: DELETE /holds/{hold_id})",
        )
    changed = tx.quota.change(hold_id, {**_NOBODY_TRIES, "state": HoldState.CLOSED, "until": until})
    if changed is None:
        raise Conflict(
            "hold_lifted", f"cannot extend hold '{hold_id}': it is lifted (the next refusal makes a new one)"
        )
    return _announce_held(tx, changed)


def get_hold(tx: Transaction, hold_id: HoldId) -> QuotaHold:
    """Read one hold.

    Errors:  NotFound.
    """
    hold = tx.quota.get(hold_id)
    if hold is None:
        raise NotFound("hold_unknown", f"no hold '{hold_id}' (GET /holds lists those that there are)")
    return hold


def let_try(tx: Transaction, hold: QuotaHold) -> None:
    """Let the next job try whether the limit is over, now that it should be or the one that tried is gone."""
    changed = tx.quota.change(hold.id, {**_NOBODY_TRIES, "state": HoldState.TRYING})
    if changed is not None:
        wake_held(tx, changed)


def wake_held(tx: Transaction, hold: QuotaHold) -> None:
    """Let the launchers look again that could run what the hold keeps."""
    for launcher in tx.launchers.present():
        if launcher.status is LauncherStatus.ALIVE and any(
            _covers(hold, launcher, lane) for lane in tx.queue.lanes(launcher)
        ):
            tx.wake_launcher(launcher.id)


def jobs_held(tx: Transaction, hold: QuotaHold) -> int:
    """Tell how many jobs wait for limits alone, and would go on if this one ended."""
    return tx.queue.count_ready([lane.id for lane, able in _lanes_kept(tx, hold) if able])


def is_awaited(tx: Transaction, hold: QuotaHold) -> bool:
    """Tell whether somebody waits for the end of a hold, or may, once a launcher is back that could run it."""
    return bool(_lanes_kept(tx, hold))


def kept_by(lane: Lane, launchers: Sequence[Launcher], holds: Sequence[QuotaHold]) -> QuotaHold | None:
    """Find the hold that ends first of those that keep a lane from each of some launchers; None if one is free."""
    shut = [hold for hold in holds if not hold.lets_one_through]
    found = [covering(shut, launcher, lane.quota) for launcher in launchers]
    if not found or not all(found):
        return None
    return min((max(kept, key=lambda one: one.until) for kept in found), key=lambda one: one.until)


def is_kept(tx: Transaction, lane: Lane) -> bool:
    """Tell whether every launcher that could run a lane's jobs has to wait for a limit."""
    if lane.quota is None or not (holds := tx.quota.open()):
        return False
    return kept_by(lane, [one for one in _taking_work(tx) if may_serve(one, lane)], holds) is not None


def _taking_work(tx: Transaction) -> list[Launcher]:
    return [one for one in tx.launchers.present() if one.status is LauncherStatus.ALIVE and not one.draining]


def _lanes_kept(tx: Transaction, hold: QuotaHold) -> list[tuple[Lane, list[Launcher]]]:
    """Read the lanes in which jobs stand that this hold keeps, with the launchers that could run them: none is free."""
    holds, launchers = tx.quota.open(), _taking_work(tx)
    found = []
    for lane in tx.queue.lanes_with_ready_jobs():
        if lane.quota is not None and hold.covers(hold.account, lane.quota):
            able = [one for one in launchers if may_serve(one, lane)]
            is_here = not able or any(_covers(hold, one, lane) for one in able)
            if is_here and all(covering(holds, one, lane.quota) for one in able):
                found.append((lane, able))
    return found


def _covers(hold: QuotaHold, launcher: Launcher, lane: Lane) -> bool:
    return bool(covering([hold], launcher, lane.quota))


def _hold_on(tx: Transaction, hold: QuotaHold, job: Job, reason: str, limit: Limit, said: str | None) -> QuotaHold:
    """Hold on: one that began before the hold says nothing new unless it knows of a later end."""
    tried = (hold.probe_job_id, hold.probe_attempt) == (job.id, job.attempt)
    began_before = job.started_at is not None and job.started_at <= hold.made_at
    refusals = hold.refusals + (not began_before)
    until = end_of(limit, reason, refusals, tx.now, _share(tx))
    if hold.state is HoldState.CLOSED or (began_before and not tried):
        until = max(until, hold.until) if limit.retry_at is not None else hold.until
    if until == hold.until:
        return hold
    changes: HoldChanges = {**_NOBODY_TRIES, "state": HoldState.CLOSED, "until": until, "refusals": refusals}
    changed = tx.quota.change(hold.id, {**changes, "limit_name": limit.name or hold.limit_name, "said": _short(said)})
    return hold if changed is None else _announce_held(tx, changed)


def _announce_held(tx: Transaction, hold: QuotaHold) -> QuotaHold:
    tx.due_at(hold.until)
    _emit(tx, "quota.held", hold)
    return hold


def _emit(tx: Transaction, name: str, hold: QuotaHold) -> None:
    facts: dict[str, Json] = {
        "hold_id": hold.id,
        "account": hold.account,
        "backend": hold.backend,
        "model": hold.model,
        "limit": hold.limit_name,
        "until": hold.until.isoformat(),
        "said": hold.said,
        "made_by_job_id": hold.made_by_job_id,
    }
    tx.emit(NewEvent(type=name, at=tx.now, data=facts | ({"lifted_by": hold.lifted_by} if hold.lifted_by else {})))


def sentence_of(hold: QuotaHold, jobs: int) -> str:
    """Say what is held, for how long, and who waits."""
    whose = f"held: {hold.backend}'s {hold.limit_name}{_model_in(hold)} on account '{hold.account}'"
    waiting = f"({jobs} {'job' if jobs == 1 else 'jobs'})"
    if hold.state is HoldState.CLOSED:
        return f"{whose} until {hold.until:%Y-%m-%d %H:%M:%S} UTC {waiting}"
    if hold.probe_job_id is None:
        return f"{whose} should be over, and the next job tries it {waiting}"
    return f"{whose} should be over, and job '{hold.probe_job_id}' tries it {waiting}"


def _model_in(hold: QuotaHold) -> str:
    return "" if hold.model is None else f" for model '{hold.model}'" if hold.model else " for its default model"


def _name_of(reason: str) -> str:
    return "rate limit" if reason == "rate_limited" else "limit"


def _share(tx: Transaction) -> float:
    return int.from_bytes(tx.random_bytes(2), "big") / 0xFFFF


def _short(said: str | None) -> str | None:
    return None if said is None else said[:SAID_CHARACTERS_MAX]
