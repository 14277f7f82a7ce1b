"""Waiting for sessions to come to rest: the stream says when to look, and looking decides."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from runtime_client.client import RuntimeClient
from runtime_client.errors import RefusedError, RuntimeClientError
from runtime_client.exit_codes import ExitCode
from runtime_client.models import Session, SessionStatus, exit_code_of_failure
from runtime_client.watching.stream import StreamRequest, follow
from runtime_client.why import why
from runtime_client.wire import JsonObject

LOOK_SECONDS = 10.0
LOOK_WITHOUT_NEWS_SECONDS = 1.0
NEWS_TYPES = (
    "job.completed", "job.failed", "job.stopped", "job.lost", "job.healed", "session.updated", "session.deleted",
)  # fmt: skip


@dataclass(frozen=True)
class Rest:
    """How a session was when the waiting ended.

    Shape:   `reason` and `error` are its last job's, if that failed; `why` says with what helps why it is not finished.
    """

    session_name: str
    status: SessionStatus
    is_at_rest: bool
    reason: str | None = None
    error: str | None = None
    why: str | None = None

    @property
    def exit_code(self) -> ExitCode:
        """The exit status for this."""
        if not self.is_at_rest and self.status is not SessionStatus.LOST:
            return ExitCode.STILL_RUNNING
        return exit_code_of_failure(self.reason) if self.status is SessionStatus.FAILED else self.status.exit_code

    def as_json(self) -> JsonObject:
        """Return it as `--json` shows it."""
        return {
            "session_name": self.session_name,
            "status": self.status.value,
            "at_rest": self.is_at_rest,
            "reason": self.reason,
            "error": self.error,
            "why": self.why,
        }


def wait_for_rest(
    client: RuntimeClient,
    names: Sequence[str],
    *,
    any_is_enough: bool,
    timeout_seconds: float | None,
    tell: Callable[[Rest], None] = lambda _: None,
) -> list[Rest]:
    """Wait until all sessions are at rest, or one of them, or the time is over; return how each is then.

    Shape:   `tell` is called with how each is, at each look and at the end.

    Errors:  RefusedError, if a session does not exist; RuntimeClientError, if the runtime is away at the first look.
    """
    deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    enough = any if any_is_enough else all
    look = partial(_look, client, names, tell)
    seen = look()
    if not enough(rest.is_at_rest for rest in seen):
        seen = _watch(client, names, look, seen, enough, deadline)
    rests = [_with_reason(client, rest) for rest in seen]
    for rest in rests:
        tell(rest)
    return rests


def _watch(
    client: RuntimeClient,
    names: Sequence[str],
    look: Callable[[], list[Rest]],
    seen: list[Rest],
    enough: Callable[[Iterable[bool]], bool],
    deadline: float | None,
) -> list[Rest]:
    with _News(client, names) as news:
        while not enough(rest.is_at_rest for rest in seen):
            pause = LOOK_WITHOUT_NEWS_SECONDS if news.is_over else LOOK_SECONDS
            left = pause if deadline is None else min(pause, deadline - time.monotonic())
            if left <= 0:
                break
            news.wait(left)
            seen = _look_again(look, seen)
    return seen


def describe_rest(client: RuntimeClient, session: Session) -> Rest:
    """Return how a session is now, with the reason if its last job failed."""
    return _with_reason(client, _rest_of(session))


def exit_code_of(rests: Sequence[Rest], *, any_is_enough: bool) -> ExitCode:
    """Return the exit status for several sessions: of the first that did not finish, among those that count."""
    resting = [rest for rest in rests if rest.is_at_rest]
    counted = resting if any_is_enough and resting else rests
    return next((rest.exit_code for rest in counted if rest.exit_code), ExitCode.SUCCESS)


class _News:
    """Listens to the stream in a thread and wakes the waiter."""

    def __init__(self, client: RuntimeClient, names: Sequence[str]) -> None:
        self._client = client
        self._session = names[0] if len(set(names)) == 1 else None
        self._arrived = threading.Event()
        self._over = threading.Event()
        self.is_over = False

    def __enter__(self) -> "_News":
        threading.Thread(target=self._listen, name="news", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def wait(self, seconds: float) -> None:
        self._arrived.wait(seconds)
        self._arrived.clear()

    def _listen(self) -> None:
        try:
            for _ in follow(self._client, StreamRequest(self._session, NEWS_TYPES), self._over.wait):
                self._arrived.set()
                if self._over.is_set():
                    return
        except RuntimeClientError:
            self.is_over = True  # Nothing to hear from this runtime: the waiter looks more often by itself.
            self._arrived.set()


def _look(client: RuntimeClient, names: Sequence[str], tell: Callable[[Rest], None]) -> list[Rest]:
    seen = [_rest_of(client.session(name)) for name in names]
    for rest in seen:
        if not rest.is_at_rest:
            tell(rest)
    return seen


def _rest_of(session: Session) -> Rest:
    return Rest(session.session_name, session.status, session.is_at_rest, why=why(session.raw))


def _look_again(look: Callable[[], list[Rest]], seen: list[Rest]) -> list[Rest]:
    try:
        return look()
    except RefusedError:
        raise
    except RuntimeClientError:
        return seen  # the runtime may be restarting: what it knows is not lost, so neither is the waiting


def _with_reason(client: RuntimeClient, rest: Rest) -> Rest:
    if rest.status is not SessionStatus.FAILED:
        return rest
    for job in client.jobs_of_session(rest.session_name):
        return replace(rest, reason=job.reason, error=job.error, why=rest.why or why(job.raw))
    return rest
