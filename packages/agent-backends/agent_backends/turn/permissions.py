"""What a turn's agent may do unasked, and whom it asks otherwise: its blueprint's word, and that of those above it."""

from dataclasses import replace

from agent_backends.blueprint import Blueprint
from agent_backends.client.permission import held_to
from agent_backends.protocol import CannotRunError, People
from agent_backends.redaction import Secrets
from agent_backends.registry import BackendMissingError, kind_named
from agent_backends.turn.people import PeopleAtRuntime
from runtime_client.client import RuntimeClient
from runtime_client.models import Agent
from runtime_client.reasons import Reason

ASK = "ask"


def held(agent: Agent, blueprint: Blueprint) -> Blueprint:
    """Return the blueprint with the options that hold its agent to what is said of permissions.

    Errors:  CannotRunError, if nobody could hold this kind of agent to that.
    """
    word = agent.held_to
    if word is None:
        return blueprint
    try:
        kind = kind_named(blueprint.backend)
    except BackendMissingError:
        return blueprint  # It cannot run, which is said in its own words.
    option = next((one for one in kind.options if one.name == "permission"), None)
    if word not in kind.permissions:
        raise CannotRunError(
            Reason.INVALID_PARAMETERS,
            f"cannot run agent {agent.name!r}: its own 'permissions' or those of a session above it come to {word!r}, "
            f"and backend {blueprint.backend!r} cannot be held to that (it can to {', '.join(kind.permissions)})",
        )
    if option is None:
        return blueprint
    return replace(
        blueprint, options=held_to(blueprint.options, word, option.instead_of, from_above=agent.is_held_from_above)
    )


def people_for(
    agent: Agent, client: RuntimeClient, session_id: str, secrets: Secrets, *, gives_way: bool
) -> People | None:
    """Return those whom the agent is to ask; None where nothing depends on an answer."""
    if agent.held_to != ASK:
        return None
    return PeopleAtRuntime(client, session_id, secrets, has_rules=agent.has_permission_rules, gives_way=gives_way)
