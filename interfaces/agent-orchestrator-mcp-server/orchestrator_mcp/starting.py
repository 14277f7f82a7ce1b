"""The tools that give an agent something to do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from orchestrator_mcp.answers import Accepted
from orchestrator_mcp.caller import Caller
from orchestrator_mcp.desk import Desk
from runtime_client.client import RuntimeClient
from runtime_client.models import Job, JobOrder, JobType
from runtime_client.terminal.arguments import duration
from runtime_client.wire import Json, JsonObject

Policy = Literal["each", "all", "first", "any_failed"]

SessionName = Annotated[
    str, Field(description="The session's name: 1 to 60 of A-Z a-z 0-9 - _, for example 'review-login-form'.")
]
Prompt = Annotated[str, Field(description="What the agent shall do. It sees nothing of your conversation, so say all.")]
Callback = Annotated[
    bool,
    Field(description="Wake you with a message when it is done. Then end your turn; do not poll. Needs no waiting."),
]
CallbackPolicy = Annotated[
    Policy,
    Field(
        description="When to wake you: 'each' for every child; 'all' once, when the whole group is done; 'first' with"
        " the first one only; 'any_failed' at the first failure, otherwise when the whole group is done."
    ),
]
CallbackGroup = Annotated[
    str | None, Field(description="A word for the children that belong together under one policy; 'default' if absent.")
]
Timeout = Annotated[
    float | None, Field(gt=0, description="Stop the turn after this many seconds; leave it out for no limit.")
]
Priority = Annotated[
    int | None,
    Field(ge=-100, le=100, description="Higher runs before what else waits; leave it out for the usual 0."),
]
NotBefore = Annotated[
    str | None,
    Field(description="Begin it only then: '10m' or '2h' from now, or a time with its zone, '2027-01-31T03:00:00Z'."),
]
Retries = Annotated[
    dict[str, int | str] | None,
    Field(
        description="How often it is tried again by itself, by class of failure, for example"
        ' {"agent": 1, "infrastructure": 3}. Trouble with the model\'s service is tried again anyway.'
    ),
]

Verify = Annotated[
    list[str] | None,
    Field(
        min_length=1,
        description="A command that has to pass in its project folder, as words: ['pytest', '-q']. Until then it is"
        " not done: it is told what the command printed, and works on.",
    ),
]
OutputSchema = Annotated[
    dict[str, JsonValue] | None,
    Field(description="A JSON Schema: its answer has to be one JSON value that fits; you get it as 'output'."),
]
Questions = Annotated[
    dict[str, JsonValue] | None,
    Field(
        description="For what it asks of people: {'expire_seconds': 3600, 'at_expiry': 'stop', 'parent': 'told'};"
        " as its blueprint says if absent."
    ),
]


class StartingTools:
    """Start a session, or go on with one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def start_agent_session(
        self,
        caller: Caller,
        session_name: SessionName,
        prompt: Prompt,
        agent_name: Annotated[
            str | None,
            Field(description="A name that list_agent_blueprints returned; if absent, the default agent is started."),
        ] = None,
        project_dir: Annotated[
            str | None, Field(description="The absolute path of the folder that it works in; the launcher's if absent.")
        ] = None,
        callback: Callback = True,
        callback_policy: CallbackPolicy = "each",
        callback_group: CallbackGroup = None,
        timeout_seconds: Timeout = None,
        priority: Priority = None,
        not_before: NotBefore = None,
        retries: Retries = None,
        verify: Verify = None,
        output_schema: OutputSchema = None,
        questions: Questions = None,
    ) -> Accepted:
        """Start another agent in a new named session, and return at once while it works.

        The name must be new: to go on with a session that exists, use resume_agent_session. By default you are woken
        with the news when it is done, so after starting your agents simply end your turn. If you must have the result
        within this turn, use wait_for_agent_sessions.
        """
        order = JobOrder(
            JobType.START_SESSION,
            session_name,
            prompt,
            agent_name=agent_name,
            project_dir=project_dir,
            timeout_seconds=timeout_seconds,
            callback=callback,
            callback_policy=None if callback_policy == "each" else callback_policy,
            callback_group=callback_group,
            priority=priority,
            not_before=_time_in(not_before),
            retries=retries or {},
            checks=_checks(verify, output_schema),
            questions=questions or {},
        )
        return self._desk.ask(caller, lambda client, caller: _create(client, caller, order))

    def resume_agent_session(
        self,
        caller: Caller,
        session_name: SessionName,
        prompt: Prompt,
        if_busy: Annotated[
            Literal["enqueue", "reject", "interrupt"],
            Field(
                description="If it is at work: 'enqueue' waits its turn, 'reject' is an error, 'interrupt' stops it."
            ),
        ] = "enqueue",
        callback: Callback = True,
        callback_policy: CallbackPolicy = "each",
        callback_group: CallbackGroup = None,
        timeout_seconds: Timeout = None,
        priority: Priority = None,
        not_before: NotBefore = None,
        retries: Retries = None,
        verify: Verify = None,
        output_schema: OutputSchema = None,
        questions: Questions = None,
    ) -> Accepted:
        """Say something more to a session that exists; it remembers its whole conversation.

        Returns at once. If the session is busy your message waits in line. You cannot resume yourself.
        """
        order = JobOrder(
            JobType.RESUME_SESSION,
            session_name,
            prompt,
            if_busy=if_busy,
            timeout_seconds=timeout_seconds,
            callback=callback,
            callback_policy=None if callback_policy == "each" else callback_policy,
            callback_group=callback_group,
            priority=priority,
            not_before=_time_in(not_before),
            retries=retries or {},
            checks=_checks(verify, output_schema),
            questions=questions or {},
        )
        return self._desk.ask(caller, lambda client, caller: _create(client, caller, order))


def _time_in(told: str | None) -> str | None:
    """Return a time from a span from now; what is none is the runtime's to judge."""
    try:
        return None if told is None else (datetime.now(UTC) + timedelta(seconds=duration(0)(told))).isoformat()
    except ValueError:
        return told


def _checks(verify: list[str] | None, output_schema: JsonObject | None) -> JsonObject:
    asked: dict[str, Json] = {}
    if verify is not None:
        asked["verify"] = {"command": verify}
    if output_schema is not None:
        asked["output_schema"] = output_schema
    return asked


def _create(client: RuntimeClient, caller: Caller, order: JobOrder) -> Accepted:
    job = client.create_job(_on_behalf_of(caller, order))
    is_called_back = order.callback and caller.session_name is not None
    return Accepted(
        agent_name=job.agent_name,
        session_name=order.session_name,
        session_id=job.session_id,
        job_id=job.job_id,
        status=job.status,
        parent_session_name=caller.session_name,
        callback=is_called_back,
        next=_advice(job, is_called_back),
    )


def _on_behalf_of(caller: Caller, order: JobOrder) -> JobOrder:
    if caller.session_name is not None:
        return replace(order, parent_session_name=caller.session_name)
    # Nobody could be called back: a person's own client has no session.
    return replace(order, callback=False, callback_policy=None, callback_group=None)


def _advice(job: Job, is_called_back: bool) -> str:
    if is_called_back:
        return "Start your other agents, then end your turn: you will be woken with the news."
    return (
        f"Call wait_for_agent_sessions(session_names=[{job.session_name!r}]),"
        f" then get_agent_session_result(session_name={job.session_name!r})."
    )
