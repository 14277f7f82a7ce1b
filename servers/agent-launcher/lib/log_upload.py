"""Send an attempt's output to the runtime, piece by piece, from wherever the runtime stands."""

from __future__ import annotations

from lib.api_client import ApiClient
from lib.errors import CallRejected
from lib.machine import Machine
from lib.run_directory import RunDirectory

CHUNK_BYTES = 256 * 1024
# The runtime keeps this much of the beginning and of the end; what lies between is not worth the way.
HEAD_BYTES, TAIL_BYTES = 1 << 20, 3 << 20


class LogCursor:
    """How far one attempt's output has reached the runtime; its lock keeps two senders apart."""

    def __init__(self, machine: Machine | None = None) -> None:
        self.lock = (machine or Machine()).lock()
        self.offset = 0
        self.is_refused = False


class LogUploader:
    """Sends output; it decides what to send, not when."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    def upload(self, launcher_id: str, run: RunDirectory, cursor: LogCursor, chunks_max: int) -> bool:
        """Send up to so many chunks and say whether the runtime now has all there is.

        Errors:  CallFailed, when the runtime cannot be reached; the next call goes on from the same place.
        """
        with cursor.lock:
            for _ in range(chunks_max):
                if self._has_all(run, cursor):
                    return True
                self._send_one(launcher_id, run, cursor)
            return self._has_all(run, cursor)

    def _has_all(self, run: RunDirectory, cursor: LogCursor) -> bool:
        return cursor.is_refused or cursor.offset >= run.output_bytes()

    def _send_one(self, launcher_id: str, run: RunDirectory, cursor: LogCursor) -> None:
        offset = _jump(cursor.offset, run.output_bytes())
        is_jump = offset != cursor.offset
        chunk = run.read_output(offset, _chunk_bytes(offset))
        try:
            cursor.offset = self._api.upload_log(launcher_id, run.job, offset, chunk, is_jump=is_jump)
        except CallRejected as rejection:
            if rejection.offset is not None and rejection.offset != cursor.offset:
                cursor.offset = rejection.offset
                return
            if rejection.code in ("launcher_unknown", "superseded"):
                raise
            # The runtime does not want this log: the job is gone, or the attempt is no longer ours.
            cursor.is_refused = True


def _jump(offset: int, size: int) -> int:
    """Skip the middle of a flood: go on where the part begins that is kept."""
    tail_begins = size - TAIL_BYTES
    return tail_begins if offset >= HEAD_BYTES and tail_begins - offset > TAIL_BYTES else offset


def _chunk_bytes(offset: int) -> int:
    # End one chunk exactly where the head ends, so that a jump leaves the whole head behind it.
    return min(CHUNK_BYTES, HEAD_BYTES - offset) if offset < HEAD_BYTES else CHUNK_BYTES
