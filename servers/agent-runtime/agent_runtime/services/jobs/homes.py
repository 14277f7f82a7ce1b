"""Where an agent's own orders may run: a token that was given for one machine opens no other one."""

from dataclasses import replace

from agent_runtime.domain.errors import Refused
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Order
from agent_runtime.services.agents.requirements import FindAgent
from agent_runtime.services.jobs.orders import asked_labels
from agent_runtime.services.ports.store import Transaction


def at_home(tx: Transaction, job_id: JobId, order: Order, find_agent: FindAgent) -> Order:
    """Bind what a running job orders to the machine that runs it, unless the agent's blueprint says where it runs.

    Shape:   a blueprint says so with labels; the order itself may ask for nothing that its own launcher is not.
    Errors:  Refused.
    """
    job = tx.jobs.get(job_id)
    home = tx.launchers.get(job.launcher_id) if job is not None and job.launcher_id is not None else None
    agent = find_agent(order.agent_name) if order.agent_name is not None else None
    written = asked_labels(agent.labels) if agent is not None else {}
    here = home.labels if home is not None else {}
    asked = {name: value for name, value in asked_labels(order.labels).items() if written.get(name) != value}
    foreign = [f"{name}={value}" for name, value in sorted(asked.items()) if here.get(name) != value]
    if foreign:
        raise Refused(
            "forbidden",
            f"an agent may not order work for launchers labelled {' and '.join(foreign)}: what it orders runs where it "
            "lives (leave the labels out, or order an agent whose blueprint has them)",
        )
    return order if written or home is None else replace(order, required_host=home.hostname or None)
