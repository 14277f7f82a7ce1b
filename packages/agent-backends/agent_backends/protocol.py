"""What every kind of agent looks like from outside: one turn goes in, events come out, one outcome ends it."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from agent_backends.blueprint import Blueprint
from agent_backends.redaction import Secrets
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject

if TYPE_CHECKING:
    from runtime_client.checks import Checks

# Unless the launcher says otherwise.
OUTPUT_BYTES_MAX = 1 << 30
# Of year 2001 and 2200, in seconds since 1970: beyond is no time at which a limit ends, whatever a client says.
TIME_FIRST, TIME_LAST = 1e9, 7.2e9


@dataclass(frozen=True)
class Said:
    """What was said to a question.

    Shape:   to a permission `decision` is `allow` or `deny`, with a `message` perhaps; to all else there is an
             `answer`. None of them where nobody said anything in time, or the turn is being stopped.
    """

    decision: str | None = None
    message: str | None = None
    answer: Json = None


class People(Protocol):
    """Those whom an agent may ask, by way of the runtime."""

    @property
    def has_rules(self) -> bool:
        """Whether calls that the agent would not ask for have to be asked about, too."""
        ...

    @property
    def gave_way(self) -> asyncio.Event:
        """Set when the turn is to end, and to let others have its place, because an answer takes long."""
        ...

    async def ask(self, asked: JsonObject) -> Said:
        """Ask, and wait for the answer through any outage; it is to be cancelled with the turn.

        Shape:   `asked` is the body of `POST /questions` without a `call_id`: each call is a question of its own.
        """
        ...


@dataclass
class Pulse:
    """What of a turn's life makes no events, or not yet.

    Shape:   `asking` is how many questions are open; `tools` are those that run, by the ids of their calls.
    Units:   `printed` is in bytes.
    """

    printed: int = 0
    asking: int = 0
    tools: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """One prompt for one session.

    Shape:   `backend_session_id` is the backend's own id of the conversation to go on with, None for a new one;
             `resumed` is true for every turn but a session's first; `environment` is the whole environment
             for the agent's processes, nothing is added to it; `project_dir` is absolute and exists, and
             `folder_descriptor` is that folder, opened when it was checked; `secrets` are what the agent knows and
             nobody else may see; `people` are None where nobody is to be asked; with `is_logged` a program's output
             goes on to our own standard output as it comes, where a launcher keeps it beside the errors, in the order
             in which both were read; `checks` are what its job asks of its end; `pulse` is where backends leave
             signs of life.
    Units:   `output_limit_bytes` is what it may print on standard output and standard error together.
    """

    session_name: str
    session_id: str
    prompt: str
    project_dir: Path
    blueprint: Blueprint
    backend_session_id: str | None
    resumed: bool
    environment: Mapping[str, str]
    secrets: Secrets = field(default_factory=Secrets)
    output_limit_bytes: int = OUTPUT_BYTES_MAX
    folder_descriptor: int | None = None
    is_logged: bool = False
    people: People | None = None
    pulse: Pulse = field(default_factory=Pulse)
    checks: "Checks | None" = None

    @property
    def working_folder(self) -> str:
        """Where processes are started: the open folder itself, if this system has a path for that."""
        if self.folder_descriptor is None or sys.platform != "linux":
            return str(self.project_dir)
        return f"/proc/self/fd/{self.folder_descriptor}"


@dataclass(frozen=True)
class Started:
    """The agent is up and has the prompt.

    Shape:   `client` is what the program behind it says of itself: its name, its version, what it can.
    """

    model: str | None = None
    client: JsonObject | None = None


@dataclass(frozen=True)
class BackendSession:
    """The backend's own id of this conversation, which a later turn needs; emitted as soon as it is known."""

    backend_session_id: str


class Role(StrEnum):
    """Who speaks in a message."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class Message:
    """What somebody says; the prompt itself is recorded by the caller and not emitted by a backend."""

    text: str
    role: Role = Role.ASSISTANT


@dataclass(frozen=True)
class ToolCalled:
    """The agent is about to use a tool."""

    tool_call_id: str
    tool: str
    input: Json


@dataclass(frozen=True)
class ToolAnswered:
    """A tool gave its answer, or failed."""

    tool_call_id: str
    tool: str
    output: Json
    is_error: bool = False


@dataclass(frozen=True)
class Stalled:
    """The turn has given no sign of life for long; said by who watches it, and by no backend.

    Shape:   `waits_for` is `model`, `tool` or `program`; `stops_in` is None where that is no reason to stop it.
    Units:   seconds.
    """

    detail: str
    waits_for: str
    tools: list[str]
    silent: float
    stops_in: float | None


@dataclass(frozen=True)
class Stirred:
    """A turn of which it was told that it has stalled gives a sign of life again, whichever.

    Units:   seconds.
    """

    detail: str
    silent: float


@dataclass(frozen=True)
class Looped:
    """The same call has failed again and again; said by who watches the turn, and by no backend."""

    detail: str
    tool: str
    times: int


@dataclass(frozen=True)
class Verified:
    """A verification has ended.

    Shape:   `output` is the last that it printed; without `exit_code` and `signal` it was ended by us, and `error` says
             why.
    """

    command: tuple[str, ...]
    is_passed: bool
    output: str
    exit_code: int | None = None
    signal: int | None = None
    error: str | None = None
    seconds: float = 0.0


AgentEvent: TypeAlias = Started | BackendSession | Message | ToolCalled | ToolAnswered | Stalled | Stirred | Looped
Emit: TypeAlias = Callable[[AgentEvent], None]


@dataclass(frozen=True)
class Usage:
    """What a turn used.

    Units:   tokens.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True)
class Limit:
    """What a client tells of the limit of its account that it ran into.

    Shape:   `name` as a person calls it, such as `5-hour limit`; `retry_at` is in seconds since 1970, None if it does
             not tell, or tells what can be no time; `is_of_model` when other models of the same account go on.
    """

    name: str | None = None
    retry_at: float | None = None
    is_of_model: bool = False

    def __post_init__(self) -> None:
        """Take no time from a client that can be none: its trouble must not become that of the job's end."""
        if self.retry_at is not None and not TIME_FIRST < self.retry_at < TIME_LAST:
            object.__setattr__(self, "retry_at", None)

    def as_json(self) -> JsonObject:
        """Return it as the wire has it."""
        at = None if self.retry_at is None else datetime.fromtimestamp(self.retry_at, UTC).isoformat()
        return {"name": self.name, "retry_at": at, "is_of_model": self.is_of_model}


class Ending(StrEnum):
    """How a turn ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Outcome:
    """How a turn ended and what it left: the caller records it, a backend only decides it.

    Shape:   `reason` and `error` (one sentence for a person) are set if and only if `ending` is FAILED;
             `result_text` is whatever the agent answered, also if it failed or was stopped half-way;
             `exit_code` or `signal` is how the agent's own process ended, None where it has none or nobody knows;
             `unwritten` says what of its output this machine could not write, which is no failure of the agent's;
             `is_printed` says that the result has gone to our standard output already; `limit` is what it ran into, if
             the reason is about that and the client told; `is_checked` says that what the job asks of its end was
             checked and holds, and `output` is the JSON of a result of which a shape was asked.
    Units:   `cost_usd` is this turn's cost, None if the backend does not know it.
    """

    ending: Ending
    result_text: str = ""
    reason: Reason | None = None
    error: str | None = None
    usage: Usage | None = None
    cost_usd: float | None = None
    model_calls: int | None = None
    exit_code: int | None = None
    signal: int | None = None
    unwritten: str | None = None
    is_printed: bool = False
    limit: Limit | None = None
    output: Json = None
    is_checked: bool = False

    @classmethod
    def failed(cls, reason: Reason, error: str, result_text: str = "") -> "Outcome":
        """Return the outcome of a turn that failed."""
        return cls(Ending.FAILED, result_text=result_text, reason=reason, error=error)


class Backend(Protocol):
    """One kind of agent."""

    @property
    def name(self) -> str:
        """The word that a blueprint's `backend` uses for it."""
        ...

    async def run(self, turn: Turn, emit: Emit, stop: asyncio.Event) -> Outcome:
        """Run one turn to its end, and leave no process of the agent's behind.

        `emit` never blocks and never raises. When `stop` is set the agent is stopped within a few seconds and
        the outcome is STOPPED, unless it ended by itself first.

        Errors:  none are expected: what goes wrong with the agent is a FAILED outcome. An exception is a bug and is
                 reported as `internal_error`.
        """
        ...


class CannotRunError(Exception):
    """The turn cannot run on this machine, so it is not begun.

    Shape:   `outcome` says why, as the job's outcome.
    """

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.outcome = Outcome.failed(reason, sentence)
