"""The runtime's calls, each as a method: what goes in and what comes out, and no decision beyond."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias, TypeVar
from urllib.parse import quote

from runtime_client.address import RuntimeAddress
from runtime_client.errors import (
    NotTheRuntimeError,
    RefusedError,
    RuntimeClientError,
    RuntimeUnreachableError,
    UnavailableError,
)
from runtime_client.models import Agent, Event, Job, JobOrder, Listed, Result, Session, SessionQuery, SessionStatus
from runtime_client.transport import Call, Transport
from runtime_client.wire import Json, JsonObject, as_object, flag, nested, objects, optional_text, text

if TYPE_CHECKING:
    from runtime_client.launcher_calls import LauncherCalls
    from runtime_client.question_calls import QuestionCalls
    from runtime_client.webhook_calls import WebhookCalls

PAGE_ITEMS = 200
CREATE_TRIES = 3

Value = TypeVar("Value")
Reader: TypeAlias = Callable[[JsonObject], Value]


class RuntimeClient:
    """Talks to one Agent Runtime; safe to share between threads.

    Errors:  every method may raise RuntimeClientError, whose text is one sentence for a person.
    """

    def __init__(self, address: RuntimeAddress) -> None:
        self.address = address
        self.transport = Transport(address)

    @cached_property
    def launcher(self) -> "LauncherCalls":
        """The calls of what stands in for a launcher."""
        # Imported late: who only asks does without.
        from runtime_client.launcher_calls import LauncherCalls

        return LauncherCalls(self.transport)

    @cached_property
    def questions(self) -> "QuestionCalls":
        """The calls about questions."""
        # Imported late: most commands do without.
        from runtime_client.question_calls import QuestionCalls

        return QuestionCalls(self.transport)

    @cached_property
    def webhooks(self) -> "WebhookCalls":
        """The calls about webhooks."""
        # Imported late: hardly any command needs them.
        from runtime_client.webhook_calls import WebhookCalls

        return WebhookCalls(self.transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.transport.close()

    def health(self) -> JsonObject:
        """Return what the runtime says of itself; needs no token."""
        return self.transport.send_for_json(Call("GET", "/health"))

    def create_job(self, order: JobOrder, idempotency_key: str | None = None) -> Job:
        """Create a job; a cut connection is tried again under the same key, so that there is never a second job."""
        return self._create(Job.read, order.as_json(), idempotency_key)

    def create_jobs(
        self, orders: Sequence[JobOrder], idempotency_key: str | None = None
    ) -> list[Job | RuntimeClientError]:
        """Create up to 1000 jobs in one call; for each order, in its place, its job or why it was refused.

        A cut connection is tried again under the same key, so that there is never a second job of any of them.
        """

        def read(answer: JsonObject) -> list[Job | RuntimeClientError]:
            made = [_job_or_refusal(one) for one in objects(answer, "answers")]
            if len(made) != len(orders):
                raise ValueError(f"{len(orders)} answers expected, found {len(made)}")
            return made

        return self._create(read, [order.as_json() for order in orders], idempotency_key)

    def job(self, job_id: str) -> Job:
        """Return one job."""
        return self._read(Job.read, Call("GET", f"/jobs/{_part(job_id)}"))

    def jobs_of_session(self, session: str, limit: int = 1) -> list[Job]:
        """Return a session's newest jobs, newest first."""
        call = Call("GET", "/jobs", parameters={"session": session, "limit": str(limit)})
        return _readable(Job.read, self._items(call, "jobs")[0], "job_id").items

    def stop_job(self, job_id: str) -> JsonObject:
        """Ask for a job to be stopped."""
        return self.transport.send_for_json(Call("POST", f"/jobs/{_part(job_id)}/stop"))

    def retry_job(self, job_id: str) -> JsonObject:
        """Run a failed or stopped job once more, as a new job."""
        return self.transport.send_for_json(Call("POST", f"/jobs/{_part(job_id)}/retry"))

    def hold_job(self, job_id: str, *, is_held: bool) -> JsonObject:
        """Keep a job that waits from every launcher, or no longer."""
        method = "POST" if is_held else "DELETE"
        return self.transport.send_for_json(Call(method, f"/jobs/{_part(job_id)}/hold"))

    def edit_job(self, job_id: str, prompt: str) -> JsonObject:
        """Change the words of a job that waits."""
        return self.transport.send_for_json(Call("PATCH", f"/jobs/{_part(job_id)}", body={"prompt": prompt}))

    def withdraw_job(self, job_id: str) -> JsonObject:
        """Take back a job that waits."""
        return self.transport.send_for_json(Call("DELETE", f"/jobs/{_part(job_id)}"))

    def attempts(self, job_id: str) -> list[JsonObject]:
        """Return the attempts of a job, oldest first."""
        return self._items(Call("GET", f"/jobs/{_part(job_id)}/attempts"), "attempts")[0]

    def messages(self, session: str, limit: int) -> tuple[list[JsonObject], bool]:
        """Return up to `limit` messages to a session, newest first, and whether there are more."""
        return self._pages(Call("GET", f"{_session_path(session)}/messages"), "messages", limit)

    def holds(self) -> list[JsonObject]:
        """Return the accounts whose limit is used up."""
        return self._items(Call("GET", "/holds"), "holds")[0]

    def lift_hold(self, hold_id: str) -> JsonObject:
        """Let go on what waits for an account's limit."""
        return self.transport.send_for_json(Call("DELETE", f"/holds/{_part(hold_id)}"))

    def extend_hold(self, hold_id: str, until: str) -> JsonObject:
        """Hold an account until another time."""
        return self.transport.send_for_json(Call("PATCH", f"/holds/{_part(hold_id)}", body={"until": until}))

    def queue(self, limit: int, session: str | None = None) -> Listed[Job]:
        """Return up to `limit` jobs that wait, the one first that runs next; of one session the newest first."""
        which = {"order": "run"} if session is None else {"session": session, "status": "pending"}
        items, has_more = self._pages(Call("GET", "/jobs", parameters=which), "jobs", limit)
        return replace(_readable(Job.read, items, "job_id"), has_more=has_more)

    def launchers(self) -> list[JsonObject]:
        """Return all launchers that the runtime knows."""
        return self._items(Call("GET", "/launchers"), "launchers")[0]

    def costs(self) -> list[JsonObject]:
        """Return what agents cost, for each agent and day of the last two weeks."""
        return self._items(Call("GET", "/overview", read_seconds=60.0), "cost_by_agent_day")[0]

    def login_link(self, *, viewer: bool) -> str:
        """Return a link that lets a browser in once."""
        body = {"role": "viewer" if viewer else "user"}
        made = self._read(lambda answer: text(answer, "path"), Call("POST", "/login-links", body=body))
        return f"{self.address.url}{made}"

    def job_log(self, job_id: str, offset: int = 0) -> tuple[bytes, int, bool]:
        """Return a piece of a job's output, where the next one begins, and whether there will be no more."""
        answer = self.transport.send(
            Call("GET", f"/jobs/{_part(job_id)}/log", parameters={"offset": str(offset)}, read_seconds=60.0)
        )
        following = answer.headers.get("x-log-next", "")
        next_offset = int(following) if following.isdigit() else offset + len(answer.content)
        return answer.content, next_offset, answer.headers.get("x-log-complete", "").lower() in {"1", "true"}

    def session(self, session: str) -> Session:
        """Return one session by its name or id."""
        call = Call("GET", _session_path(session))
        return self._read(lambda answer: Session.read(as_object(answer.get("session"), "session")), call)

    def session_with_agent(self, session: str) -> tuple[Session, Agent | None]:
        """Return one session and its agent; None if it has none, or none of that name is left."""
        call = Call("GET", _session_path(session), parameters={"agent": "true"})
        return self._read(_session_and_agent, call)

    def session_status(self, session: str) -> SessionStatus:
        """Return a session's status; a name that nobody has is NOT_EXISTENT and no error."""
        call = Call("GET", f"{_session_path(session)}/status")
        return self._read(lambda answer: SessionStatus(text(answer, "status")), call)

    def session_result(self, session: str) -> Result:
        """Return the last result of a session and the status it is in."""
        call = Call("GET", f"{_session_path(session)}/result", read_seconds=60.0)
        return self._read(Result.read, call)

    def sessions(self, query: SessionQuery, limit: int) -> Listed[Session]:
        """Return up to `limit` sessions, and whether there are more."""
        call = Call("GET", "/sessions", parameters=query.as_parameters())
        items, has_more = self._pages(call, "sessions", limit)
        return replace(_readable(Session.read, items, "session_name"), has_more=has_more)

    def stop_session(self, session: str, *, tree: bool = True) -> JsonObject:
        """Ask for everything that runs or waits in a session, and in its descendants, to be stopped."""
        parameters = {} if tree else {"tree": "false"}
        return self.transport.send_for_json(Call("POST", f"{_session_path(session)}/stop", parameters=parameters))

    def session_tree(self, session: str) -> JsonObject:
        """Return a session with all its descendants and what they consumed."""
        return self.transport.send_for_json(Call("GET", f"{_session_path(session)}/tree", read_seconds=30.0))

    def delete_session(self, session: str, *, force: bool = False) -> None:
        """Delete a session with all that it recorded; `force` stops what runs in it first."""
        parameters = {"force": "true"} if force else {}
        self.transport.send(Call("DELETE", _session_path(session), parameters=parameters, read_seconds=60.0))

    def delete_sessions(self) -> JsonObject:
        """Delete all sessions that are at rest."""
        return self.transport.send_for_json(Call("DELETE", "/sessions", read_seconds=60.0))

    def update_metadata(self, session: str, changes: JsonObject) -> None:
        """Set what is known of a session; null removes."""
        self.transport.send(Call("PATCH", f"{_session_path(session)}/metadata", body=changes))

    def append_events(self, session: str, events: list[JsonObject], metadata: JsonObject | None = None) -> bool:
        """Append events in order, and set what is known of the session; return whether that is set.

        An event whose `client_event_id` is known already is not appended again.
        """
        body: dict[str, Json] = {"events": events, **({"metadata": metadata} if metadata else {})}
        call = Call("POST", f"{_session_path(session)}/events", body=body, read_seconds=30.0)
        answer = self.transport.send(call)
        # A runtime of an older version passes over the metadata, and says nothing of it.
        return not metadata or self.transport.parsed(call, answer).get("metadata_set") is True

    def session_events(self, session: str, after: int = 0) -> Iterator[Event]:
        """Yield a session's events after the sequence number `after`, oldest first, page by page."""
        parameters = {"after": str(after), "limit": str(PAGE_ITEMS)}
        while True:
            items, following = self._items(
                Call("GET", f"{_session_path(session)}/events", parameters=parameters), "events"
            )
            yield from _readable(Event.read, items, "seq").items
            if following is None or following == parameters["after"]:
                return
            parameters["after"] = following

    def agents(self) -> Listed[Agent]:
        """Return all blueprints, those that cannot be used too."""
        return _readable(Agent.read, self._items(Call("GET", "/agents"), "agents")[0], "name")

    def agent(self, name: str) -> Agent:
        """Return one blueprint."""
        call = Call("GET", f"/agents/{_part(name)}")
        return self._read(lambda answer: Agent.read(_unwrapped(answer, "agent")), call)

    def _create(self, read: Reader[Value], body: Json, idempotency_key: str | None) -> Value:
        key = idempotency_key or os.urandom(16).hex()
        call = Call("POST", "/jobs", body=body, headers={"Idempotency-Key": key, **_trace()}, read_seconds=60.0)
        for tries_left in reversed(range(CREATE_TRIES)):
            try:
                return self._read(read, call)
            except RuntimeUnreachableError as error:
                if not error.was_sent or not tries_left:
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    def _read(self, read: Reader[Value], call: Call) -> Value:
        answer = self.transport.send_for_json(call)
        try:
            return read(answer)
        except ValueError as cause:  # a word or a type that the runtime does not promise
            raise NotTheRuntimeError(
                f"cannot understand the answer to {call.method} {call.path!r} of {self.address.url!r}: {cause}"
                " (are the runtime and this command of the same version?)"
            ) from cause

    def _items(self, call: Call, field: str) -> tuple[list[JsonObject], str | None]:
        return self._read(lambda answer: (objects(answer, field), optional_text(answer, "next_cursor")), call)

    def _pages(self, call: Call, field: str, limit: int) -> tuple[list[JsonObject], bool]:
        found: list[JsonObject] = []
        cursor: Mapping[str, str] = {}
        while True:
            size = {"limit": str(min(PAGE_ITEMS, limit - len(found)))}
            page = Call(call.method, call.path, parameters={**call.parameters, **size, **cursor})
            items, following = self._items(page, field)
            found += items
            if following is None or not items or len(found) >= limit:
                return found[:limit], following is not None or len(found) > limit
            cursor = {"cursor": following}


def _readable(read: Reader[Value], items: list[JsonObject], name: str) -> Listed[Value]:
    """Read each item for itself: what one of them is like decides nothing about the others."""
    found: list[Value] = []
    unreadable: list[str] = []
    for item in items:
        try:
            found.append(read(item))
        except ValueError as error:
            unreadable.append(f"cannot understand what the runtime says of {item.get(name)!r}: {error}")
    return Listed(found, unreadable)


def _job_or_refusal(answer: JsonObject) -> Job | RuntimeClientError:
    status, body = answer.get("status"), as_object(answer.get("body"), "body")
    if not isinstance(status, int):
        raise ValueError("a 'status' that is a number is expected")  # noqa: TRY004  (what an answer is, not an argument)
    if status < 300:
        return Job.read(body)
    detail = text(body, "detail")
    if status >= 500 or status == 429:
        return UnavailableError(detail)
    return RefusedError(detail, code=text(body, "code"), http_status=status)


def _session_path(session: str) -> str:
    return f"/sessions/{_part(session)}"


def _trace() -> dict[str, str]:
    """Say out of which trace an order comes, where an agent that orders was told."""
    told = os.environ.get("TRACEPARENT", "")
    return {"traceparent": told} if told.isascii() and told.isprintable() and 0 < len(told) <= 100 else {}


def _part(name: str) -> str:
    return quote(name, safe="")


def _unwrapped(answer: JsonObject, field: str) -> JsonObject:
    inner = answer.get(field)
    return inner if isinstance(inner, dict) else answer


def _session_and_agent(answer: JsonObject) -> tuple[Session, Agent | None]:
    agent = answer.get("agent")
    asked = nested(answer, "checks")
    session = replace(Session.read(as_object(answer.get("session"), "session")), checks=asked or None)
    if agent is None:
        return session, None
    held_to, has_rules = optional_text(answer, "permissions"), flag(answer, "has_permission_rules", default=False)
    read = Agent.read(as_object(agent, "agent"))
    from_above = flag(answer, "is_held_from_above", default=False)
    return session, replace(read, held_to=held_to, has_permission_rules=has_rules, is_held_from_above=from_above)
