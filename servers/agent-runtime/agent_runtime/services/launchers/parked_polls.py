"""The launchers' waiting calls: who waits for what, and exactly whom a new job wakes.

A poll is parked before it looks for the first time, so that nothing that is committed while it looks passes
it by. Each ready job wakes one poll: the one that has waited longest of those that may run it.
"""

import asyncio
from collections import deque
from enum import Enum, auto

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.launcher import Launcher
from agent_runtime.services.ports.queue import Lane, may_serve
from agent_runtime.services.ports.store import Announcement


class Woken(Enum):
    """Why a parked poll goes on."""

    LOOK = auto()
    """There may be something for it."""
    OVER = auto()
    """Its time is over, or a newer poll of the same launcher has come."""


class ParkedPoll:
    """One waiting call of one launcher; made by `ParkedPolls.park` and ended by `ParkedPolls.leave`."""

    def __init__(self, launcher_id: LauncherId, *, takes_jobs: bool) -> None:
        self.launcher_id = launcher_id
        self.takes_jobs = takes_jobs
        self.launcher: Launcher | None = None
        self.is_looking = True
        self.is_over = False
        self._offers: deque[Lane] = deque()
        self._summoned = False
        self._waiter: asyncio.Future[None] | None = None

    def fits(self, lane: Lane) -> bool:
        """Tell whether this poll could take a job of a lane."""
        # Until it has looked once we do not know the launcher: it is offered the job, and passes it on.
        launcher = self.launcher
        return self.takes_jobs and (launcher is None or (not launcher.draining and may_serve(launcher, lane)))

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing has been offered to this poll that it has not looked for yet."""
        return not self.is_looking and not self._offers and not self.is_over

    def offer(self, lane: Lane) -> None:
        """Let the poll look for a job of a lane."""
        self._offers.append(lane)
        self._wake()

    def summon(self) -> None:
        """Let the poll look, whatever for."""
        self._summoned = True
        self._wake()

    def end(self) -> None:
        """Let the poll answer with nothing."""
        self.is_over = True
        self._wake()

    def take_offers(self) -> list[Lane]:
        """Give the lanes that were offered, and forget them: the poll looks for them now."""
        offers = list(self._offers)
        self._offers.clear()
        self._summoned = False
        self.is_looking = True
        return offers

    async def woken(self) -> Woken:
        """Wait until there may be something, or the time is over."""
        self.is_looking = False
        while not (self.is_over or self._offers or self._summoned):
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return Woken.OVER if self.is_over else Woken.LOOK

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class ParkedPolls:
    """All waiting calls of this runtime, the longest waiting first."""

    def __init__(self) -> None:
        self._polls: dict[LauncherId, ParkedPoll] = {}
        self.wakeups = 0

    def park(self, launcher_id: LauncherId, *, takes_jobs: bool) -> ParkedPoll:
        """Let a call wait; an older one of the same launcher ends."""
        poll = ParkedPoll(launcher_id, takes_jobs=takes_jobs)
        older = self._polls.pop(launcher_id, None)
        self._polls[launcher_id] = poll
        if older is not None:
            older.end()
        return poll

    def leave(self, poll: ParkedPoll, unserved: list[Lane]) -> None:
        """Let a call go, and pass on what it was offered and did not take."""
        if self._polls.get(poll.launcher_id) is poll:
            del self._polls[poll.launcher_id]
        for lane in [*unserved, *poll.take_offers()]:
            self.offer(lane)

    def __len__(self) -> int:
        """Tell how many calls wait here."""
        return len(self._polls)

    def is_parked(self, launcher_id: LauncherId) -> bool:
        """Tell whether a launcher's call waits here."""
        return launcher_id in self._polls

    def is_waiting(self, launcher_id: LauncherId) -> bool:
        """Tell whether a launcher's call has looked, found nothing, and waits."""
        poll = self._polls.get(launcher_id)
        return poll is not None and poll.is_idle

    def is_newest(self, poll: ParkedPoll) -> bool:
        """Tell whether no newer call of the same launcher has come."""
        return self._polls.get(poll.launcher_id) is poll

    def hear(self, announcement: Announcement) -> None:
        """Wake whom a commit concerns: one poll for each ready job, and the launchers that are named."""
        for lane in announcement.ready_lanes:
            self.offer(lane)
        for launcher_id in announcement.launchers:
            poll = self._polls.get(launcher_id)
            if poll is not None:
                poll.summon()

    def offer(self, lane: Lane) -> None:
        """Let one poll look for a job of a lane; nobody has to, the next poll that comes looks anyway."""
        looking = None
        for poll in self._polls.values():
            if not poll.fits(lane):
                continue
            if poll.is_idle:
                self.wakeups += 1
                poll.offer(lane)
                return
            if looking is None and poll.is_looking:
                looking = poll
        # It looks already, perhaps at what was there before this job: it is to look again before it waits.
        if looking is not None:
            looking.offer(lane)

    def expect_job(self) -> None:
        """Let the poll that has waited longest look beside the commit of a job that is about to be made.

        Where commits are shared, the job and its claim are then one: a launcher has it a whole commit sooner.
        Nothing depends on it: if the job is not for that launcher, it is offered to the right one as always.
        """
        for poll in self._polls.values():
            if poll.is_idle and poll.takes_jobs:
                poll.summon()
                return

    def end_all(self) -> None:
        """Let all waiting calls answer with nothing, because the runtime leaves."""
        for poll in list(self._polls.values()):
            poll.end()
