"""What a blueprint may say of permissions and questions, and whether its kind of agent can be held to it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agent_runtime.domain.json import Json
from agent_runtime.domain.permissions import read_permissions
from agent_runtime.domain.question import QuestionTerms

_MONTH_SECONDS = 30 * 86_400.0
_Rule = Annotated[str, Field(min_length=1, max_length=500)]
_Rules = Annotated[list[_Rule], Field(max_length=200)]
PermissionWord = Literal["allow", "ask", "deny"]


class PermissionRulesText(BaseModel):
    """Rules about some calls of tools, and what holds for all others."""

    model_config = ConfigDict(extra="forbid", strict=True)

    default: PermissionWord = "ask"
    allow: _Rules = []
    ask: _Rules = []
    deny: _Rules = []


class QuestionsText(BaseModel):
    """What holds for what an agent asks.

    Units:   `give_way_seconds` is how long its process waits for an answer before it ends and lets others have its
             place; left out, it waits as long as the question is open.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    expire_seconds: Annotated[float, Field(ge=1, le=_MONTH_SECONDS)] | None = None
    at_expiry: Literal["deny", "allow", "stop"] | None = None
    parent: Literal["nothing", "told", "may_answer"] | None = None
    give_way_seconds: Annotated[float, Field(ge=0, le=_MONTH_SECONDS)] | None = None


def checked_permissions(value: JsonValue) -> JsonValue:
    """Refuse what is no policy, before its parts are looked at.

    Errors:  ValueError.
    """
    read_permissions(value)
    return value


def terms_of(said: Json) -> QuestionTerms:
    """Read what a blueprint says of questions."""
    return QuestionTerms().but(said if isinstance(said, dict) else {})
