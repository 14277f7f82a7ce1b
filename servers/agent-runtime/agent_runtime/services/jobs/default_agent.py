"""Which agent an order is for that names none."""

from dataclasses import replace

from agent_runtime.domain.job import JobType, Order
from agent_runtime.domain.launcher import Launcher, LauncherStatus, may_run, surely_has
from agent_runtime.services.agents.requirements import PREFERRED, AgentNeeds, FindAgent
from agent_runtime.services.jobs.orders import asked_labels
from agent_runtime.services.ports.store import Transaction


def with_agent(tx: Transaction, order: Order, find_agent: FindAgent, default: str | None) -> Order:
    """Give an order that names no agent the default one, or else the first that some launcher can run.

    A launcher that has said that it has the client counts before one of which that is not known. If there is none, the
    order stays as it is: it is refused where it is accepted, unless it was accepted before.
    """
    if order.agent_name is not None or order.type is not JobType.START_SESSION:
        return order
    if default is not None:
        return replace(order, agent_name=default)
    launchers = [item for item in tx.launchers.present() if item.status is LauncherStatus.ALIVE]
    agents = [agent for agent in map(find_agent, PREFERRED) if agent is not None and agent.active]
    for is_sure in (True, False):
        for agent in agents:
            if any(_can_run(item, agent, order, is_sure=is_sure) for item in launchers):
                return replace(order, agent_name=agent.name)
    return order


def _can_run(launcher: Launcher, agent: AgentNeeds, order: Order, *, is_sure: bool) -> bool:
    labels = asked_labels({**agent.labels, **order.labels})
    if not may_run(launcher, labels, order.required_host, order.launcher_id, agent.client):
        return False
    return agent.client is not None and (not is_sure or surely_has(launcher, agent.client))
