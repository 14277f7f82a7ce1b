"""Why a Claude Code turn failed, from the fields of its result and never from its text."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_backends.client.failures import one_line, reason_of_status
from agent_backends.protocol import Limit
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject

# What the client itself calls the failure of a model call.
_REASON_OF_MODEL_ERROR: Mapping[str, Reason] = {
    "authentication_failed": Reason.BACKEND_AUTH,
    "oauth_org_not_allowed": Reason.BACKEND_AUTH,
    "billing_error": Reason.QUOTA_EXHAUSTED,
    "rate_limit": Reason.RATE_LIMITED,
    "overloaded": Reason.MODEL_OVERLOADED,
}

_REASON_OF_TERMINAL: Mapping[str, Reason] = {
    "prompt_too_long": Reason.CONTEXT_OVERFLOW,
    "max_turns": Reason.BUDGET_EXCEEDED,
}

_REASON_OF_SUBTYPE: Mapping[str, Reason] = {
    "error_max_turns": Reason.BUDGET_EXCEEDED,
    "error_max_budget_usd": Reason.BUDGET_EXCEEDED,
}


_CALL_FAILED = "api_error"
# Answers that say nothing of a failure: the connection was lost before, or in the middle of one.
_NO_ANSWER = frozenset({None, 200})
_NAMES_OF_LIMITS: Mapping[str, str] = {
    "five_hour": "5-hour limit",
    "seven_day": "weekly limit",
    "seven_day_opus": "weekly limit of Opus",
    "seven_day_sonnet": "weekly limit of Sonnet",
    "overage": "limit of extra usage",
}
_OF_ONE_MODEL = frozenset({"seven_day_opus", "seven_day_sonnet"})
_GOES_ON = ("allowed", "allowed_warning")


def limit_in(info: JsonObject) -> Limit | None:
    """Return the limit that a rate-limit event tells of, if it is used up.

    An event that names neither a limit nor a time comes with any 429, also one that is over in a moment. One that is
    rejected while extra usage is allowed tells of calls that succeed, and are paid for beside the limit.
    """
    kind, told = str(info.get("rateLimitType") or ""), info.get("resetsAt")
    is_time = isinstance(told, int | float) and not isinstance(told, bool)
    at = float(str(told)) if is_time else None
    is_paid_for = info.get("isUsingOverage") is True or info.get("overageStatus") in _GOES_ON
    if info.get("status") != "rejected" or is_paid_for or not (kind or at):
        return None
    name = _NAMES_OF_LIMITS.get(kind) or kind.replace("_", " ") or None
    return Limit(name, at, kind in _OF_ONE_MODEL)


@dataclass(frozen=True)
class ClientResult:
    """What the client reports at the end of a turn.

    Shape:   `model_error` is the client's own word for a failed model call, `limit` the account's limit if that is used
             up.
    """

    is_error: bool
    subtype: str
    text: str = ""
    errors: tuple[str, ...] = ()
    api_status: int | None = None
    terminal_reason: str | None = None
    model_error: str | None = None
    limit: Limit | None = None
    model_calls: int | None = None


def reason_of(result: ClientResult) -> Reason:
    """The code for a failed turn, from the most telling field to the least."""
    told = (
        # First: a limit may be used up in a turn that fails of something else.
        _REASON_OF_TERMINAL.get(result.terminal_reason or "")
        or _REASON_OF_SUBTYPE.get(result.subtype)
        or (Reason.QUOTA_EXHAUSTED if result.limit is not None else None)
        or _REASON_OF_MODEL_ERROR.get(result.model_error or "")
        or reason_of_status(result.api_status)
    )
    is_cut_off = result.terminal_reason == _CALL_FAILED and result.api_status in _NO_ANSWER
    return told or (Reason.MODEL_UNREACHABLE if is_cut_off else Reason.NONZERO_EXIT)


def sentence_of(result: ClientResult) -> str:
    """The failure in one line, with the facts that a person would look for."""
    status = f", HTTP status {result.api_status}" if result.api_status else ""
    explanation = result.text or "; ".join(result.errors) or "no explanation"
    cause = f"{result.terminal_reason or result.subtype}{status}"
    return f"Claude Code could not finish the turn ({cause}): {one_line(explanation)}"
