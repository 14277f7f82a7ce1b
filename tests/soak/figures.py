"""What a soak says while it runs and when it is over."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil

from soak.harms import Harms
from soak.orders import Orders
from soak.stage import Stage
from support.evidence import Evidence, Footprint
from support.process import ProcessUnderTest
from support.runtime_api import AT_REST

LINE_EVERY_SECONDS = 60.0
MIB = 1024 * 1024


class Figures:
    """A line each minute from a thread of its own; the sums at the end, however the end comes."""

    def __init__(self, house: Stage, orders: Orders, harms: Harms, say: Callable[[str], None]) -> None:
        self._house = house
        self._orders = orders
        self._harms = harms
        self._say = say
        self._began = time.monotonic()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._speak, name="figures", daemon=True)

    def start(self) -> None:
        """Say what everything holds before it begins, then speak each minute."""
        self._footprints("at the start")
        self._thread.start()

    def stop(self) -> None:
        """Say the sums; stop before start is harmless."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()
        done = self._harms.done
        self._say(f"after {self._minutes():.1f} minutes: {self._sums()}")
        self._say("faults: " + ", ".join(f"{count} x {name}" for name, count in done.most_common()))
        for note in self._harms.notes:
            self._say(f"note: {note}")
        self._footprints("at the end")

    def outcomes(self, evidence: Evidence) -> None:
        """Say how the jobs ended."""
        rows = [evidence.jobs[job_id] for job_id in evidence.acknowledged if job_id in evidence.jobs]
        done = sum(row["status"] in AT_REST for row in rows)
        outcomes = Counter(f"{row['status']} {row['reason'] or ''}".strip() for row in rows)
        told = ", ".join(f"{count} {name}" for name, count in outcomes.most_common())
        self._say(f"jobs done: {done} of {len(evidence.acknowledged)}, agents run: {len(evidence.runs)} ({told})")
        late = evidence.circumstances.late_seconds
        self._say(f"processes seen: {len(evidence.lives)}, an end may be told {late:.1f} s late")

    def _speak(self) -> None:
        while not self._is_over.wait(LINE_EVERY_SECONDS):
            self._say(f"minute {self._minutes():.0f}: {self._sums()}, runtime {held_by(self._house.runtime)}")

    def _minutes(self) -> float:
        return (time.monotonic() - self._began) / 60

    def _sums(self) -> str:
        orders, harms = self._orders, self._harms
        return (
            f"{len(orders.promised)} jobs acknowledged, {orders.ended} seen at rest, "
            f"{sum(harms.done.values())} faults, {len(harms.findings) + len(orders.refusals)} findings"
        )

    def _footprints(self, when: str) -> None:
        processes = [self._house.runtime, *(corner.launcher for corner in self._house.corners)]
        told = "; ".join(f"{process.name} {held_by(process)}" for process in processes)
        self._say(f"{when}: {told}")


def held_by(process: ProcessUnderTest) -> str:
    """What a process holds, in words."""
    with contextlib.suppress(psutil.Error, OSError, AssertionError):
        now = Footprint.of(process.pid)
        peak = _peak_mebibytes(process.pid)
        return f"{now.resident_bytes // MIB} MiB (peak {peak}), {now.descriptors} files, {now.threads} threads"
    return "not there"


def _peak_mebibytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) // 1024 if lines else 0
