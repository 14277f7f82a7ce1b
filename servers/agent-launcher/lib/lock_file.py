"""The file that is an attempt's lock while it runs and its verdict afterwards; standard library only."""

from __future__ import annotations

import fcntl
import json
import os

from lib import process_tree
from lib.run_files import EXIT_FILE, LOCK_FILE
from lib.shim_host import Host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lib.spawn import JsonObject

VERDICT_BYTES_RESERVED = 4096


class LockFile:
    """The attempt's lock while it runs, and its verdict afterwards.

    One file for both, whose block is taken before anything runs: a disk that fills up later cannot lose the
    verdict. The lock is on the open file, so it is held until this process ends, whatever the file's name.
    """

    def __init__(self, run_path: str, host: Host) -> None:
        self._folder = run_path
        self._host = host
        self._path = f"{run_path}/{LOCK_FILE}"
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def is_ours(self) -> bool:
        """Take the lock, unless another shim has it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def write_who_we_are(self) -> None:
        """Say which process holds the lock, so that no other one is ever taken for it."""
        pid = os.getpid()
        start_time, boot_id = process_tree.start_time(pid), self._host.boot_id
        who = f'{{"pid": {pid}, "start_time": "{start_time}", "boot_id": "{boot_id}"}}'
        os.pwrite(self._fd, who.encode().ljust(VERDICT_BYTES_RESERVED), 0)

    def become_the_verdict(self, verdict: JsonObject) -> None:
        """Put the verdict in place of the lock, whole or not at all."""
        text = json.dumps(verdict).encode()
        os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, len(text))
        self._host.reach("verdict_written")
        os.fsync(self._fd)
        self._host.reach("verdict_synced")
        os.rename(self._path, f"{self._folder}/{EXIT_FILE}")  # noqa: PTH104  (pathlib would cost each shim memory)

    def make_durable(self) -> None:
        """Have the new name on the disk too."""
        os.fsync(os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC))
