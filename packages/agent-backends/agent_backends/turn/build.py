"""Puts together all that one turn needs, or says in one sentence why it cannot run here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agent_backends.protocol import CannotRunError, Turn
from agent_backends.turn.environment import (
    WhoseAgent,
    environment_of_agent,
    for_references,
    neighbourhood,
    output_limit_in,
)
from agent_backends.turn.local_blueprint import blueprint_of
from agent_backends.turn.permissions import held, people_for
from agent_backends.turn.project_folder import opened_folder
from agent_backends.turn.references import Resolver
from agent_backends.turn.request import SessionRequest, Surroundings
from runtime_client.client import RuntimeClient
from runtime_client.models import Agent, JobType, Session
from runtime_client.reasons import Reason
from runtime_client.wire import JsonObject, UnexpectedAnswerError

if TYPE_CHECKING:
    from runtime_client.checks import Checks


@dataclass(frozen=True)
class JobOfTurn:
    """The job that a turn is run for, the token for its session, and whether a launcher runs it."""

    job_id: str
    attempt: int | None
    session_token: str | None = field(repr=False)
    is_launched: bool = False


def build_turn(
    client: RuntimeClient,
    request: SessionRequest,
    session: Session,
    agent: Agent | None,
    *,
    job: JobOfTurn,
    around: Surroundings,
) -> Turn:
    """Put the turn together; an agent that did not come with its session is asked for by its name.

    Errors:  CannotRunError; RuntimeClientError.
    """
    agent_name = session.agent_name or request.agent_name
    if agent_name is None:
        raise CannotRunError(
            Reason.INVALID_PARAMETERS,
            f"cannot run session {session.session_name!r}: it has no agent (name one with --agent)",
        )
    words = _words(client, session, around)
    agent = agent or client.agent(agent_name)
    if agent.error is not None:
        raise CannotRunError(
            Reason.INVALID_PARAMETERS, f"agent {agent_name!r} cannot be used: {agent.error} (correct its files)"
        )
    folder = opened_folder(_asked_folder(request, session), session.session_name, around.environment)
    whose = WhoseAgent(
        job.job_id,
        job.attempt,
        session.session_name,
        session.session_id,
        client.address.url,
        job.session_token,
    )
    environment = environment_of_agent(
        around.environment, whose, installation=around.installation, project_dir=folder.path
    )
    resolver = Resolver(agent_name, words, for_references(around.environment, environment))
    blueprint = held(agent, blueprint_of(agent, around.installation, resolver, neighbourhood(around.environment)))
    # Before the secrets are asked for: those of its environment are among them.
    environment |= resolver.environment(agent.options)
    secrets = resolver.secrets()
    is_resumed = request.type is JobType.RESUME_SESSION
    return Turn(
        session_name=session.session_name,
        session_id=session.session_id,
        prompt=request.prompt,
        project_dir=folder.path,
        folder_descriptor=folder.descriptor,
        blueprint=blueprint,
        backend_session_id=session.backend_session_id if is_resumed else None,
        resumed=is_resumed,
        environment=environment,
        secrets=secrets,
        output_limit_bytes=output_limit_in(around.environment),
        checks=None if session.checks is None else _checks(session.checks, session.session_name),
        people=people_for(agent, client, session.session_id, secrets, gives_way=job.is_launched),
    )


def _checks(asked: JsonObject, session_name: str) -> "Checks":
    # Imported late: few jobs ask for more than that their agent ends well.
    from runtime_client.checks import Checks

    try:
        return Checks.read(asked)
    except UnexpectedAnswerError as error:
        raise CannotRunError(
            Reason.INVALID_PARAMETERS,
            f"cannot run session {session_name!r}: {error} (use an ao-start and ao-resume of the runtime's version)",
        ) from error


def _words(client: RuntimeClient, session: Session, around: Surroundings) -> dict[str, str]:
    """Return what a blueprint's texts may name in braces, beside secrets."""
    return {
        "AGENT_SESSION_NAME": session.session_name,
        "AGENT_SESSION_ID": session.session_id,
        "AGENT_RUNTIME_URL": client.address.url,
        "AGENT_ORCHESTRATOR_ROOT": str(around.installation.root),
        "AGENT_ORCHESTRATOR_MCP": str(around.installation.mcp_server),
    }


def _asked_folder(request: SessionRequest, session: Session) -> Path:
    """Return the folder asked for, else the session's own, else where this process is."""
    return request.project_dir or (Path(session.project_dir) if session.project_dir else Path.cwd())
