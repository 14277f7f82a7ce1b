"""The raw output of the attempts: its beginning and its end are kept, the middle of a long one is not."""

from sqlalchemy import bindparam, delete, func, select

from agent_runtime.domain.ids import JobId
from agent_runtime.services.ports.queries import LogChunk
from agent_runtime.store.statements import Channel, inserting
from agent_runtime.store.tables.jobs import log_chunks as chunks

FIRST_BYTES_KEPT = 1024 * 1024
LAST_BYTES_KEPT = 3 * 1024 * 1024


class LogTable:
    """Implements `ports.logs.LogRows`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def end(self, job_id: JobId, attempt: int) -> int:
        statement = self._channel.prepare(
            "log end",
            lambda: (
                select(chunks.c.start + func.length(chunks.c.content))
                .where(chunks.c.job_id == bindparam("of_id"), chunks.c.attempt == bindparam("of_attempt"))
                .order_by(chunks.c.start.desc())
                .limit(1)
            ),
        )
        row = self._channel.first(statement, {"of_id": job_id, "of_attempt": attempt})
        return 0 if row is None else int(str(row[0]))

    def append(self, job_id: JobId, attempt: int, chunk: LogChunk) -> None:
        names = ("job_id", "attempt", "start", "content")
        insert = self._channel.prepare("log append", lambda: inserting(chunks, names))
        self._channel.run(
            insert, {"job_id": job_id, "attempt": attempt, "start": chunk.start, "content": chunk.content}
        )
        kept_from = chunk.start + len(chunk.content) - LAST_BYTES_KEPT
        if kept_from <= FIRST_BYTES_KEPT:
            return
        trim = self._channel.prepare(
            "log trim",
            lambda: delete(chunks).where(
                chunks.c.job_id == bindparam("of_id"),
                chunks.c.attempt == bindparam("of_attempt"),
                chunks.c.start >= bindparam("behind"),
                chunks.c.start + func.length(chunks.c.content) <= bindparam("up_to"),
            ),
        )
        self._channel.run(
            trim, {"of_id": job_id, "of_attempt": attempt, "behind": FIRST_BYTES_KEPT, "up_to": kept_from}
        )

    def read(self, job_id: JobId, attempt: int, offset: int, limit: int) -> LogChunk | None:
        statement = self._channel.prepare(
            "log read",
            lambda: (
                select(chunks.c.start, chunks.c.content)
                .where(
                    chunks.c.job_id == bindparam("of_id"),
                    chunks.c.attempt == bindparam("of_attempt"),
                    chunks.c.start + func.length(chunks.c.content) > bindparam("behind"),
                )
                .order_by(chunks.c.start)
                .limit(bindparam("up_to"))
            ),
        )
        # Chunks are at most 256 KiB, so this many hold `limit` bytes or more, unless they are tiny.
        values = {"of_id": job_id, "of_attempt": attempt, "behind": offset, "up_to": 64}
        found: bytes | None = None
        start = end = offset
        for row in self._channel.rows(statement, values):
            at, content = int(str(row[0])), row[1]
            assert isinstance(content, bytes)
            if found is None:
                start = end = max(at, offset)
                found = b""
            if at > end or len(found) >= limit:
                break
            found += content[end - at :]
            end = at + len(content)
        return None if found is None else LogChunk(start, found[:limit])
