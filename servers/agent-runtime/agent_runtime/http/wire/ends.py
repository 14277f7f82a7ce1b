"""What a launcher tells of what an attempt consumed, and of the limit that it ran into."""

from typing import Annotated

from pydantic import BaseModel, Field

from agent_runtime.domain.quota_hold import Limit
from agent_runtime.http.wire.fields import GivenTime, NotBool, PlainText

Bytes = NotBool[Annotated[int, Field(ge=0, le=2**53)]]


class UsageBody(BaseModel):
    """What an attempt consumed."""

    input_tokens: Bytes = 0
    output_tokens: Bytes = 0
    cache_read_tokens: Bytes = 0
    cache_write_tokens: Bytes = 0


class LimitBody(BaseModel):
    """What the agent's client said of the limit of its account that it ran into.

    `is_of_model` when other models of the same account go on.
    """

    name: Annotated[PlainText, Field(max_length=200)] | None = None
    retry_at: GivenTime | None = None
    is_of_model: bool = False

    def told(self) -> Limit:
        """Say it in the words of the services."""
        return Limit(self.name, self.retry_at, self.is_of_model)
