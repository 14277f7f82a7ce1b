"""What happens when: the one clock of a simulated world, and the order in which its events come."""

import heapq
from collections.abc import Callable

Act = Callable[[], None]


class Appointment:
    """Something that will happen, unless it is called off."""

    __slots__ = ("act",)

    def __init__(self, act: Act) -> None:
        self.act: Act | None = act

    def call_off(self) -> None:
        """Let it not happen; again is harmless."""
        self.act = None


class Agenda:
    """Keeps what is to happen, and lets it happen in order; equal times keep the order in which they were made.

    Units:   seconds since the world began.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Appointment]] = []
        self._order = 0

    def after(self, seconds: float, act: Act) -> Appointment:
        """Let something happen after a while."""
        self._order += 1
        appointment = Appointment(act)
        heapq.heappush(self._due, (self.now + seconds if seconds > 0.0 else self.now, self._order, appointment))
        return appointment

    def next_at(self) -> float | None:
        """Tell when the next thing happens."""
        while self._due and self._due[0][2].act is None:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def step(self) -> None:
        """Move the clock to the next thing and let it happen."""
        at, _, appointment = heapq.heappop(self._due)
        if at > self.now:
            self.now = at
        if appointment.act is not None:
            appointment.act()
