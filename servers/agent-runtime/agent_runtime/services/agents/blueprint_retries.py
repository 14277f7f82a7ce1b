"""What an agent or an order may say of further tries."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent_runtime.domain.retries import TRIES_MAX, UNTIL_RESET, WITHIN_SECONDS_MAX
from agent_runtime.services.agents.blueprint_limits import number_or_nothing

_Tries = Annotated[int, Field(ge=0, le=TRIES_MAX, strict=False), BeforeValidator(number_or_nothing)]


def _is_tries(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == value // 1 and 0 <= value <= TRIES_MAX


def _tries_or_until_reset(value: object) -> object:
    if value is not None and value != UNTIL_RESET and not _is_tries(value):
        raise ValueError(f"'{UNTIL_RESET}' or a number from 0 to {TRIES_MAX} is expected")
    return value


class RetriesText(BaseModel):
    """How often a job is tried again by itself after failures of each class, and for how long at most.

    `until_reset` is as often as the account's limit ends; `within_seconds`, counted from the first try on, holds for
    whatever is counted.
    """

    model_config = ConfigDict(extra="forbid")

    infrastructure: _Tries | None = None
    network: _Tries | None = None
    overloaded: _Tries | None = None
    quota: Annotated[Literal["until_reset"] | _Tries | None, BeforeValidator(_tries_or_until_reset)] = None
    agent: _Tries | None = None
    within_seconds: Annotated[float, Field(ge=0, le=WITHIN_SECONDS_MAX), BeforeValidator(number_or_nothing)] | None = (
        None
    )
