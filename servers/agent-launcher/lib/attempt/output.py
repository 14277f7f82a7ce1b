"""Send an attempt's output to the runtime, piece by piece, from wherever the runtime stands."""

from __future__ import annotations

from typing import Protocol

from lib.attempt.folder import RunFolder
from lib.errors import CallRejected
from lib.machine.machine import Machine
from lib.wire.models import Job

CHUNK_BYTES = 256 * 1024
# The runtime keeps this much of the beginning and of the end; what lies between is not worth the way.
HEAD_BYTES, TAIL_BYTES = 1 << 20, 3 << 20


class LogCall(Protocol):
    """The one call that this needs."""

    def upload_log(self, launcher_id: str, job: Job, offset: int, chunk: bytes, *, is_jump: bool = False) -> int: ...


class OutputCursor:
    """How far one attempt's output has reached the runtime; its lock keeps two senders apart."""

    def __init__(self, machine: Machine) -> None:
        self.lock = machine.lock()
        self.offset = 0
        self.is_refused = False


class OutputUploader:
    """Sends output; it decides what to send, not when."""

    def __init__(self, api: LogCall) -> None:
        self._api = api

    def upload(self, launcher_id: str, job: Job, folder: RunFolder, cursor: OutputCursor, chunks_max: int) -> bool:
        """Send up to so many chunks and say whether the runtime now has all there is.

        Errors:  CallFailed, when the runtime cannot be reached; the next call goes on from the same place.
        """
        with cursor.lock:
            for _ in range(chunks_max):
                if _has_all(folder, cursor):
                    return True
                self._send_one(launcher_id, job, folder, cursor)
            return _has_all(folder, cursor)

    def _send_one(self, launcher_id: str, job: Job, folder: RunFolder, cursor: OutputCursor) -> None:
        offset = _jump(cursor.offset, folder.output_bytes())
        is_jump = offset != cursor.offset
        chunk = folder.read_output(offset, _chunk_bytes(offset))
        try:
            cursor.offset = self._api.upload_log(launcher_id, job, offset, chunk, is_jump=is_jump)
        except CallRejected as rejection:
            if rejection.offset is not None and rejection.offset != cursor.offset:
                cursor.offset = rejection.offset
                return
            # The runtime does not want this output: the job is gone, or the attempt is no longer ours.
            cursor.is_refused = True


def _has_all(folder: RunFolder, cursor: OutputCursor) -> bool:
    return cursor.is_refused or cursor.offset >= folder.output_bytes()


def _jump(offset: int, size: int) -> int:
    """Skip the middle of a flood: go on where the part begins that is kept."""
    tail_begins = size - TAIL_BYTES
    return tail_begins if offset >= HEAD_BYTES and tail_begins - offset > TAIL_BYTES else offset


def _chunk_bytes(offset: int) -> int:
    # End one chunk exactly where the head ends, so that a jump leaves the whole head behind it.
    return min(CHUNK_BYTES, HEAD_BYTES - offset) if offset < HEAD_BYTES else CHUNK_BYTES
