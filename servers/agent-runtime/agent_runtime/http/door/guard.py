"""Stands before every route: which name was called, from which page, by whom, with how much.

Plain ASGI on purpose: it runs for each request, and a launcher's calls are counted in microseconds.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime.domain.errors import Problem, Refused
from agent_runtime.http.door.audit import REFUSED_AS_FOREIGN, AuditedRequests
from agent_runtime.http.door.auth import Authenticator
from agent_runtime.http.door.body import DisconnectedError, checked_json, read_body
from agent_runtime.http.door.cookies import refuse_forged, secret_in
from agent_runtime.http.door.rate_limit import RateLimit
from agent_runtime.http.door.rules import HIDDEN, STATUS, Body, Matched, Rule, RuleBook
from agent_runtime.http.wire.answers import HttpProblem, answer_for, internal_error, short
from agent_runtime.services.access.callers import Caller
from agent_runtime.settings import LOOPBACK_NAME, PATIENCE_SECONDS, is_loopback

log = logging.getLogger(__name__)

ShorterRoad = Callable[[Request, Matched, bytes | None], Awaitable[Response | None]]
"""Answers a request that was let in; nothing if the app has to look at it."""

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            b"manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
)
_NOT_STORED = (b"cache-control", b"no-store")
_JSON_TYPE = b"application/json"
_HOST = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)


class AllowedHosts:
    """Knows the names by which this runtime may be called; a foreign name is a page that rebinds its DNS."""

    def __init__(self, bound_host: str, further: tuple[str, ...] = ()) -> None:
        self._names = frozenset({LOOPBACK_NAME, bound_host.lower(), *(name.lower() for name in further)})
        self._any_address = not is_loopback(bound_host)

    def allow(self, host_header: str) -> bool:
        """Tell whether a Host header names this runtime; only names can be rebound, addresses cannot."""
        found = _HOST.fullmatch(host_header.lower())
        if found is None:
            return False  # Whatever else it is, another program may read another name in it than we would.
        name = found["address"] or found["name"]
        if name in self._names:
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return self._any_address or address.is_loopback


class Guard:
    """Lets through to `app`, or by a shorter road, what its rule allows, and all that has no rule to `pages`."""

    def __init__(
        self,
        app: ASGIApp,
        pages: ASGIApp,
        direct: ShorterRoad,
        rules: RuleBook,
        authenticator: Authenticator,
        hosts: AllowedHosts,
        audited: AuditedRequests,
        cookie: str,
        rate: RateLimit | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._app = app
        self._pages = pages
        self._direct = direct
        self._rules = rules
        self._authenticator = authenticator
        self._hosts = hosts
        self._audited = audited
        self._cookie = cookie
        self._rate = rate
        self._patience_seconds = patience_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            await self._admit(scope, receive, answer)
        except DisconnectedError:
            return
        except Problem as problem:
            await answer_for(problem)(scope, receive, answer)
        except Exception:
            log.exception("a request failed by a mistake of ours", extra={"path": short(scope["path"])})
            if not answer.status:
                await internal_error()(scope, receive, answer)
        finally:
            self._audited.note(scope, answer.status)

    async def _admit(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        headers = dict(scope["headers"])
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            # A proxy may have looked at the other one.
            raise HttpProblem(400, "bad_request", "the request has more than one header 'Host'")
        self._check_host_and_origin(headers)
        matched = self._rules.find(scope["method"], scope["path"])
        if not isinstance(matched, Matched):
            if matched:
                raise _wrong_method(scope, matched)
            await self._pages(scope, receive, answer)
            return
        answer.private = True
        state: MutableMapping[str, object] = scope.setdefault("state", {})
        state["matched"] = matched
        caller = await self._check_caller(scope, headers, matched)
        body = await _body(matched.rule, headers, receive, self._patience_seconds)
        if caller is not None:
            await self._authenticator.refuse_foreign_launcher(caller, matched, scope, body)
        receive = _replay(body, receive) if body is not None else receive
        direct = await self._direct(Request(scope, receive), matched, body)
        await (self._app if direct is None else direct)(scope, receive, answer)

    def _check_host_and_origin(self, headers: Mapping[bytes, bytes]) -> None:
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._hosts.allow(host):
            raise Refused(
                "forbidden_host",
                f"this runtime is not called '{short(host)}' "
                "(use localhost, or allow the name with AGENT_RUNTIME_ALLOWED_HOSTS)",
            )
        origin = headers.get(b"origin")
        if origin is not None and origin.decode("latin-1").partition("://")[2].lower() != host.lower():
            raise Refused("forbidden_origin", f"pages of '{short(origin.decode('latin-1'))}' may not call this runtime")

    async def _check_caller(self, scope: Scope, headers: Mapping[bytes, bytes], matched: Matched) -> Caller | None:
        rule = matched.rule
        if rule.roles is None:
            return None
        authorization = headers.get(b"authorization")
        browser = secret_in(headers, self._cookie) if authorization is None else None
        shown = authorization.decode("latin-1") if authorization is not None else None
        ask = partial(self._authenticator.admit, shown, matched.names, browser)
        admitted = await ask()
        # For answers that go on: a token may be revoked meanwhile.
        scope["state"]["ask_again"] = ask
        caller = admitted.caller
        # Before anything is refused, so that the audit knows who was.
        scope["state"]["caller"] = caller
        if admitted.is_foreign:
            scope["state"][REFUSED_AS_FOREIGN] = True
        if admitted.refusal is not None and rule.path != STATUS:
            raise admitted.refusal
        scope["state"][HIDDEN] = admitted.refusal is not None
        if browser is not None:
            refuse_forged(scope["method"], headers)
        if caller.role not in rule.roles:
            raise Refused("forbidden", f"'{caller.role}' may not {rule.method} {rule.path}")
        if self._rate is not None:
            self._rate.take(caller)
        return caller


class _Answer:
    """Sends an answer, with the headers that every answer of ours carries."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.private = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), *SECURITY_HEADERS]
            if self.private:
                headers.append(_NOT_STORED)
            message = {**message, "headers": headers}
        await self._send(message)


def _wrong_method(scope: Scope, methods: frozenset[str]) -> HttpProblem:
    allowed = ", ".join(sorted(methods))
    return HttpProblem(
        405,
        "method_not_allowed",
        f"cannot {short(scope['method'])} '{short(scope['path'])}': it takes {allowed}",
        {"Allow": allowed},
    )


async def _body(rule: Rule, headers: Mapping[bytes, bytes], receive: Receive, seconds: float) -> bytes | None:
    """Read and check what comes behind the headers; nothing if nothing comes."""
    length = headers.get(b"content-length")
    if length is None and b"transfer-encoding" not in headers:
        return None
    announced = int(length) if length is not None and length.isdigit() else None
    body = await read_body(receive, announced, rule.body_bytes_max, seconds)
    if not body or rule.body is Body.BYTES or rule.method == "GET":
        return body
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != _JSON_TYPE:
        # A page of another site can send any other type without asking first.
        raise HttpProblem(
            415,
            "unsupported_media_type",
            f"the request's body must be 'application/json', found '{short(kind.decode('latin-1'))}'",
        )
    return checked_json(body, mends_text=rule.body is Body.AGENT_JSON)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read once more; after it, the client's leaving can be waited for."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
