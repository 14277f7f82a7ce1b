"""A span as we tell it: what happened in a job, from when to when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Fact = str | int | float | bool


@dataclass(frozen=True)
class Span:
    """One part of a job's story.

    Shape:   `trace`, `span` and `parent` are hexadecimal, `parent` None for the root. `kind` is one of `internal`,
             `server` and `client`; `link` is the `traceparent` of another trace that this comes from. `error` is why
             it failed, None if it did not.
    """

    name: str
    trace: str
    span: str
    parent: str | None
    began: datetime
    ended: datetime
    facts: Mapping[str, Fact | None] = field(default_factory=dict)
    kind: str = "internal"
    error: str | None = None
    link: str | None = None
