"""How often a job is tried again by itself, for each class of failure, and with which pauses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from agent_runtime.domain.json import Json
from agent_runtime.domain.reasons import FailureClass

UNTIL_RESET = "until_reset"
"""For `quota`: again when the limit ends, however often that is."""
WITHIN = "within_seconds"
TRIES_MAX = 1000
WITHIN_SECONDS_MAX = 31_536_000
DEFAULT_RETRIES: Mapping[str, Json] = {
    FailureClass.NETWORK: 5,
    FailureClass.OVERLOADED: 10,
    FailureClass.QUOTA: UNTIL_RESET,
    FailureClass.AGENT: 0,
    WITHIN: 86_400,
}
"""What holds where nobody said anything; for `infrastructure` that is what `max_attempts` allows."""
RETRIES_OF_NEWS: Mapping[str, Json] = {FailureClass.INFRASTRUCTURE: 3, FailureClass.AGENT: 1}
"""What holds for the turn in which a parent hears of its children: one bad turn, or a restart, loses no news."""
RETRY_CLASSES = tuple(kind for kind in FailureClass if kind is not FailureClass.USER)
PAUSE_FIRST = timedelta(seconds=5)
PAUSE_MAX = timedelta(minutes=6)
LONG_ENOUGH = timedelta(minutes=10)
"""An attempt that ran for so long got somewhere: trouble with the model's service after it is new trouble."""
_OF_SERVICE = frozenset({FailureClass.NETWORK, FailureClass.OVERLOADED})
_WAITED = frozenset({FailureClass.QUOTA, FailureClass.USER})
"""What is followed by another attempt only after a limit's end, or a person's answer."""


class Tried(Protocol):
    """An attempt that is over, as far as it matters for the next one."""

    @property
    def failed_as(self) -> FailureClass | None:
        """The class of its failure, None if it did not fail."""

    @property
    def run_seconds(self) -> float | None:
        """For how long it ran."""

    @property
    def started_at(self) -> datetime:
        """When it began."""


@dataclass(frozen=True)
class Retries:
    """What a job may have of further tries; None is said by nobody."""

    said: Mapping[str, Json]
    max_attempts: int

    def allowed(self, kind: FailureClass) -> int | None:
        """Tell how many further tries a class has; None is any number."""
        found = self.said.get(kind, DEFAULT_RETRIES.get(kind, self.max_attempts - 1))
        return None if found == UNTIL_RESET else int(str(found))

    def in_words(self) -> dict[str, Json]:
        """Say what holds, the defaults too."""
        infrastructure = self.max_attempts - 1
        return {**DEFAULT_RETRIES, FailureClass.INFRASTRUCTURE: infrastructure, **self.said}

    def end(self, first_began_at: datetime) -> datetime:
        """Tell from when on nothing is tried again."""
        return first_began_at + timedelta(seconds=float(str(self.said.get(WITHIN, DEFAULT_RETRIES[WITHIN]))))


def used(tried: Sequence[Tried], kind: FailureClass) -> int:
    """Count the attempts that failed in a class, oldest first given."""
    if kind not in _OF_SERVICE:
        return sum(one.failed_as is kind for one in tried)
    count = 0
    for one in reversed(tried):
        if one.failed_as is not None and (one.run_seconds or 0.0) >= LONG_ENOUGH.total_seconds():
            return count + (one.failed_as is kind and one is tried[-1])
        count += one.failed_as is kind
    return count


def counted_from(tried: Sequence[Tried]) -> datetime:
    """Tell from when on the time that is allowed counts: to wait for a limit or a person is to fail at nothing."""
    waited = [place for place, one in enumerate(tried[:-1]) if one.failed_as in _WAITED]
    return tried[waited[-1] + 1 if waited else 0].started_at


def pause(count: int, share: float) -> timedelta:
    """Tell how long to wait before the next try: twice as long each time, and never all at the same moment.

    Shape:   `count` are the tries that failed so far; `share`, from 0 to 1, is drawn by lot.
    """
    doubled: int = 1 << min(max(count - 1, 0), 20)
    longest = min(PAUSE_FIRST * doubled, PAUSE_MAX)
    return longest / 2 + longest / 2 * share


def retries_in(text: str) -> Mapping[str, Json]:
    """Read `CLASS=NUMBER`, several with commas between.

    Errors:  ValueError, with one sentence.
    """
    found: dict[str, Json] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = (word.strip() for word in part.partition("="))
        is_until_reset = name == FailureClass.QUOTA and value == UNTIL_RESET
        most = WITHIN_SECONDS_MAX if name == WITHIN else TRIES_MAX
        is_number = value.isascii() and value.isdigit() and int(value) <= most
        if name not in (*RETRY_CLASSES, WITHIN) or not (is_until_reset or is_number):
            raise ValueError(
                f"cannot use '{part[:60]}' in AGENT_RUNTIME_RETRIES: CLASS=NUMBER is expected, with a class of "
                f"{', '.join(RETRY_CLASSES)} and a number up to {TRIES_MAX} ('{UNTIL_RESET}' for quota), or "
                f"'{WITHIN}=SECONDS'"
            )
        found[name] = UNTIL_RESET if is_until_reset else int(value)
    return found
