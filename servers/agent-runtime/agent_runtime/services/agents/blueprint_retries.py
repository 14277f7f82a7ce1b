"""What an agent or an order may say of further tries."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent_runtime.domain.retries import TRIES_MAX, WITHIN_SECONDS_MAX
from agent_runtime.services.agents.blueprint_limits import number_or_nothing

_Tries = Annotated[int, Field(ge=0, le=TRIES_MAX, strict=False), BeforeValidator(number_or_nothing)]


class RetriesText(BaseModel):
    """How often a job is tried again by itself after failures of each class, and for how long at most.

    `until_reset` is as often as the account's limit ends; `within_seconds`, counted from the first try on, holds for
    whatever is counted.
    """

    model_config = ConfigDict(extra="forbid")

    infrastructure: _Tries | None = None
    network: _Tries | None = None
    overloaded: _Tries | None = None
    quota: Literal["until_reset"] | _Tries | None = None
    agent: _Tries | None = None
    within_seconds: Annotated[float, Field(ge=0, le=WITHIN_SECONDS_MAX), BeforeValidator(number_or_nothing)] | None = (
        None
    )
