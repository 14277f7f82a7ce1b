"""A local stand-in for the models behind the real clients: the prompt itself says what the model answers."""

from support.model_stand_in.records import RecordedRequest
from support.model_stand_in.server import ModelStandIn

__all__ = ["ModelStandIn", "RecordedRequest"]
