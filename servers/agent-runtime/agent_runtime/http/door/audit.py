"""What of the requests goes into the audit: everything that changes something, and everything that was refused."""

from collections.abc import Callable

from starlette.types import Scope

from agent_runtime.http.door.rules import Matched, Rule
from agent_runtime.http.wire.answers import short
from agent_runtime.services.access.callers import Caller

Note = Callable[[Caller | None, str, str, str, int], None]
"""Takes who it was, from where, the route, what the path named, and our answer."""

_REFUSED = frozenset({401, 403})
REFUSED_AS_FOREIGN = "refused_as_foreign"
"""Marks in a request's state that it named what belongs to somebody else, and was told that there is no such thing."""
_LOOKING = frozenset({"GET", "HEAD"})
# What running work says of itself; the jobs' own events tell the same, and there is very much of it.
_SPOKEN_BY_WORK = (
    "/launcher/jobs/",
    "/launcher/reports",
    "/launcher/heartbeat",
    "/sessions/{session}/events",
    "/sessions/{session}/metadata",
    "/questions/{question_id}/take",
)
_ASKED_BY_WORK = "/questions"


class AuditedRequests:
    """Decides what is noted; query strings and bodies never are, for they may hold secrets."""

    def __init__(self, note: Note) -> None:
        self._note = note

    def note(self, scope: Scope, status: int) -> None:
        """Note a request that was answered, if it is worth it."""
        state = scope.get("state", {})
        matched = state.get("matched")
        if not isinstance(matched, Matched) or not status:
            return
        if status not in _REFUSED and REFUSED_AS_FOREIGN not in state and not _changes_something(matched.rule):
            return
        caller = state.get("caller")
        client = scope.get("client")
        self._note(
            caller if isinstance(caller, Caller) else None,
            short(str(client[0]), 60) if client else "unknown",
            f"{matched.rule.method} {matched.rule.path}",
            short(" ".join(matched.names.values()), 100),
            status,
        )


def _changes_something(rule: Rule) -> bool:
    is_of_work = rule.path.startswith(_SPOKEN_BY_WORK) or rule.path == _ASKED_BY_WORK
    return rule.method not in _LOOKING and not is_of_work
