"""Watches a turn: whether it gives a sign of life, and whether the same call fails again and again."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from agent_backends.processes.tree import processor_seconds_below
from agent_backends.protocol import AgentEvent, Looped, People, Said, Stalled, Stirred, ToolAnswered, ToolCalled, Turn
from agent_backends.turn.patience import NEVER, Patience
from runtime_client.wire import JsonObject

# A look at a silent turn reads the whole of /proc; a stall is known a little later than it could be.
LOOKS_IN_PATIENCE = 5
PAUSE_MAX_SECONDS = 30.0
# Of one processor: a client that only waits has timers. They cost half a per cent, now and then a tenth of a second.
BUSY_SHARE, BUSY_SECONDS = 0.03, 0.2
LOOP_CALLS = 5


@dataclass(frozen=True)
class _Call:
    tool: str
    content: int


class Watch:
    """Stands between a backend and what records its events.

    Shape:   `has_asked` tells whether somebody is asked something by another way than the turn's own; `stalled` is the
             sentence for the end of a turn that was stopped because of this, None as long as it was not.
    """

    def __init__(
        self,
        turn: Turn,
        record: Callable[[AgentEvent], None],
        has_asked: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        processor_seconds: Callable[[], float | None] = lambda: processor_seconds_below(os.getpid()),
    ) -> None:
        self.stalled: str | None = None
        self._turn = turn
        self._record = record
        self._has_asked = has_asked
        self._clock, self._processor_seconds = clock, processor_seconds
        self._patience = Patience.of(turn.blueprint)
        self._calls: dict[str, _Call] = {}
        self._failures: Counter[_Call] = Counter()
        self._is_stall_told = self._has_event = False
        self._printed, self._used = 0, 0.0
        self._last_sign_at = self._used_at = clock()

    def record(self, event: AgentEvent) -> None:
        """Take an event, which is a sign of life, and pass it on."""
        self._has_event = True
        self._see_sign()
        self._record(event)
        match event:
            case ToolCalled():
                content = hash(json.dumps(event.input, sort_keys=True, default=str))
                self._calls[event.tool_call_id] = _Call(event.tool, content)
                self._turn.pulse.tools[event.tool_call_id] = event.tool
            case ToolAnswered():
                self._turn.pulse.tools.pop(event.tool_call_id, None)
                self._count(event, self._calls.pop(event.tool_call_id, None))
            case _:
                pass

    async def watch(self, stop: asyncio.Event) -> None:
        """Look again and again; stop the turn when its patience is at an end."""
        if self._patience.shortest == NEVER:
            return
        while not stop.is_set():
            await asyncio.sleep(min(self._patience.shortest / LOOKS_IN_PATIENCE, PAUSE_MAX_SECONDS))
            if await self.must_stop():
                stop.set()

    async def must_stop(self) -> bool:
        """Look once: tell that it has stalled if it has, and return whether it is to be stopped."""
        if self._has_stirred():
            return False
        tools, silent = set(self._turn.pulse.tools.values()), self._clock() - self._last_sign_at
        tells, stops = self._patience.tells(tools), self._patience.stops(tools)
        if silent < min(tells, stops):
            return False
        if await asyncio.to_thread(self._has_asked):
            self._see_sign()
            return False
        detail = self._detail(sorted(tools), silent)
        if silent >= tells and not self._is_stall_told:
            self._is_stall_told = True
            left = None if stops == NEVER else max(stops - silent, 0.0)
            self._record(Stalled(detail, self._waits_for(tools), sorted(tools), silent, left))
        if silent >= stops:
            self.stalled = f"{detail} (agent.json says how long that may be: 'stalls')"
        return silent >= stops

    def _has_stirred(self) -> bool:
        """Tell whether there was a sign of life since the last look that makes no events."""
        pulse = self._turn.pulse
        has_stirred = pulse.asking > 0 or pulse.printed != self._printed
        # After an event it need not be asked what processes compute: the event's time is known.
        has_stirred = has_stirred or (not self._has_event and self._has_computed())
        self._has_event, self._printed = False, pulse.printed
        if has_stirred:
            self._see_sign()
        return has_stirred

    def _has_computed(self) -> bool:
        used, now = self._processor_seconds(), self._clock()
        if used is None:
            # Where nobody can say what processes compute, a tool that works in silence looks like one that hangs.
            return bool(self._turn.pulse.tools)
        more, passed = used - self._used, now - self._used_at
        is_busy = more > max(BUSY_SHARE * passed, BUSY_SECONDS)
        if is_busy or passed >= PAUSE_MAX_SECONDS:
            self._used, self._used_at = used, now
        return is_busy

    def _see_sign(self) -> None:
        """Begin its time anew; whoever was told that it has stalled is told that this is over."""
        silent = self._clock() - self._last_sign_at
        if self._is_stall_told:
            self._record(Stirred(f"goes on, after {silent:.0f} seconds without a sign of life", silent))
        self._last_sign_at, self._is_stall_told = self._clock(), False

    def _waits_for(self, tools: set[str]) -> str:
        if tools:
            return "tool"
        return "program" if self._turn.blueprint.backend == "command" else "model"

    def _detail(self, tools: list[str], silent: float) -> str:
        at = {
            "tool": f"its tool {', '.join(map(repr, tools))} runs",
            "program": "its program runs",
            "model": "it waits for its model",
        }[self._waits_for(set(tools))]
        nothing = f"no event, no output and no processor time for {silent:.0f} seconds"
        return f"agent {self._turn.blueprint.name!r} has stalled: {at}, and there was {nothing}"

    def _count(self, event: ToolAnswered, call: _Call | None) -> None:
        if call is None:
            return
        if not event.is_error:
            del self._failures[call]
            return
        self._failures[call] += 1
        times = self._failures[call]
        # Told at 5, 10, 20, …: it may go on for hours.
        if times % LOOP_CALLS == 0 and (times // LOOP_CALLS).bit_count() == 1:
            self._record(Looped(f"the same call of {call.tool!r} has failed {times} times", call.tool, times))


class WatchedPeople:
    """Those whom an agent may ask; while they are asked, the turn cannot stall."""

    def __init__(self, people: People, turn: Turn) -> None:
        self._people = people
        self._pulse = turn.pulse

    @property
    def has_rules(self) -> bool:
        """Whether calls that the agent would not ask for have to be asked about, too."""
        return self._people.has_rules

    @property
    def gave_way(self) -> asyncio.Event:
        """Set when the turn is to end, because an answer takes long."""
        return self._people.gave_way

    async def ask(self, asked: JsonObject) -> Said:
        """Ask, and wait for the answer."""
        self._pulse.asking += 1
        try:
            return await self._people.ask(asked)
        finally:
            self._pulse.asking -= 1
