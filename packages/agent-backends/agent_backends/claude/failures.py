"""Why a Claude Code turn failed, from the fields of its result and never from its text."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_backends.client.failures import one_line, reason_of_status
from runtime_client.reasons import Reason

# What the client itself calls the failure of a model call.
_REASON_OF_MODEL_ERROR: Mapping[str, Reason] = {
    "authentication_failed": Reason.BACKEND_AUTH,
    "oauth_org_not_allowed": Reason.BACKEND_AUTH,
    "billing_error": Reason.QUOTA_EXHAUSTED,
    "rate_limit": Reason.RATE_LIMITED,
    "overloaded": Reason.RATE_LIMITED,
}

_REASON_OF_TERMINAL: Mapping[str, Reason] = {
    "prompt_too_long": Reason.CONTEXT_OVERFLOW,
    "max_turns": Reason.BUDGET_EXCEEDED,
}

_REASON_OF_SUBTYPE: Mapping[str, Reason] = {
    "error_max_turns": Reason.BUDGET_EXCEEDED,
    "error_max_budget_usd": Reason.BUDGET_EXCEEDED,
}


@dataclass(frozen=True)
class ClientResult:
    """What the client reports at the end of a turn.

    Shape:   `model_error` is the client's own word for a failed model call, `is_limit_reached` whether the account's
             limit is used up.
    """

    is_error: bool
    subtype: str
    text: str = ""
    errors: tuple[str, ...] = ()
    api_status: int | None = None
    terminal_reason: str | None = None
    model_error: str | None = None
    is_limit_reached: bool = False
    model_calls: int | None = None


def reason_of(result: ClientResult) -> Reason:
    """The code for a failed turn, from the most telling field to the least."""
    if result.is_limit_reached:
        return Reason.QUOTA_EXHAUSTED
    return (
        _REASON_OF_TERMINAL.get(result.terminal_reason or "")
        or _REASON_OF_SUBTYPE.get(result.subtype)
        or _REASON_OF_MODEL_ERROR.get(result.model_error or "")
        or reason_of_status(result.api_status)
        or Reason.NONZERO_EXIT
    )


def sentence_of(result: ClientResult) -> str:
    """The failure in one line, with the facts that a person would look for."""
    status = f", HTTP status {result.api_status}" if result.api_status else ""
    explanation = result.text or "; ".join(result.errors) or "no explanation"
    cause = f"{result.terminal_reason or result.subtype}{status}"
    return f"Claude Code could not finish the turn ({cause}): {one_line(explanation)}"
