"""Which agent a new session gets while the limit of the one that was asked for is used up."""

from collections.abc import Callable

from agent_runtime.domain.errors import Problem
from agent_runtime.services.agents.requirements import AgentNeeds, FindAgent
from agent_runtime.services.jobs.quota_holds import is_kept
from agent_runtime.services.ports.queue import Lane
from agent_runtime.services.ports.store import Transaction


def free_agent(
    tx: Transaction, agent: AgentNeeds, find_agent: FindAgent, lane_of: Callable[[AgentNeeds], Lane]
) -> AgentNeeds:
    """Choose the agent itself unless every launcher waits for its limit, then the first fallback that does not wait.

    A fallback that is not there, or cannot be used, is passed over: the agent that was asked for waits then.
    """
    if not agent.fallbacks or not is_kept(tx, lane_of(agent)):
        return agent
    for name in agent.fallbacks:
        other = _usable(find_agent, name)
        if other is not None and not is_kept(tx, lane_of(other)):
            return other
    return agent


def _usable(find_agent: FindAgent, name: str) -> AgentNeeds | None:
    try:
        found = find_agent(name)
    except Problem:
        return None
    return found if found is not None and found.active else None
