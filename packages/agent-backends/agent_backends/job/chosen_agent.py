"""Which agent the runtime chose for an order that names none."""

from collections.abc import Callable

from agent_backends.turn.request import SessionRequest
from runtime_client.models import Job, JobType


def say_chosen_agent(request: SessionRequest, job: Job, say: Callable[[str], None]) -> None:
    """Say it, if it was the runtime's choice."""
    if request.type is JobType.START_SESSION and request.agent_name is None and job.agent_name is not None:
        say(f"no agent was named: {job.agent_name!r} runs it")
