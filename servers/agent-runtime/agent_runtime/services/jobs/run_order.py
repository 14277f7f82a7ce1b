"""In which order the waiting jobs will run, as far as that can be told before launchers ask for them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, zip_longest

from agent_runtime.domain.job import Job, WaitsOn
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.services.ports.queue import Lane, may_serve
from agent_runtime.services.ports.store import Transaction

AGES_ONE_POINT_IN = timedelta(seconds=30)
"""How long a job waits until it stands beside jobs that are one point more urgent."""
# What waits for a time comes back by itself; a busy session may take long, and the last two wait for a person.
_BLOCKED: Sequence[WaitsOn] = (WaitsOn.TIME, WaitsOn.SESSION, WaitsOn.ANSWER, WaitsOn.HELD)


def next_to_run(tx: Transaction, limit: int) -> Sequence[Job]:
    """Read the jobs that run next, the first of them first.

    It is the order of the claims: the most urgent lanes first, beside them those that have aged up to them, and in
    each lane its groups alternately. Where a claim draws lots among lanes, they alternate here. Behind what a
    launcher could take stand the jobs that no present launcher may run, and behind those the ones that wait for
    something else than a launcher.
    """
    launchers = [item for item in tx.launchers.present() if item.status is LauncherStatus.ALIVE and not item.draining]
    lanes = {lane.id: lane for lane in tx.queue.lanes_with_ready_jobs()}
    served = {lane_id: lane for lane_id, lane in lanes.items() if _is_served(lane, launchers)}
    unserved = {lane_id: lane for lane_id, lane in lanes.items() if lane_id not in served}
    line: list[Job] = []
    for part in (served, unserved):
        line += _alternately(tx, part, limit - len(line))
    for waits_on in _BLOCKED:
        if len(line) < limit:
            line += tx.queue.blocked(waits_on, limit - len(line))
    return line


def competing_lanes(lanes: Sequence[Lane], waiting: Mapping[int, datetime], now: datetime) -> list[Lane]:
    """Find the lanes among which a lot is drawn: the most urgent ones, and those whose head has aged up to them.

    Aged ones only take part, and do not go first: whoever is urgent waits for one of them at most every other time.
    """
    top = max(lane.priority for lane in lanes)
    return [lane for lane in lanes if is_beside(top, lane.priority, waiting[lane.id], now)]


def is_beside(top: int, priority: int, since: datetime, now: datetime) -> bool:
    """Tell whether a job that waits since then stands beside those of the most urgent lane."""
    # A clock that was set back makes a head wait since tomorrow; the most urgent lane competes all the same.
    return priority == top or now - since >= AGES_ONE_POINT_IN * (top - priority)


def _is_served(lane: Lane, launchers: Sequence[Launcher]) -> bool:
    return any(may_serve(item, lane) for item in launchers)


def _alternately(tx: Transaction, lanes: Mapping[int, Lane], limit: int) -> list[Job]:
    """Take from the competing lanes alternately until there are enough, or nothing stands in any lane."""
    waiting = dict(tx.queue.heads(list(lanes))) if limit > 0 and lanes else {}
    given = dict.fromkeys(waiting, 0)
    line: list[Job] = []
    while waiting and len(line) < limit:
        competing = competing_lanes([lanes[lane_id] for lane_id in waiting], waiting, tx.now)
        # So many from each would be enough; what a shorter lane leaves over is for the next round.
        share = -(-(limit - len(line)) // len(competing))
        deepest = max(given[lane.id] for lane in competing)
        fronts = tx.queue.fronts([lane.id for lane in competing], deepest + share + 1)
        top = max(lane.priority for lane in competing)
        round_: list[Sequence[Job]] = []
        for lane in competing:
            behind = fronts.get(lane.id, ())[given[lane.id] :]
            beside = [is_beside(top, lane.priority, job.queued_at, tx.now) for job in behind[:share]]
            count = beside.index(False) if False in beside else len(beside)
            round_.append(behind[:count])
            given[lane.id] += count
            if count < len(behind):
                waiting[lane.id] = behind[count].queued_at
            else:
                del waiting[lane.id]
        line += [job for job in chain.from_iterable(zip_longest(*round_)) if job is not None]
    return line[:limit]
