"""An agent blueprint: what an agent is, before any session of it exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from agent_runtime.domain.json import Json


class Source(StrEnum):
    """Whose folder a blueprint lies in; the user's wins over a shipped one of the same name."""

    SHIPPED = "shipped"
    USER = "user"


@dataclass(frozen=True)
class Blueprint:
    """What a blueprint says, checked.

    Shape:   `mcp_servers` maps a server's name to its settings, with references to secrets left as they are; `sandbox`
             is what the launcher's machine puts around the agent, None for nothing; `retries` says how often its jobs
             are tried again, `checks` what is asked of their ends, `fallbacks` which agents new sessions get while its
             limit is used up, `stalls` how long a turn may go without a sign of life.
    """

    backend: str
    description: str = ""
    command: Sequence[str] = ()
    model: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Json] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    system_prompt: str = ""
    mcp_servers: Mapping[str, Json] = field(default_factory=dict)
    sandbox: Json = None
    permissions: Json = None
    questions: Mapping[str, Json] = field(default_factory=dict)
    retries: Mapping[str, Json] = field(default_factory=dict)
    checks: Mapping[str, Json] = field(default_factory=dict)
    fallbacks: Sequence[str] = ()
    stalls: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Agent:
    """A blueprint where it lies; one that cannot be read has an `error` and no `blueprint`."""

    name: str
    source: Source
    path: Path
    blueprint: Blueprint | None
    error: str | None
    active: bool = True
