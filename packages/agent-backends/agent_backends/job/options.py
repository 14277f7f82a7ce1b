"""The options that `ao-start` and `ao-resume` share, and the way from options to an exit status."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from agent_backends.installation import installation_of
from agent_backends.job.launchers_words import arguments_in
from agent_backends.job.note import say_that_we_are_here, withdraw
from agent_backends.job.queue_options import IfBusy, QueueWishes
from agent_backends.turn.request import Caller, SessionRequest, Surroundings
from runtime_client.client import RuntimeClient
from runtime_client.errors import CannotPrintError, UsageError
from runtime_client.exit_codes import ExitCode
from runtime_client.models import JobType
from runtime_client.terminal.arguments import Flag, Option, duration, one_of
from runtime_client.terminal.command_line import (
    called_as,
    connect,
    print_json,
    print_text,
    read_labels,
    read_prompt,
    run,
    warn,
)
from runtime_client.terminal.output import is_terminal
from runtime_client.wire import JsonObject

if TYPE_CHECKING:
    from runtime_client.start_defaults import Told


class CallbackPolicy(StrEnum):
    """When the parent is woken."""

    EACH = "each"
    ALL = "all"
    FIRST = "first"
    ANY_FAILED = "any_failed"


class WaitFor(StrEnum):
    """What a session waits for before it is finished."""

    NOTHING = "nothing"
    CHILDREN = "children"


PromptOption = Annotated[str | None, Option("--prompt", "The prompt; default: standard input.", short="-p")]
DetachOption = Annotated[bool, Flag("--detach", "Create a job for a launcher and return.", short="-d")]
QuietOption = Annotated[bool, Flag("--quiet", "Print the result, and not what happens before it.", short="-q")]
CallbackOption = Annotated[bool, Flag("--callback", "Wake the parent session when this one is at rest.")]
TimeoutOption = Annotated[
    float | None,
    Option("--timeout", "When the agent is stopped, in seconds or as 10m or 2h.", metavar="TIME", read=duration(0.001)),
]
LabelOption = Annotated[
    list[str] | None, Option("--label", "A launcher must have this label.", metavar="KEY=VALUE", is_list=True)
]
PolicyOption = Annotated[
    CallbackPolicy | None,
    Option(
        "--callback-policy",
        "When the parent is woken; all but 'each' are about the whole group.",
        metavar="|".join(CallbackPolicy),
        read=one_of(CallbackPolicy),
    ),
]
GroupOption = Annotated[str | None, Option("--callback-group", "The children that belong together.", metavar="WORD")]
WaitForOption = Annotated[
    WaitFor | None,
    Option(
        "--wait-for",
        "'children': the session is finished when they are at rest.",
        metavar="|".join(WaitFor),
        read=one_of(WaitFor),
    ),
]
LimitOption = Annotated[
    list[str] | None,
    Option(
        "--limit",
        "A budget, for example max_tree_cost_usd=5 or max_children=3.",
        metavar="NAME=NUMBER",
        is_list=True,
    ),
]
ParentOption = Annotated[
    str | None,
    Option(
        "--parent", "The parent session; default: the one that runs this command.", metavar="NAME", completes="session"
    ),
]


@dataclass(frozen=True)
class Wishes:
    """What is wished with an order beyond the work itself; None and empty leave it to the runtime."""

    callback: bool = False
    policy: CallbackPolicy | None = None
    group: str | None = None
    wait_for: WaitFor | None = None
    limits: tuple[str, ...] = ()
    checks: JsonObject = field(default_factory=dict)
    questions: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class StartOptions:
    """What was typed after the command's name; a session without a name is given one."""

    name: str | None
    prompt: str | None
    agent: str | None
    project_dir: Path | None
    is_detached: bool
    wishes: Wishes
    timeout_seconds: float | None
    labels: list[str]
    parent: str | None
    as_json: bool
    is_quiet: bool = False
    in_queue: QueueWishes = field(default_factory=QueueWishes)
    if_busy: IfBusy | None = None


def run_job_command(main: Callable[..., int]) -> None:
    """Run a command that may be a launcher's job; the launcher knows of it before any argument is read."""
    say_that_we_are_here(os.environ)
    run(main, arguments_in(sys.argv[1:], main.__annotations__))


def start_from_command(
    type: JobType,  # noqa: A002 - the wire's own word
    given: StartOptions,
    command: Path,
    environment: Mapping[str, str],
) -> int:
    """Do what was typed, print what came of it, and return the exit status.

    Errors:  RuntimeClientError.
    """
    environment = dict(environment)  # of the process itself each look is encoded and decoded anew
    caller = Caller.read(environment)
    given.in_queue.check(is_detached=given.is_detached, is_named=given.name is not None)
    if type is JobType.START_SESSION and caller.job_id is None and caller.session_name is None:
        given = _with_defaults(given, environment)
    request = _request(type, given, caller)
    around = Surroundings(installation_of(command), environment, warn)
    with connect(environment) as client:
        if not caller.runs_job_of(request.session_name):
            withdraw(caller)
            if given.is_detached:
                return _order(client, request, given)
        # Imported late: handing over a job needs neither asyncio nor a backend.
        from agent_backends.job.start import run_job

        return run_job(client, request, caller, around, as_json=given.as_json, is_shown=_is_shown(given, caller))


def _with_defaults(given: StartOptions, environment: Mapping[str, str]) -> StartOptions:
    """Return what was typed, and where that says nothing what environment, project's file and user's file say.

    Errors:  UsageError.
    """
    # Imported late: who runs for a session was told everything.
    from runtime_client.start_defaults import pairs_in, start_defaults

    read_timeout = duration(0.001)
    folder = (given.project_dir or Path()).expanduser().absolute()
    told = start_defaults(environment, folder, read_timeout)
    if not told:
        return given
    limits = pairs_in(told["limits"].value) if "limits" in told else {}
    typed = {word.partition("=")[0].strip() for word in given.wishes.limits}
    kept = tuple(f"{name}={value}" for name, value in limits.items() if name not in typed)
    return replace(
        given,
        agent=given.agent if given.agent is not None or "agent" not in told else told["agent"].value,
        labels=given.labels or (told["labels"].value.split(",") if "labels" in told else []),
        timeout_seconds=given.timeout_seconds if given.timeout_seconds is not None else _timeout(told),
        wishes=replace(given.wishes, limits=(*given.wishes.limits, *kept)),
    )


def _timeout(told: "Mapping[str, Told]") -> float | None:
    if "timeout" not in told:
        return None
    value, source = told["timeout"].value, told["timeout"].source
    try:
        return duration(0.001)(value)
    except ValueError as cause:
        raise UsageError(f"cannot use the timeout {value!r} of {source}: {cause}") from cause


def _is_shown(given: StartOptions, caller: Caller) -> bool:
    """Tell whether a person looks on: an agent that calls us has to pay for what it reads."""
    if given.is_quiet or given.as_json or caller.session_name is not None:
        return False
    return called_as().startswith("ao ") or is_terminal(sys.stderr)


def _order(client: RuntimeClient, request: SessionRequest, given: StartOptions) -> int:
    # Imported late: who runs the job itself says it elsewhere, or not at all.
    from agent_backends.job.chosen_agent import say_chosen_agent

    job = client.create_job(given.in_queue.said_in(request.order(), client), given.in_queue.idempotency_key)
    say_chosen_agent(request, job, warn)
    if given.name is None and not given.is_quiet and not given.as_json:
        warn(f"the session is called {request.session_name!r}")
    try:
        print_json(job.raw) if given.as_json else print_text(job.job_id)
    except CannotPrintError as cause:
        raise CannotPrintError(f"job {job.job_id!r} is created, but {cause}") from cause
    return ExitCode.SUCCESS


def _request(type: JobType, given: StartOptions, caller: Caller) -> SessionRequest:  # noqa: A002 - the wire's own word
    name = given.name if given.name is not None else _made_name(given.agent)
    parent = caller.parent_of(name, given.parent)
    wishes = given.wishes
    if wishes.callback and parent is None:
        raise UsageError("cannot call back: there is no parent session (name one with --parent)")
    return SessionRequest(
        type=type,
        session_name=name,
        prompt=read_prompt(given.prompt, sys.stdin),
        agent_name=given.agent,
        project_dir=_project_dir(type, given),
        parent_session_name=parent,
        labels=read_labels(given.labels),
        timeout_seconds=given.timeout_seconds,
        callback=wishes.callback,
        callback_policy=wishes.policy,
        callback_group=wishes.group,
        wait_for=wishes.wait_for,
        limits=dict(_limit(text) for text in wishes.limits),
        if_busy=given.if_busy,
        checks=wishes.checks,
        questions=wishes.questions,
    )


def _made_name(agent: str | None) -> str:
    """Make a name that no session has: the agent's, and what is drawn by lot."""
    kept = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "-" for letter in agent or ""
    )
    # No vowels, so that it makes no word.
    drawn = "".join("bcdfghjkmnpqrstvwxz23456789"[byte % 27] for byte in os.urandom(6))
    return f"{kept.lstrip('-')[:50] or 'session'}-{drawn}"


def _limit(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        value = float(number)
    except ValueError as cause:
        raise UsageError(f"cannot read --limit {text!r}: expected NAME=NUMBER, such as max_tree_cost_usd=5") from cause
    return name.strip(), int(value) if value.is_integer() else value


def _project_dir(type: JobType, given: StartOptions) -> Path | None:  # noqa: A002 - the wire's own word
    if given.project_dir is not None:
        return given.project_dir.expanduser().absolute()
    return Path.cwd() if type is JobType.START_SESSION else None
