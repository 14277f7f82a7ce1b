"""A memory cgroup in which the kernel really kills, by either hierarchy."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.waiting import wait_until


@dataclass(frozen=True)
class MemoryLimit:
    """A cgroup whose processes may have so much memory together."""

    path: Path

    def take(self, pid: int) -> None:
        """Put a process into it; what it has already may stay counted where it was."""
        (self.path / "cgroup.procs").write_text(str(pid), encoding="ascii")

    @property
    def prefix(self) -> list[str]:
        """A command that becomes another one inside."""
        return ["/bin/sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh"]

    @property
    def kills(self) -> int:
        """How often the kernel killed something here."""
        for name in ("memory.events", "memory.oom_control"):
            with contextlib.suppress(OSError):
                lines = (self.path / name).read_text(encoding="ascii").splitlines()
                return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return 0


@contextlib.contextmanager
def memory_limit(most_bytes: int) -> Iterator[MemoryLimit | None]:
    """Make one; None where this user may not."""
    limit = _make(most_bytes)
    try:
        yield limit
    finally:
        if limit is not None:
            wait_until(lambda: not (limit.path / "cgroup.procs").read_text(encoding="ascii"), "all have left it")
            limit.path.rmdir()


def _make(most_bytes: int) -> MemoryLimit | None:
    for parent, name in _parents():
        path = parent / f"test-{os.getpid()}-{secrets.token_hex(4)}"
        try:
            path.mkdir()
        except OSError:
            continue
        try:
            (path / name).write_text(str(most_bytes), encoding="ascii")
        except OSError:
            path.rmdir()
            continue
        return MemoryLimit(path)
    return None


def _parents() -> Iterator[tuple[Path, str]]:
    """Our own cgroup as each hierarchy with memory has it, and the file that limits there."""
    own = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()]
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mounted, _, about = line.partition(" - ")
        root, at = mounted.split()[3:5]
        kind, _, options = about.split(maxsplit=2)
        for _, names, path in own:
            is_unified = kind == "cgroup2" and not names
            is_memory = kind == "cgroup" and "memory" in names.split(",") and "memory" in options.split(",")
            if is_unified or is_memory:
                below = path.removeprefix(root.rstrip("/")).lstrip("/")
                yield Path(at, below), "memory.max" if is_unified else "memory.limit_in_bytes"
