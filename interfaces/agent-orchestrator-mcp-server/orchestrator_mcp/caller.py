"""Who calls a tool: told by the transport or the environment, never by the model's arguments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runtime_client.address import RuntimeAddress
from runtime_client.errors import UsageError

HEADER = "x-agent-session-name"
_SESSION_NAME = re.compile(r"(?!ses_)[A-Za-z0-9_-]{1,60}", re.ASCII)


@dataclass(frozen=True)
class Caller:
    """The session that a call comes from, and the token that it may use.

    Shape:   `session_name` is None for a person's own client: then nobody can be called back.
             `is_process` is true for the process that started a server on standard input and output.
    """

    session_name: str | None
    token: str | None = field(default=None, repr=False)
    token_source: str = ""
    is_process: bool = False

    def address(self, runtime: RuntimeAddress) -> RuntimeAddress:
        """The server's runtime as this caller sees it: the same place, and the caller's own token."""
        return replace(runtime, token=self.token, token_source=self.token_source, session_name=self.session_name)


def caller_of_process(address: RuntimeAddress) -> Caller:
    """The caller of a server on standard input and output: the process that started it.

    Errors:  UsageError, if AGENT_SESSION_NAME is no session's name.
    """
    name = _checked_name(address.session_name, "AGENT_SESSION_NAME")
    return Caller(name, address.token, address.token_source, is_process=True)


def caller_of_request(headers: Mapping[str, str]) -> Caller:
    """The caller of an HTTP request. The server lends nobody its own token: each request brings its own.

    Errors:  UsageError, if a header cannot be what it should be.
    """
    name = _checked_name(headers.get(HEADER), "the header X-Agent-Session-Name")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    source = "the request's header 'Authorization: Bearer'"
    if scheme and scheme.lower() != "bearer":
        raise UsageError(f"cannot use the header Authorization: expected 'Bearer TOKEN', found scheme {scheme!r}")
    return Caller(name, _filled_in(token.strip()), source)


def _checked_name(text: str | None, source: str) -> str | None:
    name = _filled_in((text or "").strip())
    if name is None or _SESSION_NAME.fullmatch(name):
        return name
    raise UsageError(f"cannot use {source}: expected a session's name, found {name[:80]!r}")


def _filled_in(value: str) -> str | None:
    # A client sends '${AGENT_SESSION_NAME}' as it stands when the variable is not set: then there is no session.
    return None if not value or value.startswith("${") else value
