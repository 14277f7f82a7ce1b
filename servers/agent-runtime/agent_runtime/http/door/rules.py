"""Who may do what: one row for each route. What has no row here cannot be reached.

A session's own token reaches, under `{session}` and `{job_id}`, only its own session and its descendants.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from agent_runtime.services.access.callers import Role

KIB = 1024
MIB = 1024 * KIB

EVENT_BYTES_MAX = MIB
EVENT_BATCH_BYTES_MAX = 8 * MIB
LOG_CHUNK_BYTES_MAX = 256 * KIB
_SMALL_BYTES_MAX = 64 * KIB
REGISTER = "/launcher/register"
STATUS = "/sessions/{session}/status"
HIDDEN = "is_hidden"
"""Marks in a request's state that the caller may not know of the session, where that is no refusal but an answer."""


class Body(Enum):
    """What a route expects behind the headers."""

    JSON = "json"
    AGENT_JSON = "agent_json"
    """JSON that quotes what an agent said: broken characters are mended, not refused."""
    BYTES = "bytes"


@dataclass(frozen=True)
class Rule:
    """What a route takes, and from whom.

    Shape:   `roles` is None for what needs no token.
    """

    method: str
    path: str
    roles: frozenset[Role] | None
    body: Body = Body.JSON
    body_bytes_max: int = _SMALL_BYTES_MAX

    @property
    def is_tolerant(self) -> bool:
        """Whether words that we do not know are passed over: a launcher may be newer than we, or another's."""
        return self.roles is None or self.roles == _LAUNCHERS


_USER = frozenset({Role.USER})
_READERS = frozenset({Role.USER, Role.VIEWER})
_AGENTS = frozenset({Role.USER, Role.SESSION})
_AGENT_READERS = _READERS | _AGENTS
_LAUNCHERS = frozenset({Role.USER, Role.LAUNCHER})
_ALL = frozenset(Role)

RULES: Sequence[Rule] = (
    Rule("GET", "/health", None),
    Rule("GET", "/openapi.json", _ALL),
    Rule("POST", "/jobs", _AGENTS, body_bytes_max=9 * MIB),
    Rule("GET", "/jobs", _READERS),
    Rule("GET", "/jobs/{job_id}", _AGENT_READERS),
    Rule("PATCH", "/jobs/{job_id}", _AGENTS, body_bytes_max=9 * MIB),
    Rule("DELETE", "/jobs/{job_id}", _AGENTS),
    Rule("POST", "/jobs/{job_id}/stop", _AGENTS),
    Rule("POST", "/jobs/{job_id}/retry", _AGENTS),
    Rule("POST", "/jobs/{job_id}/hold", _AGENTS),
    Rule("DELETE", "/jobs/{job_id}/hold", _AGENTS),
    Rule("GET", "/holds", _READERS),
    Rule("PATCH", "/holds/{hold_id}", _USER),
    Rule("DELETE", "/holds/{hold_id}", _USER),
    Rule("GET", "/jobs/{job_id}/log", _AGENT_READERS),
    Rule("GET", "/jobs/{job_id}/attempts", _AGENT_READERS),
    Rule("POST", REGISTER, _LAUNCHERS, body_bytes_max=4 * MIB),
    Rule("GET", "/launcher/jobs", _LAUNCHERS),
    Rule("POST", "/launcher/jobs/{job_id}/started", _LAUNCHERS),
    Rule("POST", "/launcher/jobs/{job_id}/completed", _LAUNCHERS, Body.AGENT_JSON, MIB),
    Rule("POST", "/launcher/jobs/{job_id}/failed", _LAUNCHERS, Body.AGENT_JSON, MIB),
    Rule("POST", "/launcher/jobs/{job_id}/stopped", _LAUNCHERS, Body.AGENT_JSON, MIB),
    Rule("POST", "/launcher/jobs/{job_id}/declined", _LAUNCHERS, Body.AGENT_JSON, MIB),
    Rule("POST", "/launcher/jobs/{job_id}/log", _LAUNCHERS, Body.BYTES, LOG_CHUNK_BYTES_MAX),
    Rule("POST", "/launcher/reports", _LAUNCHERS, Body.AGENT_JSON, 4 * MIB),
    Rule("POST", "/launcher/inquiries/{inquiry_id}", _LAUNCHERS, Body.AGENT_JSON, 4 * MIB),
    Rule("POST", "/launcher/heartbeat", _LAUNCHERS, body_bytes_max=4 * MIB),
    Rule("GET", "/launchers", _READERS),
    Rule("DELETE", "/launchers/{launcher_id}", _LAUNCHERS),
    Rule("POST", "/launchers/{launcher_id}/drain", _USER),
    Rule("POST", "/launchers/{launcher_id}/resume", _USER),
    Rule("GET", "/sessions", _AGENT_READERS),
    Rule("DELETE", "/sessions", _USER),
    Rule("GET", "/sessions/{session}", _AGENT_READERS),
    Rule("DELETE", "/sessions/{session}", _AGENTS),
    Rule("GET", STATUS, _AGENT_READERS),
    Rule("GET", "/sessions/{session}/result", _AGENT_READERS),
    Rule("GET", "/sessions/{session}/events", _AGENT_READERS),
    Rule("POST", "/sessions/{session}/events", _AGENTS, Body.AGENT_JSON, EVENT_BATCH_BYTES_MAX),
    Rule("PATCH", "/sessions/{session}/metadata", _AGENTS, body_bytes_max=256 * KIB),
    Rule("POST", "/sessions/{session}/stop", _AGENTS),
    Rule("GET", "/sessions/{session}/changes", _READERS),
    Rule("GET", "/sessions/{session}/tree", _AGENT_READERS),
    Rule("GET", "/sessions/{session}/messages", _AGENT_READERS),
    Rule("GET", "/sessions/{session}/callbacks", _AGENT_READERS),
    Rule("GET", "/callbacks", _READERS),
    Rule("GET", "/events/stream", _AGENT_READERS),
    Rule("GET", "/questions", _AGENT_READERS),
    Rule("POST", "/questions", _AGENTS, Body.AGENT_JSON, 4 * MIB),
    Rule("GET", "/questions/{question_id}", _AGENT_READERS),
    Rule("POST", "/questions/{question_id}/answer", _AGENTS, body_bytes_max=256 * KIB),
    Rule("POST", "/questions/{question_id}/take", _AGENTS),
    Rule("GET", "/webhooks", _USER),
    Rule("POST", "/webhooks", _USER),
    Rule("DELETE", "/webhooks/{webhook}", _USER),
    Rule("POST", "/webhooks/{webhook}/test", _USER),
    Rule("GET", "/webhooks/{webhook}/deliveries", _USER),
    Rule("GET", "/webhooks/{webhook}/deliveries/{delivery_id}", _USER),
    Rule("POST", "/webhooks/{webhook}/deliveries/{delivery_id}/replay", _USER),
    Rule("POST", "/prune", _USER),
    Rule("GET", "/login", None),
    Rule("POST", "/login", None),
    Rule("POST", "/login-links", _USER),
    Rule("POST", "/logout", _READERS),
    Rule("GET", "/tokens", _USER),
    Rule("POST", "/tokens", _USER),
    Rule("POST", "/tokens/{token_name}/rotate", _USER),
    Rule("DELETE", "/tokens/{token_name}", _USER),
    Rule("GET", "/audit", _USER),
    Rule("GET", "/overview", _READERS),
    Rule("GET", "/metrics", _READERS),
    Rule("GET", "/agents", _ALL),
    Rule("POST", "/agents", _USER, body_bytes_max=2 * MIB),
    Rule("GET", "/agents/{name}", _ALL),
    Rule("PUT", "/agents/{name}", _USER, body_bytes_max=2 * MIB),
    Rule("DELETE", "/agents/{name}", _USER),
    Rule("POST", "/agents/{name}/activate", _USER),
    Rule("POST", "/agents/{name}/deactivate", _USER),
)


@dataclass(frozen=True)
class Matched:
    """The rule for a request, with what its path names."""

    rule: Rule
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Shape:
    pattern: re.Pattern[str]
    by_method: dict[str, Rule]


class RuleBook:
    """Finds the rule for a request."""

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        self._plain: dict[str, dict[str, Rule]] = {}
        self._shapes: dict[str, _Shape] = {}
        for rule in rules:
            if "{" in rule.path:
                shape = self._shapes.setdefault(rule.path, _Shape(_pattern(rule.path), {}))
                shape.by_method[rule.method] = rule
            else:
                self._plain.setdefault(rule.path, {})[rule.method] = rule

    def find(self, method: str, path: str) -> Matched | frozenset[str]:
        """Find the rule of a request, or the methods that this path would take: none if there is no such path."""
        by_method = self._plain.get(path)
        if by_method is not None:
            return Matched(by_method[method]) if method in by_method else frozenset(by_method)
        for shape in self._shapes.values():
            if found := shape.pattern.fullmatch(path):
                rule = shape.by_method.get(method)
                return Matched(rule, found.groupdict()) if rule else frozenset(shape.by_method)
        return frozenset()


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
