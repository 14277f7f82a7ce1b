"""How much an agent has printed, on standard output and standard error together, against its one limit."""

import asyncio

from agent_backends.protocol import Outcome, Turn
from runtime_client.reasons import Reason


class Printed:
    """Counts what comes; `is_too_much` is set once it is more than the turn's agent may print."""

    def __init__(self, turn: Turn) -> None:
        self.is_too_much = asyncio.Event()
        self._agent = turn.blueprint.name
        self._limit_bytes = turn.output_limit_bytes
        self._bytes = 0
        self._pulse = turn.pulse

    def add(self, count: int) -> None:
        """Count what has come."""
        self._bytes += count
        self._pulse.printed += count
        if self._bytes > self._limit_bytes:
            self.is_too_much.set()

    def outcome(self, result_text: str) -> Outcome:
        """Return the end of a turn whose agent printed too much."""
        sentence = (
            f"agent {self._agent!r} was stopped because it wrote more than it may, {self._limit_bytes} bytes on"
            " standard output and standard error together (the first and the last of it are kept)"
        )
        return Outcome.failed(Reason.OUTPUT_LIMIT, sentence, result_text)
