"""The output of the attempts, as it arrives and as it is read."""

from dataclasses import dataclass

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import TERMINAL
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.launchers.reports import Proof, current_job
from agent_runtime.services.ports.queries import LogChunk
from agent_runtime.services.ports.store import Transaction

READ_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True)
class LogPart:
    """Some of an attempt's output.

    Shape:   `start` is behind the offset that was asked for where the middle was not kept. `is_complete` is
             true when nothing will ever follow `content`.
    """

    start: int
    content: bytes
    is_complete: bool

    @property
    def next_offset(self) -> int:
        """Tell where to read on."""
        return self.start + len(self.content)


def append_log(tx: Transaction, proof: Proof, chunk: LogChunk, *, skips: bool = False) -> int:
    """Keep a chunk of output and tell the offset of the next one.

    Shape:   with `skips` the chunk may begin behind that offset: what lies between is the middle of a flood, which
             would not be kept anyway.
    Errors:  NotFound; Conflict `not_current`, or `wrong_offset` with the right one as `offset`.
    """
    job = current_job(tx, proof)
    end = tx.logs.end(job.id, job.attempt)
    if chunk.start != end and not (skips and chunk.start > end):
        raise Conflict(
            "wrong_offset",
            f"cannot append to the log of job '{job.id}' at offset {chunk.start}: {end} is the next one",
            {"offset": end},
        )
    if not chunk.content:
        return end
    tx.logs.append(job.id, job.attempt, chunk)
    end = chunk.start + len(chunk.content)
    tx.jobs.change(job.id, {"log_bytes": max(job.log_bytes, end)})
    tx.tell_log_readers(job.id)
    return end


def read_log(tx: Transaction, job_id: JobId, attempt: int | None, offset: int) -> LogPart:
    """Read an attempt's output from an offset on; of the current attempt if none is named.

    Errors:  NotFound.
    """
    job = get_job(tx, job_id)
    wanted = job.attempt if attempt is None else attempt
    if wanted > job.attempt or wanted < 0:
        raise NotFound("attempt_unknown", f"job '{job_id}' has no attempt {wanted}: {job.attempt} is the newest one")
    is_over = wanted < job.attempt or job.status in TERMINAL
    chunk = tx.logs.read(job_id, wanted, offset, READ_BYTES_MAX)
    if chunk is None:
        return LogPart(offset, b"", is_complete=is_over)
    end = tx.logs.end(job_id, wanted)
    return LogPart(chunk.start, chunk.content, is_complete=is_over and chunk.start + len(chunk.content) >= end)
