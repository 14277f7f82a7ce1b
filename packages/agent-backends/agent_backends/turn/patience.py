"""How long a turn may go without a sign of life, as its blueprint says or by default."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent_backends.blueprint import Blueprint
from runtime_client.wire import nested, optional_number

TOLD_SECONDS = 900.0
# A client asks its model again long before that; but a long answer may come in one piece, and nothing ahead of it.
STOPPED_SECONDS = 3600.0
NEVER = math.inf
ANY_TOOL = "*"
# Tools in which another agent works, with a model of its own.
_OF_AGENTS = ("Agent", "Task")


@dataclass(frozen=True)
class Patience:
    """Two steps: it is told that a turn has stalled, and later the turn is stopped.

    Shape:   `tools` says for a tool that runs when it is stopped, by its name.
    Units:   seconds without a sign of life; NEVER is never.
    """

    told: float = TOLD_SECONDS
    stopped: float = STOPPED_SECONDS
    tools: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, blueprint: Blueprint) -> "Patience":
        """Read it; nothing is known of what a program without a protocol waits for, so it is never stopped by default.

        Errors:  UnexpectedAnswerError.
        """
        said = blueprint.stalls
        by_default = NEVER if blueprint.backend == "command" else STOPPED_SECONDS
        tools = nested(said, "tools")
        return cls(
            told=_seconds(optional_number(said, "told_after_seconds"), TOLD_SECONDS),
            stopped=_seconds(optional_number(said, "stopped_after_seconds"), by_default),
            tools={name: _seconds(optional_number(tools, name), NEVER) for name in tools},
        )

    @property
    def shortest(self) -> float:
        """The first moment at which anything could be due."""
        return min(self.told, self.stopped, *self.tools.values())

    def stops(self, tools: Collection[str]) -> float:
        """When a turn is stopped: of several tools that run, each may take its time."""
        return max((self._of_tool(tool) for tool in tools), default=self.stopped)

    def tells(self, tools: Collection[str]) -> float:
        """When it is told: well ahead of the stop."""
        return NEVER if self.told == NEVER else min(self.told, self.stops(tools) / 2)

    def _of_tool(self, tool: str) -> float:
        by_default = self.stopped if tool in _OF_AGENTS else NEVER
        return self.tools.get(tool, self.tools.get(ANY_TOOL, by_default))


def _seconds(said: float | None, by_default: float) -> float:
    return by_default if said is None else said or NEVER
