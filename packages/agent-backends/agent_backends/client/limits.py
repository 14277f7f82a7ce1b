"""Limits of a blueprint that a kind of client gives nobody the means to hold."""

from collections.abc import Mapping

from runtime_client.wire import JsonObject, UnexpectedAnswerError

_OF_A_PROMPT = ("max_tokens", "max_turns", "max_cost_usd", "max_run_seconds")


def refuse_limits(limits: JsonObject, cannot_hold: Mapping[str, str]) -> None:
    """Refuse a limit that would be passed over in silence, and name those that do hold.

    Shape:   `cannot_hold` says why, by the limit's name.
    Errors:  UnexpectedAnswerError.
    """
    for name, because in cannot_hold.items():
        if limits.get(name) is not None:
            *first, last = (repr(other) for other in _OF_A_PROMPT if other not in cannot_hold)
            held = f"{', '.join(first)} and {last} can"
            raise UnexpectedAnswerError(f"{name!r} of its limits cannot be held: {because} ({held})")
