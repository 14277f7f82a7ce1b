"""What a blueprint may limit: what each prompt, each session and its tree may cost, and how many run at once."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def number_or_nothing(value: object) -> object:
    """Refuse what only looks like a number.

    Errors:  ValueError.
    """
    # Python counts with true and false; and a text is no number, though it may look like one.
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError("a number is expected")
    return value


_Count = Annotated[int, Field(ge=0, le=10**12, strict=False), BeforeValidator(number_or_nothing)]
_Amount = Annotated[float, Field(ge=0, le=10**9), BeforeValidator(number_or_nothing)]


class LimitsText(BaseModel):
    """The limits of an agent; one that we do not know is refused, for nothing would ever be held to it.

    Units:   US dollars; tokens of all kinds together; seconds in which the agent's jobs ran, added up. `max_turns` and
             `max_running` are of one prompt and of all the agent's jobs together, the others of a session.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    max_turns: _Count | None = None
    max_running: _Count | None = None
    max_depth: _Count | None = None
    max_children: _Count | None = None
    max_tree_sessions: _Count | None = None
    max_cost_usd: _Amount | None = None
    max_tokens: _Count | None = None
    max_run_seconds: _Amount | None = None
    max_tree_cost_usd: _Amount | None = None
    max_tree_tokens: _Count | None = None
    max_tree_run_seconds: _Amount | None = None
