"""Limits of a blueprint that a kind of client gives nobody the means to hold."""

from runtime_client.wire import JsonObject, UnexpectedAnswerError


def refuse_limit(limits: JsonObject, name: str, because: str, *others: str) -> None:
    """Refuse a limit that would be passed over in silence, and name those that do hold.

    Errors:  UnexpectedAnswerError.
    """
    if limits.get(name) is not None:
        *first, last = (f"{other!r}" for other in others)
        held = f"{', '.join(first)} and {last} can"
        raise UnexpectedAnswerError(f"{name!r} of its limits cannot be held: {because} ({held})")
