"""Where what belongs to a command lies: in a checkout, or in the environment that a wheel was installed into."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installation:
    """The places of one installation.

    Shape:   `root` is `AGENT_ORCHESTRATOR_ROOT`, which holds `agents/`; `commands` is where the `ao-*` commands are,
             and `are_commands_alone` whether nothing else is; `mcp_server` is that program; `needed` are the folders
             without which none of these runs.
    """

    root: Path
    commands: Path
    are_commands_alone: bool
    mcp_server: Path
    needed: tuple[Path, ...]


def installation_of(command: Path) -> Installation:
    """Find it by the place of one of its commands."""
    commands = command.resolve().parent
    checkout = commands.parent
    if (checkout / "packages" / "agent-backends").is_dir():
        server = checkout / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py"
        return Installation(checkout, commands, True, server, (checkout,))
    # Our modules lie side by side there, and beside them what is no module.
    tree = Path(__file__).resolve().parents[1] / "agent_orchestrator" / "tree"
    needed = tuple(dict.fromkeys((Path(sys.prefix), Path(sys.prefix).resolve())))
    return Installation(tree, commands, False, commands / "agent-orchestrator-mcp", needed)
