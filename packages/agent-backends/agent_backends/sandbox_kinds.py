"""What kinds of sandboxes there are."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


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
