"""Identifiers that sort by the time they were made, and the rule for session names."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NewType

JobId = NewType("JobId", str)
SessionId = NewType("SessionId", str)
LauncherId = NewType("LauncherId", str)
CallbackId = NewType("CallbackId", str)
InquiryId = NewType("InquiryId", str)
QuestionId = NewType("QuestionId", str)

RandomBytes = Callable[[int], bytes]
"""Gives that many unpredictable bytes; `secrets.token_bytes` in production, seeded in a simulation."""

SESSION_ID_PREFIX = "ses_"
SESSION_NAME_PATTERN = re.compile(r"(?!ses_)[A-Za-z0-9_][A-Za-z0-9_-]{0,59}", re.ASCII)
_OLDER_NAME_PATTERN = re.compile(r"-[A-Za-z0-9_-]{0,59}", re.ASCII)

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_TIME_BITS, _FRACTION_BITS, _RANDOM_BYTES = 48, 10, 10
_LENGTH = 26


def new_id(prefix: str, now: datetime, random_bytes: RandomBytes, after: str = "") -> str:
    """Make an id whose text order is the order of creation.

    Shape:   `prefix`, then 26 characters in Crockford's base 32: 48 bits of milliseconds, 10 bits that say which
             microsecond of it, so that jobs of one busy moment keep their order too, and 70 random bits. It sorts
             behind the id `after` (with the same prefix) even when the clock was set back in between.
    """
    seconds = (now - _EPOCH) // _SECOND
    milliseconds = (seconds * 1000 + now.microsecond // 1000) & ((1 << _TIME_BITS) - 1)
    chance = int.from_bytes(random_bytes(_RANDOM_BYTES), "big") >> _FRACTION_BITS
    fraction = (now.microsecond % 1000) << (8 * _RANDOM_BYTES - _FRACTION_BITS)
    number = (milliseconds << (8 * _RANDOM_BYTES)) | fraction | chance
    made = prefix + _text_of(number)
    return made if made > after else prefix + _text_of(_number_of(after.removeprefix(prefix)) + 1)


def _text_of(number: int) -> str:
    return "".join(_CROCKFORD[(number >> (5 * place)) & 31] for place in reversed(range(_LENGTH)))


def _number_of(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number << 5 | _CROCKFORD.index(digit)
    return number


def is_session_name(text: str) -> bool:
    """Tell whether a session may carry this name: 1 to 60 of `A-Z a-z 0-9 - _`, like neither an option nor an id."""
    return SESSION_NAME_PATTERN.fullmatch(text) is not None


def may_be_a_session(text: str) -> bool:
    """Tell whether there can be a session of this name: some have one that no new session may carry."""
    return is_session_name(text) or _OLDER_NAME_PATTERN.fullmatch(text) is not None
