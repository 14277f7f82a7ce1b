"""Finds the launchers for which a request speaks, wherever it names them."""

import json
from urllib.parse import parse_qsl

from starlette.types import Scope

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.json import Json
from agent_runtime.http.rules import Body, Matched

_FIELD = "launcher_id"
_HEADER = b"x-launcher-id"


def named_launchers(matched: Matched, scope: Scope, body: bytes | None) -> frozenset[LauncherId]:
    """Read every launcher id in a request's path, query, headers and body; a doubled one is read twice."""
    query = parse_qsl(scope["query_string"].decode("latin-1"))
    found: list[Json] = [value for key, value in query if key == _FIELD]
    found += [value.decode("latin-1") for key, value in scope["headers"] if key == _HEADER]
    found.append(matched.names.get(_FIELD))
    if body and matched.rule.body is not Body.BYTES:
        said: Json = json.loads(body)
        found.append(said.get(_FIELD) if isinstance(said, dict) else None)
    return frozenset(LauncherId(value) for value in found if isinstance(value, str) and value)
