"""Why a Claude Code turn failed, told from the fields of its result and never from its text."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_backends.protocol import Ending, Outcome
from runtime_client.reasons import Reason

# What the client itself calls the failure of a model call.
_REASON_OF_MODEL_ERROR: Mapping[str, Reason] = {
    "authentication_failed": Reason.BACKEND_AUTH,
    "oauth_org_not_allowed": Reason.BACKEND_AUTH,
    "billing_error": Reason.QUOTA_EXHAUSTED,
    "rate_limit": Reason.RATE_LIMITED,
    "overloaded": Reason.RATE_LIMITED,
}

# 500 and 503 are absent: nobody knows what they mean, and a try may or may not help.
_REASON_OF_STATUS: Mapping[int, Reason] = {
    401: Reason.BACKEND_AUTH,
    402: Reason.QUOTA_EXHAUSTED,
    403: Reason.BACKEND_AUTH,
    404: Reason.INVALID_PARAMETERS,
    413: Reason.CONTEXT_OVERFLOW,
    429: Reason.RATE_LIMITED,
    529: Reason.RATE_LIMITED,
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
class Verdict:
    """What the client said at the end of a turn.

    Shape:   `model_error` is the client's own word for a failed model call, `is_limit_reached` whether it said that
             the account's limit is used up.
    """

    is_error: bool
    subtype: str
    text: str = ""
    errors: tuple[str, ...] = ()
    api_status: int | None = None
    terminal_reason: str | None = None
    model_error: str | None = None
    is_limit_reached: bool = False
    turns: int | None = None


def failed(reason: Reason, error: str) -> Outcome:
    """A failure before the agent said anything."""
    return Outcome(Ending.FAILED, reason=reason, error=error)


def reason_of(verdict: Verdict) -> Reason:
    """The code for a failed turn, from the most telling field to the least."""
    if verdict.is_limit_reached:
        return Reason.QUOTA_EXHAUSTED
    return (
        _REASON_OF_TERMINAL.get(verdict.terminal_reason or "")
        or _REASON_OF_SUBTYPE.get(verdict.subtype)
        or _REASON_OF_MODEL_ERROR.get(verdict.model_error or "")
        or _REASON_OF_STATUS.get(verdict.api_status or 0)
        or Reason.NONZERO_EXIT
    )


def sentence_of(verdict: Verdict) -> str:
    """The failure in one line, with the facts that a person would look for."""
    status = f", HTTP status {verdict.api_status}" if verdict.api_status else ""
    said = verdict.text or "; ".join(verdict.errors) or "no explanation"
    cause = f"{verdict.terminal_reason or verdict.subtype}{status}"
    return f"Claude Code could not finish the turn ({cause}): {one_line(said)}"


def one_line(text: str) -> str:
    """A text with its line breaks taken out, for a sentence."""
    return " ".join(text.split())
