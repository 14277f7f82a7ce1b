"""What an agent did in one turn, out of the events of its session, in the words of OpenTelemetry for agents.

No word of a prompt, an answer or a tool's input is told: who may see them looks at the session.

Source:  https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-agent-spans/
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from agent_runtime.domain.event import Event
from agent_runtime.domain.job import Job, Usage
from agent_runtime.domain.json import Json
from agent_runtime.domain.result import with_result
from agent_runtime.domain.trace_of_job import span_of, trace_of
from agent_runtime.traces.span import Fact, Span

PROVIDERS: Mapping[str, str] = {"claude": "anthropic", "codex": "openai", "gemini": "gcp.gemini"}
TURN = "turn"


class Turn:
    """Reads the events of one attempt, oldest first, into spans."""

    def __init__(self, job: Job, parent: str) -> None:
        self._job = job
        self._parent = parent
        self._trace = trace_of(job.id)
        self._id = span_of(job.id, job.attempt, TURN)
        self._began: datetime | None = None
        self._ended: datetime | None = None
        self._error: str | None = None
        self._model, self._provider = "", ""
        self._usage = Usage()
        self._heard_at: datetime | None = None  # since when it is the model's turn to say something
        self._answer: tuple[datetime, datetime] | None = None
        self._open_tools: dict[str, tuple[Event, str]] = {}
        self._count = 0

    @property
    def began(self) -> datetime | None:
        """When the agent was up; None if nothing says that it ever was."""
        return self._began

    def read(self, events: Sequence[Event]) -> Iterator[Span]:
        """Tell of all that happened in them, and then of the turn itself."""
        for event in events:
            yield from self._hear(event)
        yield from self._end_answer()
        for call, name in self._open_tools.values():
            yield self._tool(call, name, self._last(events), "unanswered")
        if self._began is not None:
            yield self._whole(self._began, self._ended or self._last(events))

    def _hear(self, event: Event) -> Iterator[Span]:
        at, data = event.new.at, event.new.data
        match event.new.type:
            case "session_start":
                self._begin(at, data)
            case "message" if data.get("role") == "assistant":
                self._model_said(at)
            case "message":
                yield from self._model_hears(at)
            case "pre_tool":
                self._model_said(at)
                self._open_tools[_text(data, "tool_call_id")] = (event, _text(data, "tool"))
            case "post_tool":
                yield from self._model_hears(at)
                yield from self._answered(at, data)
            case "result":
                self._usage = with_result(self._usage, data)
            case "session_stop":
                self._ended = at
                self._error = _text(data, "reason") if data.get("error") else None

    def _begin(self, at: datetime, data: Mapping[str, Json]) -> None:
        self._began = at
        backend = _text(data, "backend")
        self._model, self._provider = _text(data, "model"), PROVIDERS.get(backend, backend)

    def _model_said(self, at: datetime) -> None:
        began = self._answer[0] if self._answer is not None else self._heard_at
        if began is not None:
            self._answer = (began, max(at, began))

    def _model_hears(self, at: datetime) -> Iterator[Span]:
        yield from self._end_answer()
        self._heard_at = at

    def _end_answer(self) -> Iterator[Span]:
        if self._answer is not None and self._model:
            facts = {**self._facts("chat"), "gen_ai.request.model": self._model}
            yield self._part(f"chat {self._model}", *self._answer, facts, kind="client")
        self._answer = self._heard_at = None

    def _answered(self, at: datetime, data: Mapping[str, Json]) -> Iterator[Span]:
        found = self._open_tools.pop(_text(data, "tool_call_id"), None)
        if found is not None:
            yield self._tool(*found, at, "tool_error" if data.get("is_error") is True else None)

    def _tool(self, call: Event, name: str, ended: datetime, error: str | None) -> Span:
        facts = {**self._facts("execute_tool"), "gen_ai.tool.name": name}
        facts["gen_ai.tool.call.id"] = _text(call.new.data, "tool_call_id")
        return self._part(f"execute_tool {name}", call.new.at, ended, facts, error=error)

    def _part(
        self,
        name: str,
        began: datetime,
        ended: datetime,
        facts: Mapping[str, Fact | None],
        *,
        kind: str = "internal",
        error: str | None = None,
    ) -> Span:
        self._count += 1
        own = span_of(self._job.id, self._job.attempt, TURN, self._count)
        return Span(name, self._trace, own, self._id, began, ended, facts, kind, error)

    def _whole(self, began: datetime, ended: datetime) -> Span:
        usage, agent = self._usage, self._job.agent_name
        read, written = usage.cache_read_tokens, usage.cache_write_tokens
        facts = {
            **self._facts("invoke_agent"),
            "gen_ai.request.model": self._model or None,
            # What came out of a cache is part of the input, by those conventions.
            "gen_ai.usage.input_tokens": usage.input_tokens + read + written,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_creation.input_tokens": written,
            "agent_runtime.cost_usd": usage.cost_usd,
        }
        whole = Span(f"invoke_agent {agent}", self._trace, self._id, self._parent, began, ended, facts)
        return replace(whole, error=self._error)

    def _facts(self, operation: str) -> dict[str, Fact | None]:
        return {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": self._provider or None,
            "gen_ai.agent.name": self._job.agent_name,
            "gen_ai.conversation.id": self._job.session_id,
        }

    def _last(self, events: Sequence[Event]) -> datetime:
        return events[-1].new.at if events else self._job.created_at


def _text(data: Mapping[str, Json], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
