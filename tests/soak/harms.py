"""Do each harm of a plan to the house, and undo it when its time is over."""

import contextlib
import functools
import heapq
import itertools
import json
import resource
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from soak.plan import Harm, Step
from soak.stage import Corner, Stage
from support.process import ProcessUnderTest
from support.proxy import Fault, Kind, proxy_page
from support.runtime_process import ONE_PAGE, RuntimeProcess, limit_files
from support.waiting import NeverCameTrueError, wait_until

Undo = Callable[[], None]
BALLAST = "ballast"
LATE_SECONDS = 1.5
LEAVING_SECONDS = 60.0
LAST_LINES = 12


def typed_error(status: int, code: str) -> Fault:
    """An answer in the runtime's own shape."""
    body = json.dumps({"detail": "told so by the soak", "code": code}).encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return Fault(Kind.REPLACE, answer=head.encode() + body)


NETWORK: Mapping[Harm, Fault] = {
    Harm.NETWORK_BLACK_HOLE: Fault(Kind.BLACK_HOLE),
    Harm.PROXY_PAGES: proxy_page(),
    Harm.SERVER_ERRORS: typed_error(500, "internal_error"),
    Harm.UNAUTHORIZED: typed_error(401, "unauthorized"),
    Harm.ANSWERS_LOST: Fault(Kind.DROP_ANSWER),
    Harm.ANSWERS_CUT: Fault(Kind.CUT_ANSWER, bytes_kept=40),
    Harm.REQUESTS_TWICE: Fault(Kind.DUPLICATE),
    Harm.REQUESTS_LATE: Fault(Kind.DELAY, seconds=LATE_SECONDS),
}


class Harms:
    """Works off a plan beside the clock; `done` counts what really happened."""

    def __init__(self, stage: Stage, steps: list[Step]) -> None:
        self._stage = stage
        self._steps = steps
        self._undo: list[tuple[float, int, Undo]] = []
        self._order = itertools.count()
        self._taken_down: set[ProcessUnderTest] = set()
        self.done: Counter[str] = Counter()
        self.keeper_deaths: list[tuple[str, float]] = []
        self.refusals: list[tuple[float, float]] = []
        self.full_disks: list[tuple[str, float, float]] = []
        self.findings: list[str] = []
        self.notes: list[str] = []

    def play(self) -> None:
        """Do all of it, then mend everything."""
        began = time.monotonic()
        for step in self._steps:
            self._wait_until(began + step.at_seconds)
            self._serve()
            undo = self._begin(step)
            if undo is not None:
                self.done[step.harm.value] += 1
                heapq.heappush(self._undo, (began + step.at_seconds + step.seconds, next(self._order), undo))
        self._mend()

    def _wait_until(self, moment: float) -> None:
        while self._undo and self._undo[0][0] <= moment:
            at, _, undo = heapq.heappop(self._undo)
            _pass_time(at)
            undo()
        _pass_time(moment)

    def _serve(self) -> None:
        """Do what a service manager does: start again what ended without our doing, and tell of it."""
        for process, start in self._services():
            if not process.is_alive and process not in self._taken_down:
                last = "\n".join(process.said().splitlines()[-LAST_LINES:])
                told = f"{process.name} {process.pid} ended by itself with {process.wait()}:\n{last}"
                # A launcher may: its watchdog ends one whose threads were held up, and nothing is lost by it.
                (self.findings if process is self._stage.runtime else self.notes).append(told)
                start()

    def _services(self) -> Iterator[tuple[ProcessUnderTest, Callable[[], None]]]:
        yield self._stage.runtime, lambda: _start_runtime(self._stage)
        for corner in self._stage.corners:
            yield corner.launcher, functools.partial(start_launcher, corner)

    def _mend(self) -> None:
        while self._undo:
            heapq.heappop(self._undo)[2]()
        for corner in self._stage.corners:
            corner.proxy.heal()
            corner.proxy.cut_all()

    def _begin(self, step: Step) -> Undo | None:
        """Do one harm; None when there was nothing to hurt."""
        corner = self._stage.corners[step.target]
        if step.harm in NETWORK:
            return self._hurt_network(corner, step.harm)
        return self._by_name()[step.harm](corner)

    def _by_name(self) -> Mapping[Harm, Callable[[Corner], Undo | None]]:
        runtime = self._stage.runtime
        return {
            Harm.LAUNCHER_KILLED: lambda corner: self._end_launcher(corner, signal.SIGKILL),
            Harm.LAUNCHER_UPGRADED: lambda corner: self._end_launcher(corner, signal.SIGHUP),
            Harm.LAUNCHER_FROZEN: lambda corner: _freeze(corner.launcher),
            Harm.KEEPER_KILLED: self._kill_keepers,
            Harm.KEEPER_AND_LAUNCHER_KILLED: self._end_keepers_and_launcher,
            Harm.RUNTIME_KILLED: lambda _: self._end_runtime(signal.SIGKILL),
            Harm.RUNTIME_RESTARTED: lambda _: self._end_runtime(signal.SIGTERM),
            Harm.RUNTIME_FROZEN: lambda _: _freeze(runtime),
            Harm.NETWORK_DOWN: _network_down,
            Harm.NETWORK_CUT: _cut,
            Harm.DISK_FULL: self._fill_disk,
            Harm.RUNTIME_DISK_FULL: lambda _: _let_nothing_be_written(runtime),
        }

    def _hurt_network(self, corner: Corner, harm: Harm) -> Undo:
        began = time.time()
        corner.proxy.fail(NETWORK[harm], times=None)

        def heal() -> None:
            corner.proxy.heal()
            corner.proxy.cut_all()
            if harm is Harm.UNAUTHORIZED:
                self.refusals.append((began, time.time()))

        return heal

    def _fill_disk(self, corner: Corner) -> Undo | None:
        began = time.time()
        if not corner.has_small_disk:
            return None
        ballast = corner.launcher.state_dir / BALLAST
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

        def make_room() -> None:
            ballast.unlink(missing_ok=True)
            self.full_disks.append((str(corner.launcher.state_dir), began, time.time()))

        return make_room

    def _end_launcher(self, corner: Corner, number: signal.Signals) -> Undo | None:
        launcher = corner.launcher
        if not launcher.is_alive:
            return None
        launcher.signal(signal.SIGCONT)

        def is_gone() -> bool:
            # Again and again: under nohup, a launcher that has only just begun still ignores SIGHUP.
            launcher.signal(number)
            return not launcher.is_alive

        try:
            wait_until(is_gone, "the launcher leaves")
        except NeverCameTrueError:
            self.findings.append(
                f"launcher {launcher.pid} did not leave on {number.name}:\n{where_it_stands(launcher.pid)}"
            )
            launcher.kill()
        return self._until_back(launcher, lambda: start_launcher(corner))

    def _end_keepers_and_launcher(self, corner: Corner) -> Undo | None:
        if not corner.launcher.is_alive:
            return self._kill_keepers(corner)
        # Frozen, it sees nothing of its keepers' end.
        corner.launcher.freeze()
        self._kill_keepers(corner)
        corner.launcher.kill()
        return self._until_back(corner.launcher, lambda: start_launcher(corner))

    def _kill_keepers(self, corner: Corner) -> Undo | None:
        if not corner.launcher.keepers.processes():
            return None
        state_dir = str(corner.launcher.state_dir)
        self.keeper_deaths.append((state_dir, time.time()))
        corner.launcher.keepers.kill()
        # One that began meanwhile was killed too.
        self.keeper_deaths.append((state_dir, time.time()))
        return _nothing

    def _end_runtime(self, number: signal.Signals) -> Undo | None:
        runtime = self._stage.runtime
        if not runtime.is_alive:
            return None
        runtime.signal(signal.SIGCONT)
        runtime.signal(number)
        try:
            runtime.wait(LEAVING_SECONDS)
        except AssertionError:
            self.findings.append(f"the runtime did not leave on {number.name} within {LEAVING_SECONDS:g} s")
        return self._until_back(runtime, lambda: _start_runtime(self._stage))

    def _until_back(self, process: ProcessUnderTest, start: Callable[[], None]) -> Undo:
        self._taken_down.add(process)

        def bring_back() -> None:
            self._taken_down.discard(process)
            start()

        return bring_back


def where_it_stands(pid: int) -> str:
    """What the kernel says about each thread of a process and of its children."""
    lines: list[str] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            for thread in sorted(Path(f"/proc/{process.pid}/task").glob("*")):
                told = [_word(thread / name) for name in ("comm", "wchan", "syscall")]
                lines.append(f"    {process.pid} {process.status()} {thread.name} {' | '.join(told)}")
    return "\n".join(lines)


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:60]
    except OSError:
        return "?"


def _pass_time(until: float) -> None:
    if (left := until - time.monotonic()) > 0:
        # Time itself is what a plan waits for.
        threading.Event().wait(left)


def _start_runtime(stage: Stage) -> None:
    if not stage.runtime.is_alive:
        # On a machine that is busy it may take long; one that ends at its start is found by whoever serves.
        with contextlib.suppress(AssertionError):
            stage.runtime.start()


def start_launcher(corner: Corner) -> None:
    """Begin a life of a launcher that is not alive; its runtime may not be there."""
    if not corner.launcher.is_alive:
        corner.launcher.start(wait_registered=False)


def _freeze(process: ProcessUnderTest) -> Undo | None:
    if not process.is_alive:
        return None
    process.freeze()

    def thaw() -> None:
        if process.is_alive:
            process.thaw()

    return thaw


def _network_down(corner: Corner) -> Undo:
    corner.proxy.refuse()

    def accept() -> None:
        # Another step may have brought the network back and taken it away again: the port is ours alone.
        corner.proxy.refuse()
        corner.proxy.accept()

    return accept


def _cut(corner: Corner) -> Undo:
    corner.proxy.cut_all()
    return _nothing


def _let_nothing_be_written(runtime: RuntimeProcess) -> Undo | None:
    if not runtime.is_alive:
        return None
    limit_files(runtime, ONE_PAGE)

    def let() -> None:
        # A runtime that has begun since then never had the limit.
        if runtime.is_alive:
            limit_files(runtime, resource.RLIM_INFINITY)

    return let


def _nothing() -> None:
    """Some harms cannot be undone."""
