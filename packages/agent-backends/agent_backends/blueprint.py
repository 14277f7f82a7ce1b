"""What an agent is, as it can be run on this machine, and what its processes run in."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from runtime_client.wire import JsonObject


@dataclass(frozen=True)
class Bubblewrap:
    """Namespaces made by `bwrap`: the project folder can be written, home and secrets are out of sight.

    Shape:   `readable` and `writable` are the blueprint's own wishes; `needed` are folders of ours that agents use,
             `hidden` those that no agent is to see.
    """

    home: Path
    has_network: bool = True
    readable: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    needed: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Wrapper:
    """Another program that runs the agent's command, which is put after its own words."""

    command: tuple[str, ...]


Sandbox: TypeAlias = Bubblewrap | Wrapper


@dataclass(frozen=True)
class Blueprint:
    """What an agent is: its words, its backend and its tools.

    Shape:   `folder` is where its files live on this machine, None if they are not here; `sandbox` is what every
             process of the agent runs in; `mcp_servers` maps a server's name to its settings as `agent.mcp.json` has
             them, with the placeholders already filled in; `system_prompt` is empty if there is none.
    """

    name: str
    backend: str
    command: tuple[str, ...] = ()
    model: str | None = None
    system_prompt: str = ""
    mcp_servers: JsonObject = field(default_factory=dict)
    limits: JsonObject = field(default_factory=dict)
    options: JsonObject = field(default_factory=dict)
    folder: Path | None = None
    sandbox: Sandbox | None = None
    stalls: JsonObject = field(default_factory=dict)
