"""The Messages API, as the dialect that needs no translation."""

from support.model_stand_in.answers import as_events, error_body
from support.model_stand_in.answers import as_message as as_object
from support.model_stand_in.wire import JsonObject

__all__ = ["as_events", "as_object", "error_body", "to_messages"]


def to_messages(body: JsonObject) -> JsonObject:
    """It is what is asked."""
    return body
