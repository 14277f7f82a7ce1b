"""Which trace a job is: its id says it, so that every program knows it and none has to remember it."""

from __future__ import annotations

from hashlib import sha256


def trace_of(job_id: str) -> str:
    """Tell the trace of a job.

    Shape:   32 hexadecimal digits, never all zero.
    Source:  docs/decisions/0050-a-trace-is-told-at-the-end.md
    """
    return sha256(job_id.encode()).hexdigest()[:32]


def span_of(job_id: str, *what: object) -> str:
    """Tell the span of something that happens once in a job.

    Shape:   16 hexadecimal digits.
    """
    return sha256("/".join((job_id, *map(str, what))).encode()).hexdigest()[32:48]
