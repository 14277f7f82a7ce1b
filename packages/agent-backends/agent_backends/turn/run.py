"""Runs one turn in this process: signals stop it, its events are recorded, and nothing it started is left behind."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace

from agent_backends.processes.signals import stop_signals_call
from agent_backends.processes.tree import descendants, end_processes, has_children
from agent_backends.protocol import AgentEvent, Backend, Ending, Outcome, Turn
from agent_backends.registry import BackendMissingError, load_backend
from agent_backends.turn.watch import Watch, WatchedPeople
from runtime_client.exit_codes import ExitCode
from runtime_client.reasons import Reason
from runtime_client.terminal.output import write
from runtime_client.wire import UnexpectedAnswerError

PR_SET_CHILD_SUBREAPER = 36


@dataclass
class StopSwitch:
    """Stops the turn, from a signal handler or from another thread, and remembers who did it.

    Shape:   `cause` is the first reason to stop: a signal's number, or a sentence; None if nobody asked.
    """

    cause: signal.Signals | str | None = None
    _wake: list[Callable[[], None]] = field(default_factory=list)

    def press(self, cause: signal.Signals | str) -> None:
        """Stop the turn, now or as soon as it begins."""
        if self.cause is None:
            self.cause = cause
        for wake in self._wake:
            wake()

    def attach(self, loop: asyncio.AbstractEventLoop) -> asyncio.Event:
        """Return an event of `loop` that is set when the switch is pressed."""
        stop = asyncio.Event()
        self._wake.append(lambda: _call_in(loop, stop.set))
        if self.cause is not None:
            stop.set()
        return stop

    @property
    def exit_code(self) -> int:
        """The exit status of a command whose turn was stopped by this."""
        if isinstance(self.cause, signal.Signals):
            return 128 + self.cause.value
        return ExitCode.STOPPED


def in_this_process(work: Callable[[], Coroutine[None, None, Outcome]], switch: StopSwitch) -> Outcome:
    """Do work of turns in this process, which is made ready for it; signals press the switch."""
    _adopt_orphans()
    _hear_of_ends()
    with stop_signals_call(switch.press):
        return asyncio.run(work())


async def run_turn(
    turn: Turn,
    record: Callable[[AgentEvent], None],
    switch: StopSwitch,
    timeout_seconds: float | None = None,
    has_asked: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Run one turn to its end and return its outcome; whatever goes wrong is an outcome too.

    Shape:   `has_asked` tells whether a question of the session is open; asked where the turn gives no sign of life.
    """
    try:
        backend = load_backend(turn.blueprint.backend)
    except BackendMissingError as cause:
        return Outcome.failed(Reason.BACKEND_MISSING, str(cause))
    try:
        watch = Watch(turn, record, has_asked)
    except UnexpectedAnswerError as cause:
        sentence = f"cannot run agent {turn.blueprint.name!r}: the 'stalls' of its agent.json are wrong: {cause}"
        return Outcome.failed(Reason.INVALID_PARAMETERS, sentence)
    return await _run(backend, turn, watch, switch, timeout_seconds)


async def _run(
    backend: Backend,
    turn: Turn,
    watch: Watch,
    switch: StopSwitch,
    timeout_seconds: float | None,
) -> Outcome:
    loop = asyncio.get_running_loop()
    stop = switch.attach(loop)
    if turn.people is not None:
        turn = replace(turn, people=WatchedPeople(turn.people, turn))
    beside = [asyncio.create_task(_give_way(turn, stop)), asyncio.create_task(watch.watch(stop))]
    timer = None if timeout_seconds is None else loop.call_later(timeout_seconds, stop.set)
    try:
        outcome = await backend.run(turn, watch.record, stop)
    except Exception as bug:  # noqa: BLE001 - a broken backend is reported as a failed turn, with its traceback on stderr
        write(sys.stderr, turn.secrets.hidden_in(traceback.format_exc()).encode(errors="replace"))
        sentence = f"backend {backend.name!r} broke: {type(bug).__name__}: {bug}"
        outcome = Outcome.failed(Reason.INTERNAL_ERROR, sentence)
    finally:
        for task in beside:
            task.cancel()
        if timer is not None:
            timer.cancel()
        # Whatever the agent left behind is a child of ours by now, if it has not ended.
        if has_children():
            await end_processes(descendants(os.getpid()))
    if outcome.ending is not Ending.STOPPED or switch.cause is not None:
        return outcome
    reason, error = _why_stopped(turn, watch, timeout_seconds)
    return replace(outcome, ending=Ending.FAILED, reason=reason, error=error)


async def _give_way(turn: Turn, stop: asyncio.Event) -> None:
    if turn.people is not None:
        await turn.people.gave_way.wait()
        stop.set()


def _has_given_way(turn: Turn) -> bool:
    return turn.people is not None and turn.people.gave_way.is_set()


def _why_stopped(turn: Turn, watch: Watch, timeout_seconds: float | None) -> tuple[Reason, str]:
    """Say why a turn was stopped that nobody had asked to stop."""
    if _has_given_way(turn):
        return Reason.GAVE_WAY, "it asked, and lets others have its place until somebody answers"
    if watch.stalled is not None:
        return Reason.STALLED, watch.stalled
    error = f"agent {turn.blueprint.name!r} did not end within {timeout_seconds:g} seconds and was stopped"
    return Reason.TIMED_OUT, error


def _adopt_orphans() -> None:
    """Become the parent of whatever the agent's processes leave behind, so that it can be found and ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _hear_of_ends() -> None:
    """Have the kernel say when an agent ends, as Python does by itself from 3.12 on: no thread has to wait for that."""
    if sys.platform == "linux" and sys.version_info < (3, 12):
        with contextlib.suppress(OSError):  # a kernel before 5.3, or a sandbox that does not know the call
            os.close(os.pidfd_open(os.getpid()))
            asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


def _call_in(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is over, and so is what was to be stopped
        loop.call_soon_threadsafe(work)
