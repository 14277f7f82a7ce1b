"""The options of `ao-start` and `ao-resume` about the job: when it may run, who runs it, how often it is tried."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from runtime_client.client import RuntimeClient
from runtime_client.errors import UsageError
from runtime_client.models import JobOrder
from runtime_client.terminal.arguments import Option, duration, one_of, time_to_come, whole_number
from runtime_client.wire import Json, JsonObject

KEY_CHARACTERS_MAX = 200
UNTIL_RESET, WITHIN = "until_reset", "within_seconds"


class IfBusy(StrEnum):
    """What a message does to a session that is at work."""

    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"


def _retries(word: str) -> JsonObject:
    """Read `network=5,agent=1`; which classes there are is the runtime's to know.

    Errors:  ValueError.
    """
    return dict(_tries(part.strip()) for part in word.split(","))


def _tries(pair: str) -> tuple[str, Json]:
    name, _, value = (word.strip() for word in pair.partition("="))
    try:
        if name == WITHIN:
            return name, duration(0)(value)
        return name, value if value == UNTIL_RESET else whole_number(0)(value)
    except ValueError as cause:
        expected = f"CLASS=NUMBER, such as network=5, quota={UNTIL_RESET} or {WITHIN}=6h"
        raise ValueError(f"expected {expected}") from cause


def _key(word: str) -> str:
    """Read what can stand in a header of HTTP.

    Errors:  ValueError.
    """
    if not (word.isascii() and word.isprintable() and word.strip() == word and 0 < len(word) <= KEY_CHARACTERS_MAX):
        raise ValueError(f"expected 1 to {KEY_CHARACTERS_MAX} letters, digits and signs of ASCII")
    return word


IfBusyOption = Annotated[
    IfBusy | None,
    Option(
        "--if-busy",
        "If the session is at work: wait (enqueue, the default), be refused, or stop what it does.",
        metavar="|".join(IfBusy),
        read=one_of(IfBusy),
    ),
]
PriorityOption = Annotated[
    int | None,
    Option("--priority", "Higher runs first, from -100 to 100.", metavar="NUMBER", read=whole_number(-100, 100)),
]
DelayOption = Annotated[
    float | None, Option("--in", "Not before so much time has passed.", metavar="TIME", read=duration(1))
]
AtOption = Annotated[
    str | None,
    Option("--at", "Not before: 03:00, or 2027-01-31T03:00.", metavar="WHEN", read=time_to_come),
]
QueueTimeoutOption = Annotated[
    float | None,
    Option("--queue-timeout", "How long it may wait; then it is given up.", metavar="TIME", read=duration(0.001)),
]
LauncherOption = Annotated[
    str | None,
    Option("--launcher", "Only this launcher may run it, by its name or id.", metavar="NAME", completes="launcher"),
]
RetriesOption = Annotated[
    list[JsonObject] | None,
    Option(
        "--retries",
        "Further tries after failures of a class: network=5, quota=until_reset, within_seconds=6h.",
        metavar="CLASS=NUMBER",
        read=_retries,
        is_list=True,
    ),
]
MaxAttemptsOption = Annotated[
    int | None,
    Option("--max-attempts", "Tries in all after the machine's failures.", metavar="NUMBER", read=whole_number(1, 100)),
]
RerunLostOption = Annotated[
    int | None,
    Option(
        "--rerun-lost",
        "Further tries if its launcher is lost, though it may run there yet.",
        metavar="NUMBER",
        read=whole_number(0, 100),
    ),
]
StopGraceOption = Annotated[
    float | None,
    Option("--stop-grace", "How long a stop waits before it kills.", metavar="TIME", read=duration(0)),
]
KeyOption = Annotated[
    str | None,
    Option("--idempotency-key", "The same key and the same order are one job.", metavar="WORD", read=_key),
]


@dataclass(frozen=True)
class QueueWishes:
    """What is wished of the queue and of who runs the job; None leaves it to the runtime.

    Shape:   each field is the option of its name; `at` is a time in UTC as the wire has it.
    """

    priority: int | None = None
    delay: float | None = None
    at: str | None = None
    queue_timeout: float | None = None
    launcher: str | None = None
    retries: list[JsonObject] | None = None
    max_attempts: int | None = None
    rerun_lost: int | None = None
    stop_grace: float | None = None
    idempotency_key: str | None = None

    def check(self, *, is_detached: bool, is_named: bool) -> None:
        """Refuse what cannot be held.

        Errors:  UsageError.
        """
        if self.delay is not None and self.at is not None:
            raise UsageError("cannot use --in and --at together: both say from when on the job may run")
        if self.delay is not None and self.idempotency_key is not None:
            raise UsageError(
                "cannot use --in and --idempotency-key together: said again, these words mean another time (use --at)"
            )
        if self.idempotency_key is not None and not is_named:
            raise UsageError("cannot use --idempotency-key without a session's name: each time another one is made")
        asked = ["--in" if name == "delay" else f"--{name.replace('_', '-')}" for name in self._asked()]
        if asked and not is_detached:
            raise UsageError(
                f"cannot use {' and '.join(asked)} in the foreground: this command runs the job itself, at once and"
                " one time (--detach leaves it to the queue and the launchers)"
            )

    def _asked(self) -> list[str]:
        return [one.name for one in fields(self) if getattr(self, one.name) is not None]

    def said_in(self, order: JobOrder, client: RuntimeClient) -> JobOrder:
        """Return the order with all that is wished; a launcher is looked for by its name.

        Errors:  RuntimeClientError.
        """
        return replace(
            order,
            priority=self.priority,
            not_before=self._not_before(),
            queue_timeout_seconds=self.queue_timeout,
            launcher_id=None if self.launcher is None else _launcher_id(client, self.launcher),
            retries={name: value for one in self.retries or () for name, value in one.items()},
            max_attempts=self.max_attempts,
            rerun_lost=self.rerun_lost,
            stop_grace_seconds=self.stop_grace,
        )

    def _not_before(self) -> str | None:
        if self.delay is None:
            return self.at
        return (datetime.now(UTC) + timedelta(seconds=self.delay)).isoformat()


def _launcher_id(client: RuntimeClient, name: str) -> str:
    """Find a launcher that is not gone.

    Errors:  UsageError, if none is called that, or several are; RuntimeClientError.
    """
    here = [one for one in client.launchers() if one.get("status") != "gone"]
    found = [str(one.get("launcher_id")) for one in here if name in (one.get("launcher_id"), one.get("name"))]
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(found)
        raise UsageError(f"cannot choose launcher {name!r}: {len(found)} are called so (name one of {choices})")
    # Imported late: few mistype.
    from difflib import get_close_matches

    names = sorted(str(one.get("name")) for one in here)
    near = get_close_matches(name, names, n=1)
    others = f"there are {', '.join(names)}" if names else "none is connected"
    raise UsageError(f"no launcher is called {name!r} ({f'did you mean {near[0]!r}?' if near else others})")
