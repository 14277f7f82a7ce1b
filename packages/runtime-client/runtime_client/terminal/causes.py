"""What the commands say of why: once for each cause, on standard error."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runtime_client.client import RuntimeClient
from runtime_client.errors import RuntimeClientError
from runtime_client.models import SessionStatus
from runtime_client.why import why
from runtime_client.wire import Json

_NOTHING_TO_SAY = frozenset({SessionStatus.FINISHED, SessionStatus.NOT_EXISTENT})


@dataclass(frozen=True)
class Cause:
    """Why a session is as it is: a word for programs, a sentence, and the sentence with what helps."""

    reason: Json = None
    detail: Json = None
    why: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Return it as `--json` shows it; empty where there is nothing to say."""
        told = {"reason": self.reason, "reason_detail": self.detail, "why": self.why}
        return told if any(told.values()) else {}


def cause_of(client: RuntimeClient, name: str, status: SessionStatus) -> Cause:
    """Ask why a session is in this status; a runtime that cannot say is believed the status alone."""
    if status in _NOTHING_TO_SAY:
        return Cause()
    try:
        raw = client.session(name).raw
    except RuntimeClientError:
        return Cause()
    return Cause(raw.get("reason"), raw.get("reason_detail"), why(raw))


class Told(Protocol):
    """How a session is, as whoever waits for it knows it."""

    @property
    def session_name(self) -> str: ...

    @property
    def status(self) -> SessionStatus: ...

    @property
    def why(self) -> str | None: ...


class Causes:
    """Says why sessions wait or failed, each cause once."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._told: dict[str, str] = {}

    def tell(self, rest: Told) -> None:
        """Say it, if it is news."""
        if rest.why is not None and self._told.get(rest.session_name) != rest.why:
            self._told[rest.session_name] = rest.why
            self._warn(f"session {rest.session_name!r} is {rest.status.value}: {rest.why}")
