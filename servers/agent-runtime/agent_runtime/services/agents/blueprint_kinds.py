"""Which kinds of agents a blueprint may name.

The runtime runs no agent and imports no backend: their names lie here as a file, which a test keeps up to date. What
their options may be is for the backend to say, where the agent runs.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path

from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.near_words import did_you_mean


@functools.cache
def known_backends() -> Sequence[str]:
    """Return the names of the kinds of agents."""
    names: list[str] = json.loads(Path(__file__).with_name("backends.json").read_bytes())
    return tuple(names)


def known_backend(name: str) -> str:
    """Return the name of a kind of agent if there is one of that name.

    Errors:  ValueError.
    """
    known = known_backends()
    if name not in known:
        hint = did_you_mean(name, known) or f" (there are: {', '.join(known)})"
        raise ValueError(f"there is no backend {name!r}{hint}")
    return name


def say_backends(schema: JsonObject) -> None:
    """Say in a schema which names are known."""
    schema["enum"] = list(known_backends())
