"""Threads that are none: code that waits gives way to the agenda, and goes on when its turn comes.

A greenlet is switched by us alone, so the same seed switches at the same places.
"""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TypeVar

from greenlet import GreenletExit, greenlet

from simulation.agenda import Agenda

S = TypeVar("S")
T = TypeVar("T")

LONG_WAIT_SECONDS = 25.0
"""Short periodic waits are stretched to this, so that a simulated hour costs little."""
LOG_ROUND_SECONDS = 8.0


class Fiber:
    """One thread of a simulated process."""

    def __init__(self, life: "Life", run: Callable[[], None], name: str) -> None:
        self.name = name
        self._life = life
        self._run = run
        self._turn = 0
        self._greenlet = greenlet(self._main, parent=life.hub)
        self._ended: list[Fiber] = []
        self.is_started = False

    @property
    def ident(self) -> int | None:
        return id(self) if self.is_started else None

    def start(self) -> None:
        """Begin as soon as the present event is over."""
        self.is_started = True
        self._life.fibers.append(self)
        self.wake()

    def is_alive(self) -> bool:
        return self.is_started and not self._greenlet.dead

    def join(self, timeout: float) -> None:
        """Wait for its end, from another fiber."""
        if self.is_alive():
            self._ended.append(self._life.current())
            self._life.wait(timeout)

    def wait(self, seconds: float | None) -> bool:
        """Give way until somebody wakes this fiber; False if the time was over before."""
        if seconds is None:
            return bool(self._life.hub.switch())
        timer = self._life.agenda.after(seconds, partial(self._resume, self._turn, False))
        woken = bool(self._life.hub.switch())
        timer.call_off()
        return woken

    def wake(self) -> None:
        """Let it go on; a fiber that does not wait by then is not touched."""
        self._life.agenda.after(0.0, partial(self._resume, self._turn, True))

    def kill(self) -> None:
        """End it where it stands; called from outside of all fibers."""
        self._turn += 1
        if self._greenlet.gr_frame is not None:
            self._greenlet.throw(GreenletExit)

    def _resume(self, turn: int, woken: bool) -> None:
        life = self._life
        if turn != self._turn or not life.is_alive or self._greenlet.dead:
            return
        frozen = life.frozen_until - life.agenda.now
        if frozen > 0:
            life.agenda.after(frozen, partial(self._resume, turn, woken))
            return
        self._turn += 1
        before, life.running = life.running, self
        self._greenlet.switch(woken)
        life.running = before

    def _main(self, _: bool) -> None:
        try:
            self._run()
        finally:
            for waiting in self._ended:
                waiting.wake()


class Life:
    """One life of a process: from its start to its end, with all its fibers."""

    def __init__(self, agenda: Agenda, hub: greenlet, name: str) -> None:
        self.agenda = agenda
        self.hub = hub
        self.name = name
        self.fibers: list[Fiber] = []
        self.is_alive = True
        self.frozen_until = 0.0
        self.running: Fiber | None = None

    def current(self) -> Fiber:
        assert self.running is not None, "only a fiber waits"
        return self.running

    def wait(self, seconds: float | None) -> bool:
        """Let the present fiber wait; in a process that has died, nothing goes on."""
        if not self.is_alive:
            raise GreenletExit
        woken = self.current().wait(seconds)
        if not self.is_alive:
            raise GreenletExit
        return woken

    def check(self) -> None:
        """End the present fiber if its process is dead."""
        if not self.is_alive:
            raise GreenletExit

    def die(self) -> None:
        """End all fibers, wherever they are, before anything else happens; the present one ends at its next breath."""
        self.is_alive = False
        self.agenda.after(0.0, self.bury)

    def bury(self) -> None:
        """Let go of what the fibers hold."""
        self.is_alive = False
        for fiber in self.fibers:
            fiber.kill()
        self.fibers.clear()


class SimLock:
    """A lock among fibers."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._is_held = False
        self._waiting: deque[Fiber] = deque()

    def __enter__(self) -> bool:
        while self._is_held:
            self._waiting.append(self._life.current())
            self._life.wait(None)
        self._is_held = True
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_held = False
        if self._waiting:
            self._waiting.popleft().wake()


class SimCondition(threading.Condition):
    """A condition among fibers; between two waits nobody else runs, so there is nothing to lock."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._waiting: deque[Fiber] = deque()

    def __enter__(self) -> bool:
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def wait(self, timeout: float | None = None) -> bool:
        fiber = self._life.current()
        self._waiting.append(fiber)
        woken = self._life.wait(timeout)
        if not woken and fiber in self._waiting:
            self._waiting.remove(fiber)
        return woken

    def notify(self, n: int = 1) -> None:
        for _ in range(min(n, len(self._waiting))):
            self._waiting.popleft().wake()

    def notify_all(self) -> None:
        self.notify(len(self._waiting))


class SimFlag(threading.Event):
    """An event among fibers."""

    def __init__(self, life: Life) -> None:
        self._is_set = False
        self._condition = SimCondition(life)

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._condition.notify_all()

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        if not self._is_set:
            # The launcher's log goes round each second; here less often.
            self._condition.wait(LOG_ROUND_SECONDS if timeout == 1.0 else timeout)
        return self._is_set


class SimInbox(SimpleQueue[T]):
    """A queue among fibers."""

    def __init__(self, life: Life) -> None:
        self._items: deque[T] = deque()
        self._condition = SimCondition(life)

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> None:
        del block, timeout
        self._items.append(item)
        self._condition.notify()

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        del block
        if not self._items:
            self._condition.wait(max(timeout or 0.0, LONG_WAIT_SECONDS))
        if not self._items:
            raise Empty
        return self._items.popleft()
