"""What a blueprint may say of turns that give no sign of life."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from agent_runtime.services.agents.blueprint_limits import number_or_nothing

STALL_SECONDS_MAX = 31_536_000
_Seconds = Annotated[float, Field(ge=0, le=STALL_SECONDS_MAX), BeforeValidator(number_or_nothing)]
_Tool = Annotated[str, Field(min_length=1, max_length=200)]
# Said by hand: the schema that is made of a `dict` does not say how long its names may be.
_Tools = Annotated[
    dict[_Tool, _Seconds],
    Field(max_length=100, json_schema_extra={"propertyNames": {"minLength": 1, "maxLength": 200}}),
]


class StallsText(BaseModel):
    """How long a turn may go without a sign of life: no event, no output, no processor time of its processes.

    First it is told (`session.stalled`), and if that goes on the turn is stopped and has failed as `stalled`. `tools`
    says when it is stopped while a tool runs, by the tool's name, `*` for any.

    Units:   seconds; 0 is never.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    told_after_seconds: _Seconds | None = None
    stopped_after_seconds: _Seconds | None = None
    tools: _Tools | None = None
