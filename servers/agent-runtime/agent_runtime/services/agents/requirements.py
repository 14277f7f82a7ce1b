"""What an order must know of its agent, without knowing where agents come from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent_runtime.domain.json import Json
from agent_runtime.domain.permissions import Permissions
from agent_runtime.domain.question import QuestionTerms
from agent_runtime.domain.quota_hold import QuotaOf

PREFERRED = ("claude", "codex", "opencode", "gemini")
"""The agents that an order without an agent is for: the first one that can run."""


@dataclass(frozen=True)
class AgentNeeds:
    """What an agent asks of the launcher that runs it, what it may cost, and whether it may be started now.

    Shape:   `client` is the client that it runs, None if nobody but its launcher can tell; `permissions` is None if
             its blueprint says nothing of them; `asks` is whether it can be held to what somebody above it may not do,
             and `asks_for` are the tools for which that holds; `quota` says whose limits it uses up; `retries` are for
             its jobs, `fallbacks` the agents for new sessions while its limit is used up; `checks` are asked of the
             ends of its jobs.
    """

    name: str
    active: bool
    labels: Mapping[str, str]
    limits: Mapping[str, Json] = field(default_factory=dict)
    client: str | None = None
    permissions: Permissions | None = None
    terms: QuestionTerms = field(default_factory=QuestionTerms)
    asks: bool = False
    asks_for: Sequence[str] = ("*",)
    quota: QuotaOf | None = None
    retries: Mapping[str, Json] = field(default_factory=dict)
    fallbacks: Sequence[str] = ()
    checks: Mapping[str, Json] = field(default_factory=dict)
    sandbox: Json = None


FindAgent = Callable[[str], AgentNeeds | None]
"""Looks an agent up by its name; it is asked inside a transaction, so it must not wait for anything."""
