"""Where the time goes: py-spy beside runtime and launcher during one measurement, the heaviest functions printed."""

import contextlib
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.house import House

HEAVIEST = 25
SAMPLES_PER_SECOND = 100


@contextlib.contextmanager
def profiled(house: House) -> Iterator[None]:
    """Sample both processes for the length of the block."""
    targets = {"runtime": house.runtime.pid, "launcher": house.launcher.pid}
    files = {name: house.folder / f"{name}.stacks" for name in targets}
    samplers = [_sample(pid, files[name]) for name, pid in targets.items()]
    try:
        yield
    finally:
        for sampler in samplers:
            # py-spy writes what it saw when it is interrupted, and nothing when it is terminated.
            sampler.send_signal(signal.SIGINT)
            sampler.wait()
        for name, path in files.items():
            _print(name, path)


def _sample(pid: int, path: Path) -> "subprocess.Popen[bytes]":
    command = ["uv", "tool", "run", "py-spy", "record", "--pid", str(pid), "--format", "raw", "--output", str(path)]
    options = ["--rate", str(SAMPLES_PER_SECOND), "--nonblocking", "--threads", "--duration", "unlimited"]
    return subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _print(name: str, path: Path) -> None:
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for text in path.read_text(encoding="utf-8").splitlines():
        stack, _, samples = text.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(samples)
        within.update(dict.fromkeys(frames, int(samples)))
    total = max(1, sum(own.values()))
    print(f"\n  {name}: {total} samples; share of the function itself, and with all that it calls")
    for frame, count in own.most_common(HEAVIEST):
        print(f"    {100 * count / total:5.1f} % {100 * within[frame] / total:6.1f} %  {frame}")
