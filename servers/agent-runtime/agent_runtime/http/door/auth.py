"""Tells who calls: from a bearer token, without asking the database unless a running agent calls."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.types import Scope

from agent_runtime.domain.errors import NotFound
from agent_runtime.domain.ids import JobId, LauncherId, QuestionId
from agent_runtime.domain.json import Json
from agent_runtime.domain.unknown import no_job, no_question, no_session
from agent_runtime.http.door.audit import REFUSED_AS_FOREIGN
from agent_runtime.http.door.rules import REGISTER, Body, Matched
from agent_runtime.http.wire.answers import HttpProblem
from agent_runtime.services.access.callers import (
    AttemptClaim,
    Caller,
    Role,
    SessionTokens,
    is_own_session,
    refuse_foreign_launchers,
    session_caller,
)
from agent_runtime.services.access.tokens import TOKEN_PREFIX, caller_of
from agent_runtime.services.ports.access import CredentialKind
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.sessions.sessions import look_up_session

_SCHEME = "bearer "
_LAUNCHER_FIELD = "launcher_id"
_LAUNCHER_HEADER = b"x-launcher-id"


@dataclass(frozen=True)
class KnownToken:
    """A token that does not change while the runtime lives, and whose it is."""

    secret: bytes
    caller: Caller


class Authenticator:
    """Finds the caller of a request, and keeps agents to their own sessions."""

    def __init__(self, store: Store, tokens: tuple[KnownToken, ...] | None, session_tokens: SessionTokens) -> None:
        self._store = store
        self._tokens = tokens
        self._session_tokens = session_tokens

    async def admit(
        self, authorization: str | None, names: Mapping[str, str], browser: str | None = None
    ) -> "Admitted":
        """Tell who calls, and whether an agent reaches for what `names` names and is not its own.

        Shape:   `names` are the parts of the path, such as `session` and `job_id`; `browser` is the secret of a
                 cookie, which counts only if no token was shown.
        Errors:  HttpProblem 401.
        """
        if self._tokens is None:
            return Admitted(Caller(Role.USER, "anybody"))
        if authorization is None and browser is not None:
            return Admitted(await self._of_browser(browser))
        if authorization is None:
            raise unauthorized(
                "this needs a token (header 'Authorization: Bearer …'; the runtime's data folder has one)"
            )
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise unauthorized("the header 'Authorization' must be 'Bearer' and a token")
        token = authorization[len(_SCHEME) :].strip()
        if (known := self._known(token)) is not None:
            return Admitted(known)
        if token.startswith(TOKEN_PREFIX):
            return Admitted(await self._of_name(token))
        return await self._of_session(token, names)

    async def _of_name(self, token: str) -> Caller:
        caller = await self._store.read(lambda tx: caller_of(tx, CredentialKind.TOKEN, token))
        if caller is None:
            raise unauthorized("this token was revoked, has expired, or is not known here (agent-runtime token list)")
        return caller

    async def _of_browser(self, secret: str) -> Caller:
        caller = await self._store.read(lambda tx: caller_of(tx, CredentialKind.BROWSER, secret))
        if caller is None:
            raise unauthorized("this browser is not logged in any more (make a new link: agent-runtime login-link)")
        return caller

    async def refuse_foreign_launcher(self, caller: Caller, matched: Matched, scope: Scope, body: bytes | None) -> None:
        """Keep a launcher's token to the launchers that were registered with it.

        Errors:  NotFound `launcher_unknown`.
        """
        # Who registers under a foreign name gets a new one; what it holds proves itself, by the attempts' own tokens.
        if caller.role is not Role.LAUNCHER or matched.rule.path == REGISTER:
            return
        named = _named_launchers(matched, scope, body)
        try:
            await self._store.read(lambda tx: refuse_foreign_launchers(tx, caller, named))
        except NotFound:
            scope["state"][REFUSED_AS_FOREIGN] = True
            raise

    def _known(self, token: str) -> Caller | None:
        given = token.encode("utf-8", errors="replace")
        found = None
        for known in self._tokens or ():
            # All are compared, so that the time taken does not tell which one was nearly right.
            if hmac.compare_digest(known.secret, given):
                found = known.caller
        return found

    async def _of_session(self, token: str, names: Mapping[str, str]) -> "Admitted":
        claim = self._session_tokens.read(token)
        if claim is None:
            raise unauthorized("this token is not known here (the runtime may have made a new one)")
        admitted = await self._store.read(lambda tx: _admit(tx, claim, names))
        if admitted is None:
            raise unauthorized("this token was for an attempt that is over")
        return admitted


@dataclass(frozen=True)
class Admitted:
    """Who calls, and why what the path names is not for them; the one is known also where there is the other."""

    caller: Caller
    refusal: NotFound | None = None
    is_foreign: bool = False


def _admit(tx: Transaction, claim: AttemptClaim, names: Mapping[str, str]) -> Admitted | None:
    caller = session_caller(tx, claim)
    if caller is None:
        return None
    if "session" in names:
        session, unknown = look_up_session(tx, names["session"]), no_session(names["session"])
    elif "job_id" in names:
        job = tx.jobs.get(JobId(names["job_id"]))
        session, unknown = tx.sessions.get(job.session_id) if job is not None else None, no_job(names["job_id"])
    elif "question_id" in names:
        question, unknown = tx.questions.get(QuestionId(names["question_id"])), no_question(names["question_id"])
        session = tx.sessions.get(question.session_id) if question is not None else None
    else:
        return Admitted(caller)
    # What is none of its business is answered like what is not there, and as soon: it learns nothing from either.
    if session is not None and is_own_session(tx, caller, session):
        return Admitted(caller)
    return Admitted(caller, unknown, is_foreign=session is not None)


def unauthorized(sentence: str) -> HttpProblem:
    """Build the refusal of a caller who did not prove who they are."""
    return HttpProblem(401, "unauthorized", sentence, {"WWW-Authenticate": "Bearer"})


def _named_launchers(matched: Matched, scope: Scope, body: bytes | None) -> frozenset[LauncherId]:
    """Read every launcher id in a request's path, query, headers and body; a doubled one is read twice."""
    query = parse_qsl(scope["query_string"].decode("latin-1"))
    found: list[Json] = [value for key, value in query if key == _LAUNCHER_FIELD]
    found += [value.decode("latin-1") for key, value in scope["headers"] if key == _LAUNCHER_HEADER]
    found.append(matched.names.get(_LAUNCHER_FIELD))
    if body and matched.rule.body is not Body.BYTES:
        content: Json = json.loads(body)
        found.append(content.get(_LAUNCHER_FIELD) if isinstance(content, dict) else None)
    return frozenset(LauncherId(value) for value in found if isinstance(value, str) and value)


def calling_session(request: Request, header: str | None) -> str | None:
    """Tell which session calls: the one that the token proves, else the one that the caller names."""
    caller = getattr(request.state, "caller", None)
    if isinstance(caller, Caller) and caller.role is Role.SESSION:
        return caller.name
    return header
