"""What a launcher's state folder tells of its keepers: who they are, what they recorded, and what lives of it."""

import contextlib
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil

from lib.keeper.containment import Containment, Place
from lib.keeper.words import JOURNAL_FILE, LOCK_FILE, RECORD_GRANTED, object_of
from lib.wire.models import Json, JsonObject
from support.waiting import wait_until

PROGRAMS = ("keeper/program.py", "failing_keeper.py")


class KeeperFolders:
    """The keepers of one state folder, living or not."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "keepers"

    def processes(self) -> list[psutil.Process]:
        """Every keeper that lives."""
        return [keeper for lock in sorted(self.path.glob(f"*/{LOCK_FILE}")) for keeper in _keeper_of(lock)]

    def records(self) -> list[JsonObject]:
        """Everything in the journals that is a whole record, in order."""
        return [record for path in sorted(self.path.glob(f"*/{JOURNAL_FILE}")) for record in _records_in(path)]

    def records_of(self, key: str, kind: str) -> list[JsonObject]:
        """The records of one kind of one attempt."""
        return [record for record in self.records() if (record.get("key"), record.get("kind")) == (key, kind)]

    def places(self) -> list[Place]:
        """Where attempts were let run."""
        granted = (record for record in self.records() if record.get("kind") == RECORD_GRANTED)
        return [Place.from_json(object_of(record.get("place"))) for record in granted]

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
        look = Containment(None, is_marking=True)
        for place in self.places():
            look.kill(place, None)
            wait_until(lambda place=place: look.is_empty(place, None, is_thorough=True), "its place is empty")  # type: ignore[misc]
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


def _records_in(journal: Path) -> Iterator[JsonObject]:
    for line in journal.read_bytes().split(b"\n"):
        with contextlib.suppress(ValueError):
            yield object_of(json.loads(line.lstrip(b"\0").partition(b" ")[2]))


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
