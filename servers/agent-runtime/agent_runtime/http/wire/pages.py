"""How long lists are read: a page at a time, each with the mark behind which the next one starts."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from agent_runtime.domain.errors import Invalid

T = TypeVar("T")

PAGE_SIZE = 100
PAGE_SIZE_MAX = 500
_ID = re.compile(r"[a-z]+_[0-9a-z]{26}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)

PageSize = Annotated[int, Query(ge=1, le=PAGE_SIZE_MAX)]
Cursor = Annotated[str | None, Query(max_length=200, description="'next_cursor' of the page before")]


def page_of(found: Sequence[T], size: int, mark: Callable[[T], object]) -> tuple[Sequence[T], str | None]:
    """Take one page of what was read, and the cursor of the next one if there is more.

    Shape:   `found` is one more than fits, if there is that much; `mark` names an item by its id or number.
    """
    shown = found[:size]
    return shown, _cursor_of(str(mark(shown[-1]))) if len(found) > size else None


def _cursor_of(mark: str) -> str:
    return base64.urlsafe_b64encode(mark.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, kind: re.Pattern[str] = _ID) -> str | None:
    """Read the id of the last item of an earlier page.

    Errors:  Invalid.
    """
    if cursor is None:
        return None
    try:
        mark = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except ValueError:
        mark = ""
    if not kind.fullmatch(mark):
        raise Invalid("invalid_parameters", "invalid query: 'cursor': the 'next_cursor' of an earlier page is expected")
    return mark


def read_number(cursor: str | None) -> int | None:
    """Read the number of the last item of an earlier page, where items have numbers.

    Errors:  Invalid.
    """
    mark = read_cursor(cursor, _NUMBER)
    return int(mark) if mark is not None else None
