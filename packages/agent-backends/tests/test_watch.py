"""A turn that gives no sign of life is told of and then stopped; one that works in silence, or asks, is left alone."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_backends.blueprint import Blueprint
from agent_backends.processes.tree import processor_seconds_below
from agent_backends.protocol import AgentEvent, Looped, Message, Said, Stalled, Stirred, ToolAnswered, ToolCalled, Turn
from agent_backends.turn.patience import NEVER, STOPPED_SECONDS, TOLD_SECONDS, Patience
from agent_backends.turn.watch import LOOP_CALLS, Watch, WatchedPeople
from runtime_client.wire import Json, JsonObject

STALLS: JsonObject = {"told_after_seconds": 60, "stopped_after_seconds": 300, "tools": {"Bash": 1000, "Fetch": 100}}


class Bench:
    """A watch whose clock and processors are held in the hand."""

    def __init__(self, stalls: JsonObject = STALLS, backend: str = "claude") -> None:
        self.now, self.used, self.has_asked = 0.0, 0.0, False
        self.events: list[AgentEvent] = []
        self.turn = Turn("one", "ses_1", "x", Path("/work"), Blueprint("slow", backend, stalls=stalls), None, False, {})
        self.watch = Watch(self.turn, self.events.append, lambda: self.has_asked, lambda: self.now, lambda: self.used)

    def is_stopped_after(self, seconds: float, *, used: float = 0.0) -> bool:
        """Let time pass in which processes compute for so long, and look."""
        self.now += seconds
        self.used += used
        return asyncio.run(self.watch.must_stop())

    @property
    def stalls(self) -> list[Stalled]:
        return [event for event in self.events if isinstance(event, Stalled)]

    @property
    def stirs(self) -> list[float]:
        return [event.silent for event in self.events if isinstance(event, Stirred)]

    def call(self, number: str, tool: str = "Bash", content: Json = None, *, is_error: bool | None = None) -> None:
        """Let a tool run, and end if it is said how."""
        self.watch.record(ToolCalled(number, tool, content))
        if is_error is not None:
            self.watch.record(ToolAnswered(number, tool, "", is_error=is_error))


def test_a_turn_that_waits_for_its_model_in_silence_is_told_of_once_and_later_stopped() -> None:
    bench = Bench()

    stopped = [bench.is_stopped_after(seconds) for seconds in (50, 20, 100, 130)]

    assert stopped == [False, False, False, True]
    (told,) = bench.stalls
    assert (told.waits_for, told.silent, told.stops_in) == ("model", 70, 230)
    nothing = "there was no event, no output and no processor time for"
    assert told.detail == f"agent 'slow' has stalled: it waits for its model, and {nothing} 70 seconds"
    assert bench.watch.stalled is not None
    assert bench.watch.stalled.startswith(told.detail.replace(" 70 ", " 300 "))


def an_event(bench: Bench) -> None:
    bench.watch.record(Message("still here"))


def some_output(bench: Bench) -> None:
    bench.turn.pulse.printed += 1


def some_work(bench: Bench) -> None:
    bench.used += 10


def a_question_by_another_way(bench: Bench) -> None:
    bench.has_asked = not bench.has_asked


@pytest.mark.parametrize("sign", [an_event, some_output, some_work, a_question_by_another_way])
def test_each_sign_of_life_begins_the_time_anew_and_is_told_to_who_heard_of_the_stall(
    sign: Callable[[Bench], None],
) -> None:
    bench = Bench()
    bench.is_stopped_after(250)
    assert (len(bench.stalls), bench.stirs) == (1, [])

    sign(bench)
    assert not bench.is_stopped_after(5)
    if bench.has_asked:
        sign(bench)
    assert not bench.is_stopped_after(50)

    assert len(bench.stalls) == len(bench.stirs) == 1
    assert 250 <= bench.stirs[0] <= 255
    assert not bench.is_stopped_after(100)
    assert (len(bench.stalls), len(bench.stirs)) == (2, 1)
    assert bench.is_stopped_after(300)


def test_timers_of_a_client_that_only_waits_are_no_work() -> None:
    bench = Bench()

    assert [bench.is_stopped_after(100, used=0.3) for _ in range(3)] == [False, False, True]


def test_a_turn_that_asks_people_never_stalls() -> None:
    bench = Bench()

    class Slow:
        has_rules, gave_way = False, asyncio.Event()

        async def ask(self, asked: JsonObject) -> Said:
            bench.now += float(str(asked["seconds"]))
            assert not await bench.watch.must_stop()
            return Said("allow")

    assert asyncio.run(WatchedPeople(Slow(), bench.turn).ask({"seconds": 10_000})).decision == "allow"
    assert bench.stalls == []
    assert [bench.is_stopped_after(100), bench.is_stopped_after(300)] == [False, True]


def test_a_tool_that_runs_has_a_time_of_its_own_and_the_longest_of_several_counts() -> None:
    bench = Bench()
    bench.call("1", "Fetch")
    assert not bench.is_stopped_after(40)
    assert not bench.is_stopped_after(20)
    assert (bench.stalls[0].waits_for, bench.stalls[0].tools, bench.stalls[0].stops_in) == ("tool", ["Fetch"], 40)
    bench.call("2", "Bash")
    assert not bench.is_stopped_after(900)
    bench.watch.record(ToolAnswered("2", "Bash", ""))
    assert [bench.is_stopped_after(90), bench.is_stopped_after(20)] == [False, True]


def test_a_tool_of_which_nothing_is_said_is_told_of_and_not_stopped_but_a_subagent_waits_for_its_model() -> None:
    bench = Bench()
    bench.call("1", "Read")
    assert not bench.is_stopped_after(1_000_000)
    assert [told.stops_in for told in bench.stalls] == [None]
    bench.call("1", "Read", is_error=False)
    bench.call("2", "Task")
    assert bench.is_stopped_after(301)


def test_by_default_a_turn_is_told_of_and_stopped_late_and_a_program_is_only_told_of() -> None:
    for backend, stopped in (("claude", STOPPED_SECONDS), ("command", NEVER)):
        patience = Patience.of(Blueprint("a", backend))
        assert (patience.tells(()), patience.stops(()), patience.stops({"Bash"})) == (TOLD_SECONDS, stopped, NEVER)
    never = Patience.of(Blueprint("a", "claude", stalls={"told_after_seconds": 0, "stopped_after_seconds": 0}))
    assert never.shortest == NEVER


def test_a_call_that_fails_again_and_again_is_told_of_more_and_more_rarely() -> None:
    bench = Bench()
    for number in range(4 * LOOP_CALLS + 1):
        bench.call(f"a{number}", "Bash", {"command": "make", "n": 1}, is_error=True)
        bench.call(f"b{number}", "Bash", {"command": "ls", "n": number}, is_error=True)
        bench.call(f"c{number}", "Read", {"path": "x"}, is_error=number % (LOOP_CALLS - 1) != 0)

    told = [event for event in bench.events if isinstance(event, Looped)]
    assert [(event.tool, event.times) for event in told] == [("Bash", count * LOOP_CALLS) for count in (1, 2, 4)]
    assert told[0].detail == f"the same call of 'Bash' has failed {LOOP_CALLS} times"


@pytest.mark.skipif(sys.platform != "linux", reason="only there the processes tell")
def test_what_processes_have_computed_is_known_while_they_run_and_when_they_have_ended() -> None:
    busy = "import sys, time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\nsys.stdin.read()"
    before = processor_seconds_below(os.getpid())
    assert before is not None
    with subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        running = processor_seconds_below(os.getpid())
    ended = processor_seconds_below(os.getpid())

    assert running is not None
    assert ended is not None
    assert running - before >= 0.25
    assert ended >= running
