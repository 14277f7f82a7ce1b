"""How times, usage and events look on the wire."""

from datetime import UTC, datetime
from typing import Annotated, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)

from agent_runtime.domain.event import Event
from agent_runtime.domain.job import Usage

SEQ_MAX = 2**63 - 1
_YEARS = range(2000, 2200)


def iso(moment: datetime) -> str:
    """Write a time as ISO 8601 in UTC with microseconds and a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _sensible(moment: datetime) -> datetime:
    # Beyond, a time zone's offset could push it out of what a datetime can hold.
    if moment.year not in _YEARS:
        raise ValueError(f"a time between the years {_YEARS.start} and {_YEARS.stop} is expected")
    return moment.astimezone(UTC)


WireTime = Annotated[
    datetime,
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A time that we tell."""

GivenTime = Annotated[AwareDatetime, AfterValidator(_sensible)]
"""A time that a caller tells."""


def _plain(text: str) -> str:
    # What turns text around or hides in it makes one name look like another, in logs and on the page.
    if not text.isprintable():
        raise ValueError("text without control characters and invisible ones is expected")
    return text


PlainText = Annotated[str, AfterValidator(_plain)]
"""A short text that people read in a list."""


def _no_bool(value: object) -> object:
    # Python counts with them; JSON does not.
    if isinstance(value, bool):
        raise ValueError("a number is expected")  # noqa: TRY004 - pydantic hears of this one only
    return value


Whole = Annotated[int, BeforeValidator(_no_bool)]
"""A whole number that a caller gives."""

Number = Annotated[float, BeforeValidator(_no_bool)]
"""A number that a caller gives."""

NAME_PATTERN = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,59}$"
GivenName = Annotated[str, WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]
"""A name that a caller gives; the verbs refuse other ones, with a sentence of their own."""

GivenPrompt = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"\S"})]
"""Words for an agent; how long they may be is counted in bytes, which the document cannot say."""


class UsageWire(BaseModel):
    """Tokens that were consumed."""

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int

    @classmethod
    def of(cls, usage: Usage) -> "UsageWire":
        """Show what was consumed."""
        return cls(**{name: getattr(usage, name) for name in cls.model_fields})


class EventWire(BaseModel):
    """Something that happened, with its place in the one order of everything that happened."""

    seq: int
    type: str
    at: WireTime
    session_id: str | None
    session_name: str | None
    job_id: str | None
    attempt: int | None
    data: dict[str, JsonValue]

    @classmethod
    def of(cls, event: Event) -> "EventWire":
        """Show an event."""
        new = event.new
        return cls.model_construct(
            seq=event.seq,
            type=new.type,
            at=new.at,
            session_id=new.session_id,
            session_name=new.session_name,
            job_id=new.job_id,
            attempt=new.attempt,
            data=cast("dict[str, JsonValue]", dict(new.data)),
        )


def split_words(text: str | None) -> tuple[str, ...]:
    """Read a list that is written with commas."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())
