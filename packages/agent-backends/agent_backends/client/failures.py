"""Why a client's turn failed, from numbers and typed words, never from its text."""

import signal
from collections.abc import Mapping

from agent_backends.protocol import CannotRunError, Outcome, Turn
from runtime_client.reasons import Reason

_REASON_OF_STATUS: Mapping[int, Reason] = {
    401: Reason.BACKEND_AUTH,
    402: Reason.QUOTA_EXHAUSTED,
    403: Reason.BACKEND_AUTH,
    404: Reason.INVALID_PARAMETERS,
    413: Reason.CONTEXT_OVERFLOW,
    408: Reason.MODEL_UNREACHABLE,
    429: Reason.RATE_LIMITED,
}
_SERVICE_FAILED = range(500, 600)
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)


def reason_of_status(status: int | None) -> Reason | None:
    """Return what the HTTP status of a failed model call means; None if it may mean anything."""
    # What a service says from 500 on is its own trouble, and most often over after a while.
    return Reason.MODEL_OVERLOADED if status in _SERVICE_FAILED else _REASON_OF_STATUS.get(status or 0)


def died(title: str, exit_code: int | None, last_words: str, result_text: str) -> Outcome:
    """Return the outcome of a turn whose client ended, or closed its output, before it was done."""
    reason = Reason.SIGNAL if exit_code is not None and (exit_code < 0 or exit_code > 128) else Reason.NONZERO_EXIT
    hint = " (killed from outside, most often because the memory ran out)" if exit_code in _KILLED else ""
    said = one_line(last_words) or "it said nothing"
    return Outcome.failed(reason, f"{title} ended without a result (exit code {exit_code}): {said}{hint}", result_text)


def wrong_option(turn: Turn, found: object) -> CannotRunError:
    """Return the error of a blueprint whose options or limits cannot be kept."""
    return CannotRunError(
        Reason.INVALID_PARAMETERS, f"cannot run agent {turn.blueprint.name!r}: in its agent.json {found}"
    )


def one_line(text: str) -> str:
    """A text with its line breaks taken out, for a sentence."""
    return " ".join(text.split())
