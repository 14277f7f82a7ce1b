"""Why a turn failed, from what the protocol's errors carry and never from a text alone."""

import json
from collections.abc import Iterator, Mapping

from agent_backends.client.failures import one_line, reason_of_status
from agent_backends.client.loose import whole
from agent_backends.client.peer import RefusedByPeerError
from agent_backends.protocol import Outcome
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject

AUTH_REQUIRED = -32000
# Deeper than any adapter hides what it means.
DEPTH_MAX = 20

_STOP_REASONS: Mapping[str, tuple[Reason, str]] = {
    "max_tokens": (Reason.CONTEXT_OVERFLOW, "the model's answer or its context has no room left"),
    "max_turn_requests": (Reason.BUDGET_EXCEEDED, "as many calls to the model as it allows itself for one prompt"),
    "refusal": (Reason.NONZERO_EXIT, "it refused to go on"),
    "cancelled": (Reason.NONZERO_EXIT, "it was cancelled, and not by us"),
}
# Fields under which adapters tell of the HTTP answer, or of its kind, that made a turn fail.
_STATUS_FIELDS = ("statusCode", "status", "httpStatus", "http_status", "httpStatusCode", "code", "api_error_status")
_KIND_FIELDS = ("errorKind", "kind", "type", "error", "codexErrorInfo", "subtype", "name", "reason")
_KINDS: Mapping[str, Reason] = {
    "authentication_failed": Reason.BACKEND_AUTH,
    "authentication_error": Reason.BACKEND_AUTH,
    "unauthorized": Reason.BACKEND_AUTH,
    "permission_error": Reason.BACKEND_AUTH,
    "billing_error": Reason.QUOTA_EXHAUSTED,
    "usageLimitExceeded": Reason.QUOTA_EXHAUSTED,
    "rate_limit": Reason.RATE_LIMITED,
    "rate_limit_error": Reason.RATE_LIMITED,
    "rateLimitExceeded": Reason.RATE_LIMITED,
    "overloaded": Reason.RATE_LIMITED,
    "overloaded_error": Reason.RATE_LIMITED,
    "serverOverloaded": Reason.RATE_LIMITED,
    "contextWindowExceeded": Reason.CONTEXT_OVERFLOW,
    "prompt_too_long": Reason.CONTEXT_OVERFLOW,
    "auth_required": Reason.BACKEND_AUTH,
    "quota_exhausted": Reason.QUOTA_EXHAUSTED,
    "rate_limited": Reason.RATE_LIMITED,
    "context_exhausted": Reason.CONTEXT_OVERFLOW,
    "budget_exhausted": Reason.BUDGET_EXCEEDED,
    "error_max_turns": Reason.BUDGET_EXCEEDED,
    "error_max_budget_usd": Reason.BUDGET_EXCEEDED,
}


def refused(title: str, doing: str, refusal: RefusedByPeerError, result_text: str = "") -> Outcome:
    """Return the outcome of a turn in which the agent answered a request with an error."""
    reason = Reason.BACKEND_AUTH if refusal.code == AUTH_REQUIRED else reason_in(refusal.content)
    details = _details(refusal)
    sentence = f"{title} answered {doing} with error {refusal.code}: {one_line(refusal.message)}{details}"
    return Outcome.failed(reason or Reason.NONZERO_EXIT, sentence, result_text)


def reason_in(content: Json) -> Reason | None:
    """Return what typed words and numbers in an error's data mean, wherever in it they stand."""
    for found in _objects(content):
        for field in _KIND_FIELDS:
            kind = found.get(field)
            if isinstance(kind, str) and kind in _KINDS:
                return _KINDS[kind]
        for field in _STATUS_FIELDS:
            if (reason := reason_of_status(whole(found, field))) is not None:
                return reason
    return None


def failure_in(answer: JsonObject) -> JsonObject | None:
    """Return the typed failure that an adapter hides in the answer to a prompt that has ended normally."""
    for found in _objects(answer.get("_meta")):
        failure = found.get("sessionFailure")
        if isinstance(failure, Mapping):
            return failure
    return None


def ended_badly(title: str, stop_reason: str, result_text: str) -> Outcome:
    """Return the outcome of a turn that ended for another reason than that it was done."""
    reason, meaning = _STOP_REASONS.get(stop_reason, (Reason.NONZERO_EXIT, "nobody here knows what that means"))
    return Outcome.failed(reason, f"{title} ended the turn with {stop_reason!r}: {meaning}", result_text)


def _details(refusal: RefusedByPeerError) -> str:
    if refusal.content in (None, "", {}):
        return ""
    told = refusal.content if isinstance(refusal.content, str) else json.dumps(refusal.content, ensure_ascii=False)
    return f" ({one_line(told)[:1000]})"


def _objects(value: Json, depth: int = 0) -> Iterator[JsonObject]:
    if depth > DEPTH_MAX:
        return
    if isinstance(value, Mapping):
        yield value
    nested = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for item in nested:
        yield from _objects(item, depth + 1)
