"""Why a turn failed, from what the protocol's errors carry and never from a text alone."""

import json
from collections.abc import Mapping
from dataclasses import replace

from agent_backends.client.failures import one_line
from agent_backends.client.limits_told import limit_told
from agent_backends.client.peer import RefusedByPeerError
from agent_backends.client.typed_errors import objects_in, reason_in
from agent_backends.protocol import Outcome
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject

AUTH_REQUIRED = -32000

_STOP_REASONS: Mapping[str, tuple[Reason, str]] = {
    "max_tokens": (Reason.CONTEXT_OVERFLOW, "the model's answer or its context has no room left"),
    "max_turn_requests": (Reason.BUDGET_EXCEEDED, "as many calls to the model as it allows itself for one prompt"),
    "refusal": (Reason.NONZERO_EXIT, "it refused to go on"),
    "cancelled": (Reason.NONZERO_EXIT, "it was cancelled, and not by us"),
}


def refused(title: str, doing: str, refusal: RefusedByPeerError, result_text: str = "") -> Outcome:
    """Return the outcome of a turn in which the agent answered a request with an error."""
    reason = Reason.BACKEND_AUTH if refusal.code == AUTH_REQUIRED else reason_in(refusal.content)
    details = _details(refusal)
    sentence = f"{title} answered {doing} with error {refusal.code}: {one_line(refusal.message)}{details}"
    limit = limit_told(reason, refusal.content, sentence)
    return replace(Outcome.failed(reason or Reason.NONZERO_EXIT, sentence, result_text), limit=limit)


def failure_in(answer: JsonObject) -> JsonObject | None:
    """Return the typed failure that an adapter hides in the answer to a prompt that has ended normally."""
    for found in objects_in(answer.get("_meta")):
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
