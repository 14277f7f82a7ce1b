"""What a blueprint may say of permissions and questions, and whether its kind of agent can be held to it."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from agent_runtime.domain.json import Json
from agent_runtime.domain.permissions import Permissions, Verdict, read_permissions
from agent_runtime.domain.question import QuestionTerms

REJECT = "reject"
"""The option of all kinds by which an agent may do nothing that it would have to ask for."""
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


def policy_of(said: PermissionRulesText | str | None) -> Json:
    """Give what was said of permissions; rules that say nothing have a default, and are not nothing said."""
    if not isinstance(said, PermissionRulesText):
        return said
    return said.model_dump(mode="json", exclude_unset=True) or {"default": said.default}


def permissions_in(said: Json, options: Mapping[str, Json]) -> Permissions | None:
    """Read what a blueprint says of permissions, in that word or in the option that says no to all.

    Errors:  ValueError.
    """
    if said is None and options.get("permission") == REJECT:
        return read_permissions(Verdict.DENY.value)
    return read_permissions(said)


def terms_of(said: Json) -> QuestionTerms:
    """Read what a blueprint says of questions."""
    return QuestionTerms().but(said if isinstance(said, dict) else {})
