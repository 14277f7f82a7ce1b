"""A local stand-in for the model behind Claude Code: the prompt itself says what the model answers."""

from support.model_stand_in.records import RecordedRequest
from support.model_stand_in.server import ModelStandIn

__all__ = ["ModelStandIn", "RecordedRequest"]
