"""What the data of an error means, by its typed words and numbers, wherever in it they stand."""

from collections.abc import Iterator, Mapping

from agent_backends.client.failures import reason_of_status
from agent_backends.client.loose import whole
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject

# Deeper than any adapter hides what it means.
DEPTH_MAX = 20
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
    "overloaded": Reason.MODEL_OVERLOADED,
    "overloaded_error": Reason.MODEL_OVERLOADED,
    "serverOverloaded": Reason.MODEL_OVERLOADED,
    "api_error": Reason.MODEL_OVERLOADED,
    "server_error": Reason.MODEL_OVERLOADED,
    "internalServerError": Reason.MODEL_OVERLOADED,
    "connection_failed": Reason.MODEL_UNREACHABLE,
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


# What Codex writes as the name of a field, beside what it knows of that kind.
_TAGS: Mapping[str, Reason] = {
    "httpConnectionFailed": Reason.MODEL_UNREACHABLE,
    "responseStreamConnectionFailed": Reason.MODEL_UNREACHABLE,
    "responseStreamDisconnected": Reason.MODEL_UNREACHABLE,
    "responseTooManyFailedAttempts": Reason.MODEL_UNREACHABLE,
}


def reason_in(content: Json) -> Reason | None:
    """Return what typed words and numbers in an error's data mean, wherever in it they stand."""
    for found in objects_in(content):
        for field in _KIND_FIELDS:
            kind = found.get(field)
            if isinstance(kind, str) and kind in _KINDS:
                return _KINDS[kind]
        for field in _STATUS_FIELDS:
            if (reason := reason_of_status(whole(found, field))) is not None:
                return reason
    # Last: which kind of trouble it was is told by a status in it, where there was an answer.
    return next((_TAGS[tag] for found in objects_in(content) for tag in found if tag in _TAGS), None)


def objects_in(value: Json, depth: int = 0) -> Iterator[JsonObject]:
    """Yield every object in a value, the outer ones first."""
    if depth > DEPTH_MAX:
        return
    if isinstance(value, Mapping):
        yield value
    nested = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    for item in nested:
        yield from objects_in(item, depth + 1)
