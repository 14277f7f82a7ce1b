"""How times, usage and events look on the wire."""

import re
from datetime import UTC, datetime
from typing import Annotated, TypeVar, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)

from agent_runtime.domain.event import Event
from agent_runtime.domain.job import Usage

T = TypeVar("T")

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

GivenTime = Annotated[AwareDatetime, AfterValidator(_sensible), Field(json_schema_extra={"pattern": "^2[01]"})]
"""A time that a caller tells."""

# What turns text around or hides in it makes one name look like another, in logs and on the page: control and format
# characters, and all spaces but the common one. The document of the API can name all but the last few.
HIDDEN = (
    r"\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb"
)
_HIDDEN_BEYOND = (
    r"\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN_ONE = re.compile(f"[{HIDDEN}{_HIDDEN_BEYOND}]")


def _plain(text: str) -> str:
    if _HIDDEN_ONE.search(text):
        raise ValueError("text without control characters and invisible ones is expected")
    return text


PlainText = Annotated[str, AfterValidator(_plain), Field(json_schema_extra={"pattern": f"^[^{HIDDEN}]*$"})]
"""A short text that people read in a list."""

_Word = Annotated[PlainText, Field(max_length=200)]
Labels = Annotated[
    dict[_Word, _Word],
    Field(max_length=100, json_schema_extra={"propertyNames": {"maxLength": 200, "pattern": f"^[^{HIDDEN}]*$"}}),
]
"""What a job asks of who runs it, or what a launcher has."""


def _no_bool(value: object) -> object:
    # Python counts with them; JSON does not.
    if isinstance(value, bool):
        raise ValueError("a number is expected")  # noqa: TRY004 - pydantic hears of this one only
    return value


NotBool = Annotated[T, BeforeValidator(_no_bool)]
"""Around a number that a caller gives, with its bounds: the document would not show bounds that stand around this."""

Whole = NotBool[int]
"""A whole number that a caller gives."""

Number = NotBool[float]
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
