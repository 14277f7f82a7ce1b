"""The calls that a job's life consists of, answered without the web framework's machinery between.

The same methods are the framework's routes too: there they are documented, and there everything that is not plainly
right gets its sentence. A call that does not fit here is not answered here but goes that way, so there is one
behaviour and this is only its shorter road.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request, Response
from pydantic import BaseModel, TypeAdapter, ValidationError

from agent_runtime.domain.errors import Invalid
from agent_runtime.http.door.rules import Matched
from agent_runtime.http.events import EventBatchBody, EventRoutes
from agent_runtime.http.jobs import AGENT_SESSION_HEADER_MAX, IDEMPOTENCY_KEY_MAX, JobRoutes
from agent_runtime.http.launchers import POLL_ENDPOINT, REPORT_ENDPOINT, LauncherRoutes
from agent_runtime.http.sessions import REFERENCE_CHARACTERS_MAX, SessionRoutes
from agent_runtime.http.wire.answers import answer, invalid_body
from agent_runtime.http.wire.jobs import ORDERS_MAX, JobBodies, JobBody
from agent_runtime.http.wire.launchers import AttemptBody, ReportBody, ReportsBody
from agent_runtime.http.wire.polls import PollQuery

Model = TypeVar("Model", bound=BaseModel)
_Answer = Awaitable[Response]
_Call = Callable[[Request, Mapping[str, str], bytes], _Answer | None]
_NOTHING: Final = b""
_WITH_AGENT: Final = b"agent=true"
_OFFSET: Final = re.compile(rb"offset=([0-9]{1,15})")
_ATTEMPT: Final = re.compile("[0-9]{1,9}")
_OF_CHUNK: Final = ("x-launcher-id", "x-job-attempt", "x-job-token")
_LIST: Final = re.compile(rb"\s*\[")


class DirectCalls:
    """Knows which calls have a shorter road, and answers them."""

    def __init__(
        self, jobs: JobRoutes, launchers: LauncherRoutes, sessions: SessionRoutes, events: EventRoutes
    ) -> None:
        self._jobs = jobs
        self._launchers = launchers
        self._sessions = sessions
        self._events = events
        self._orders = TypeAdapter[list[JobBody]](JobBodies)
        attempt = f"{POLL_ENDPOINT}/{{job_id}}"
        self._calls: Mapping[tuple[str, str], _Call] = {
            ("POST", "/jobs"): self._create,
            ("GET", POLL_ENDPOINT): self._poll,
            ("POST", REPORT_ENDPOINT): self._reports,
            ("POST", f"{attempt}/started"): self._started,
            ("POST", f"{attempt}/completed"): self._ended(launchers.completed),
            ("POST", f"{attempt}/failed"): self._ended(launchers.failed),
            ("POST", f"{attempt}/stopped"): self._ended(launchers.stopped),
            ("POST", f"{attempt}/log"): self._log,
            ("GET", "/sessions/{session}"): self._session,
            ("POST", "/sessions/{session}/events"): self._tell,
        }

    async def answer(self, request: Request, matched: Matched, body: bytes | None) -> Response | None:
        """Answer a call that was let in; nothing if the framework has to look at it.

        Errors:  those of the call.
        """
        call = self._calls.get((matched.rule.method, matched.rule.path))
        if call is None:
            return None
        answering = call(request, matched.names, body or _NOTHING)
        return None if answering is None else await answering

    def _create(self, request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
        del names
        if request.scope["query_string"]:
            return None
        key = request.headers.get("idempotency-key")
        session = request.headers.get("x-agent-session-name")
        if len(key or "") > IDEMPOTENCY_KEY_MAX or len(session or "") > AGENT_SESSION_HEADER_MAX:
            return None
        if not body:
            return None
        # Both kinds of bodies are read here: the framework would say what is wrong in the words of either kind.
        if _LIST.match(body):
            return self._jobs.create_all(request, self._read_orders(body), key, session)
        return self._jobs.create(request, self._read_order(body), key, session)

    def _read_order(self, body: bytes) -> JobBody:
        try:
            return JobBody.model_validate_json(body)
        except ValidationError as error:
            raise invalid_body(error, self._jobs.create) from error

    def _read_orders(self, body: bytes) -> Sequence[JobBody | Invalid]:
        """Read several orders; of those that do not fit, each is its own refusal."""
        try:
            return self._orders.validate_json(body)
        except ValidationError as error:
            given = json.loads(body)
            if not 0 < len(given) <= ORDERS_MAX:
                raise invalid_body(error, self._jobs.create) from error
        orders: list[JobBody | Invalid] = []
        for one in given:
            try:
                orders.append(self._read_order(json.dumps(one).encode()))
            except Invalid as refusal:
                orders.append(refusal)
        return orders

    def _poll(self, request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
        del names, body
        asked = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
        try:
            query = PollQuery.model_validate(asked)
        except ValidationError:
            return None
        return self._launchers.poll(request, query)

    def _started(self, request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
        del request
        given = _read(AttemptBody, body)
        return None if given is None else self._launchers.started(names["job_id"], given)

    def _reports(self, request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
        del request, names
        given = _read(ReportsBody, body)
        return None if given is None else self._launchers.reports(given)

    def _ended(self, report: Callable[[str, ReportBody], _Answer]) -> _Call:
        def call(request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
            del request
            given = _read(ReportBody, body)
            return None if given is None else report(names["job_id"], given)

        return call

    def _log(self, request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
        del body  # It is read once more, from memory.
        offset = _OFFSET.fullmatch(request.scope["query_string"])
        launcher_id, attempt, token = (request.headers.get(name, "") for name in _OF_CHUNK)
        # Who does not say all of it is a simpler launcher.
        is_whole = launcher_id and token and _ATTEMPT.fullmatch(attempt)
        if offset is None or not is_whole or "x-log-skip" in request.headers:
            return None
        return self._launchers.log(request, names["job_id"], int(offset[1]), launcher_id, int(attempt), token)

    def _session(self, request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
        del body
        if request.scope["query_string"] != _WITH_AGENT or len(names["session"]) > REFERENCE_CHARACTERS_MAX:
            return None
        return _answered(self._sessions.get(names["session"], agent=True))

    def _tell(self, request: Request, names: Mapping[str, str], body: bytes) -> _Answer | None:
        if request.scope["query_string"] or len(names["session"]) > REFERENCE_CHARACTERS_MAX:
            return None
        given = _read(EventBatchBody, body)
        return None if given is None else _answered(self._events.append(names["session"], given, request))


async def _answered(asked: Awaitable[BaseModel]) -> Response:
    return answer(await asked)


def _read(model: type[Model], body: bytes) -> Model | None:
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None
