"""What a launcher's state folder tells of its keepers: who they are, what they recorded, and what lives of it."""

import contextlib
import json
import os
import signal
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from support.runtime_api import Json, JsonObject
from support.waiting import wait_until

# As the files and records of a state folder are called; read without a line of the product's code.
JOURNAL_FILE, LOCK_FILE, RECORD_GRANTED = "journal", "lock", "granted"
PROGRAMS = ("keeper/program.py", "failing_keeper.py")


class KeeperFolders:
    """The keepers of one state folder, living or not."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "keepers"

    def processes(self) -> list[psutil.Process]:
        """Every keeper that lives."""
        return [keeper for lock in sorted(self.path.glob(f"*/{LOCK_FILE}")) for keeper in _keeper_of(lock)]

    def warm_parents(self) -> list[psutil.Process]:
        """Every warm parent that has loaded its commands and waits."""
        children = [child for keeper in self.processes() for child in keeper.children()]
        return [child for child in children if _is_warm_parent(child)]

    def records(self) -> list[JsonObject]:
        """Everything in the journals that is a whole record, in order."""
        return [record for path in sorted(self.path.glob(f"*/{JOURNAL_FILE}")) for record in _records_in(path)]

    def records_of(self, key: str, kind: str) -> list[JsonObject]:
        """The records of one kind of one attempt."""
        return [record for record in self.records() if (record.get("key"), record.get("kind")) == (key, kind)]

    def places(self) -> list[JsonObject]:
        """Where attempts were let run: a cgroup, a mark, or both."""
        granted = [record for record in self.records() if record.get("kind") == RECORD_GRANTED]
        return [place for record in granted if isinstance(place := record.get("place"), dict)]

    def forge(self, kind: str, **facts: Json) -> None:
        """Change the records of one kind in every journal, as if they had been written so."""
        for path in sorted(self.path.glob(f"*/{JOURNAL_FILE}")):
            records = [{**record, **facts} if record["kind"] == kind else record for record in _records_in(path)]
            texts = [json.dumps(record).encode() for record in records]
            path.write_bytes(b"".join(b"%08x %s\n" % (zlib.crc32(text), text) for text in texts))

    def kill(self) -> None:
        """Kill every keeper that lives now, and wait until it is gone; a launcher that lives begins another one."""
        killed = self.processes()
        for keeper in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                keeper.kill()
        wait_until(lambda: not any(map(_lives, killed)), "the keepers are gone")

    def leave_nothing(self) -> None:
        """Kill the keepers and all that they let run, and remove the cgroups that were made for it."""
        self.kill()
        places = self.places()
        wait_until(lambda: not _kill_all_in(places), "nothing lives in the places of its attempts")
        for folder in sorted(self.path.glob("*")):
            found = folder.stat()
            _remove_cgroups(f"agent-launcher.{found.st_dev:x}-{found.st_ino:x}")


def _keeper_of(lock: Path) -> Iterator[psutil.Process]:
    # The number alone says nothing: it may be a stranger's by now.
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        process = psutil.Process(int(lock.read_text(encoding="ascii")))
        if (
            _lives(process)
            and any(word.endswith(PROGRAMS) for word in process.cmdline())
            and str(lock.parent) in process.cmdline()
        ):
            yield process


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _is_warm_parent(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()[:1] == ["warm-parent"]
    return False


def _records_in(journal: Path) -> Iterator[JsonObject]:
    for line in journal.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError):
            record: Json = json.loads(line.lstrip(b"\0").partition(b" ")[2])
            if isinstance(record, dict):
                yield record


def _kill_all_in(places: list[JsonObject]) -> list[int]:
    """Kill everything in some places, and say who it was."""
    cgroups = [Path(str(place["cgroup"])) for place in places if place.get("cgroup")]
    marks = {str(place["mark"]) for place in places if place.get("mark")}
    found = [pid for cgroup in cgroups for pid in _in_cgroup(cgroup)]
    found += [pid for pid in psutil.pids() if marks and _lock_limit(pid) in marks]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


def _in_cgroup(cgroup: Path) -> list[int]:
    found: list[int] = []
    for folder, _, _ in os.walk(cgroup, topdown=False):
        with contextlib.suppress(OSError):
            found += [int(line) for line in Path(folder, "cgroup.procs").read_text(encoding="ascii").split()]
            Path(folder).rmdir()
    return found


def _lock_limit(pid: int) -> str:
    with contextlib.suppress(OSError, psutil.Error):
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        is_living = psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        return limits.partition("Max file locks")[2].split()[0] if is_living else ""
    return ""


def _remove_cgroups(name: str) -> None:
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        if " - cgroup2 " not in line:
            continue
        # Not rglob: what others remove meanwhile is no error.
        for path, folders, _ in os.walk(line.split()[4]):
            base = Path(path, name)
            for folder in (*base.glob("*/"), base) if name in folders else ():
                with contextlib.suppress(OSError):
                    folder.rmdir()
