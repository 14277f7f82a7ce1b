"""What an agent does, shown to the person who waits for it, while it does it."""

import os
import queue
import sys
import threading
import time
from datetime import datetime

from agent_backends.protocol import Ending, Outcome
from runtime_client.models import Event
from runtime_client.terminal.clock import in_units
from runtime_client.terminal.output import is_terminal, write
from runtime_client.terminal.plain_text import on_one_line
from runtime_client.terminal.showing import event_line
from runtime_client.terminal.tables import cut
from runtime_client.wire import JsonObject

CLOSE_SECONDS = 2.0
_SAID_OTHERWISE = frozenset({"result", "session_stop"})


class LiveView:
    """Writes a line for each event to standard error, from a thread of its own: a stopped terminal stops no agent.

    Shape:   `show` may be called from any thread, and never waits; `close` says how it went in one line.
    """

    def __init__(self, session_name: str) -> None:
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="live view", daemon=True)
        self._session_name = session_name
        self._tools = 0
        self._began = time.monotonic()
        self._writer.start()

    def show(self, kind: str, data: JsonObject) -> None:
        """Show one event of the session."""
        if kind == "pre_tool":
            self._tools += 1
        if kind in _SAID_OTHERWISE or (kind == "message" and data.get("role") == "user"):
            return
        if kind == "session_start":
            self._lines.put(f"session {self._session_name!r}")
            told = [str(data[name]) for name in ("agent_name", "model") if data.get(name)]
            self._lines.put(f"{datetime.now():%H:%M:%S} begins: {', '.join(told)}")  # noqa: DTZ005 - the person's own
            return
        now = datetime.now().astimezone()
        self._lines.put(event_line(Event(0, kind, now.isoformat(), None, None, data, {}), now.date()))

    def close(self, outcome: Outcome) -> None:
        """Say how it went, and wait until all is written, but not for long."""
        usage = outcome.usage
        facts = [
            in_units(time.monotonic() - self._began),
            _count(outcome.model_calls, "step") if outcome.model_calls else "",
            _count(self._tools, "tool call") if self._tools else "",
            "" if usage is None else f"{usage.input_tokens + usage.output_tokens} tokens",
            "" if outcome.cost_usd is None else f"${outcome.cost_usd:.4f}",
        ]
        word = {Ending.COMPLETED: "finished", Ending.FAILED: "failed", Ending.STOPPED: "stopped"}[outcome.ending]
        self._lines.put(f"session {self._session_name!r} {word}: {', '.join(filter(None, facts))}")
        self._lines.put(None)
        self._writer.join(CLOSE_SECONDS)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            shown, width = on_one_line(line), _width()
            write(sys.stderr, f"{shown if width is None else cut(shown, width)}\n".encode(errors="replace"))


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _width() -> int | None:
    if not is_terminal(sys.stderr):
        return None
    try:
        return max(os.get_terminal_size(sys.stderr.fileno()).columns, 20)
    except OSError:
        return None
