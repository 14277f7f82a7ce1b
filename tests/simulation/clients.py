"""People and agents: they order sessions, resume, stop and retry them, and let parents start children."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import IfBusy, JobType, Order
from agent_runtime.domain.quota_hold import QuotaOf
from agent_runtime.domain.wishes import CallbackPolicy, WaitFor
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.jobs.holds import hold_job, lift_hold
from agent_runtime.services.jobs.orders import Created, IdempotencyKey, create_job, retry_job, stop_job
from agent_runtime.services.launchers.presence import remove_launcher, set_draining
from simulation.faults import CODEX
from simulation.ledger import PROVED, Run
from simulation.network import ClientLine
from simulation.service import ACCOUNT, AGENT, WORD

if TYPE_CHECKING:
    from simulation.world import World

DURATIONS = (0.05, 0.5, 0.5, 3.0, 3.0, 3.0, 3.0, 10.0, 10.0, 20.0, 60.0, 180.0)
NEWS = "<agent-news"
NARROW, NARROW_LIMIT = "narrow", 1
"""An agent, and how many of its jobs may run at once."""


class Clients:
    """Everybody who calls the runtime and is no launcher."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._line = ClientLine(world)
        self._sessions: list[str] = []
        self._jobs: list[JobId] = []
        self._orders: dict[JobId, Order] = {}
        self._parents: dict[str, int] = {}
        self._count = 0
        self._plans = 0
        self.retried: set[JobId] = set()
        self._hold_asked: set[JobId] = set()
        self._held: set[JobId] = set()
        self._lifted: set[JobId] = set()
        chance = world.chance
        for _ in range(chance.randint(1, 4)):
            world.agenda.after(chance.uniform(0.0, world.chaos_seconds * 0.7), self._act)
        world.agenda.after(0.1, self._start)

    def order_of(self, job_id: JobId) -> Order | None:
        """What was ordered with a job, if a client did."""
        return self._orders.get(job_id)

    def holds(self, job_id: JobId) -> bool:
        """Tell whether a client knows that a job is held; not of one that was lifted or retried: copies may be late."""
        return job_id in self._held - self._lifted - self.retried

    @property
    def accepted(self) -> list[JobId]:
        """The jobs of which a client knows that they were accepted."""
        return self._jobs

    def command_began(self, run: Run, seconds: float) -> None:
        """An agent runs: perhaps it starts children."""
        count = self._parents.pop(run.session_name, 0)
        for _ in range(count):
            self._world.agenda.after(self._world.chance.uniform(0.0, seconds), lambda: self._child(run))

    def _act(self) -> None:
        acts = (self._start, self._start, self._start, self._resume, self._resume, self._stop, self._stop, self._retry,
                self._drain, self._hold, self._lift, self._remove_launcher)  # fmt: skip
        if not self._world.faults.is_calm:
            self._world.chance.choice(acts)()

    def _start(self) -> None:
        self._count += 1
        name = f"s{self._count}"
        chance = self._world.chance
        if chance.random() < 0.4:
            self._parents[name] = chance.randint(1, 2)
        self._order(replace(self._plain(name), wait_for=chance.choice((WaitFor.NOTHING, WaitFor.CHILDREN))))

    def _child(self, run: Run) -> None:
        if run.ended_at is not None or self._world.faults.is_calm:
            return
        self._count += 1
        policy = self._world.chance.choice(tuple(CallbackPolicy))
        group = None if policy is CallbackPolicy.EACH else f"group-{policy}"
        self._order(
            replace(
                self._to_be_proved(self._plain(f"s{self._count}")),
                parent_session_name=run.session_name,
                callback=True,
                callback_policy=policy,
                callback_group=group,
            )
        )

    def _resume(self) -> None:
        if self._sessions:
            name = self._world.chance.choice(self._sessions)
            busy = self._world.chance.choice((IfBusy.ENQUEUE, IfBusy.ENQUEUE, IfBusy.REJECT, IfBusy.INTERRUPT))
            self._order(
                replace(self._plain(name), type=JobType.RESUME_SESSION, agent_name=None, labels={}, if_busy=busy)
            )

    def _plain(self, name: str) -> Order:
        chance = self._world.chance
        self._plans += 1
        code = 0 if chance.random() < 0.75 else chance.randint(1, 3)
        order = Order(
            type=JobType.START_SESSION,
            session_name=name,
            prompt=f"work {chance.choice(DURATIONS)} {code} {chance.choice((0.1, 2.0, 30.0))} #{self._plans}",
            agent_name=chance.choice(("echo", "echo", NARROW, CODEX)),
            labels={"gpu": "yes"} if chance.random() < 0.15 else {},
            priority=chance.choice((0, 0, 0, 5, -5)),
            timeout_seconds=chance.choice((None, None, None, 60.0)),
            max_attempts=chance.choice((1, 1, 2, 3)),
            rerun_lost=chance.choice((0, 0, 0, 1, 2)),
            queue_timeout_seconds=chance.choice((None, None, None, None, 90.0)),
            not_before=chance.choice((None, None, None, self._world.runtime_time() + timedelta(seconds=20))),
        )
        if not self._world.service.is_asked_by_next():
            return order
        return replace(order, agent_name=AGENT, prompt=f"{order.prompt} {WORD}")

    def _to_be_proved(self, order: Order) -> Order:
        """Ask more of some ends, and let some agents hold it; not drawn by lot, so that older stories stay."""
        if self._plans % 3:
            return order
        prompt = f"{order.prompt} {PROVED}" if self._plans % 2 else order.prompt
        return replace(order, prompt=prompt, checks={"verify": {"command": ["true"], "timeout_seconds": 60.0}})

    def _order(self, order: Order) -> None:
        key = IdempotencyKey(f"key-{self._world.chance.getrandbits(60)}", "same")
        self._line.ask(lambda tx: create_job(tx, order, _agent, key), lambda made: self._made(order, made), _shrug)

    def _made(self, order: Order, made: Created) -> None:
        self._world.tell("client", f"knows of {made.job.id}: {order.type} {order.session_name}, {order.prompt!r}")
        self._jobs.append(made.job.id)
        self._orders[made.job.id] = order
        if order.session_name not in self._sessions:
            self._sessions.append(order.session_name)

    def _stop(self) -> None:
        if self._jobs:
            job_id = self._world.chance.choice(self._jobs)
            self._world.tell("client", f"stops {job_id}")
            self._line.ask(lambda tx: stop_job(tx, job_id), _shrug, _shrug)

    def _retry(self) -> None:
        if self._jobs:
            job_id = self._world.chance.choice(self._jobs)
            self._world.tell("client", f"retries {job_id}")
            self.retried.add(job_id)
            self._line.ask(lambda tx: retry_job(tx, job_id), _shrug, _shrug)

    def _drain(self) -> None:
        launchers = self._world.launcher_ids()
        if launchers:
            launcher_id = self._world.chance.choice(launchers)
            self._world.tell("client", f"drains {launcher_id}")
            self._line.ask(lambda tx: set_draining(tx, launcher_id, draining=True), _shrug, _shrug)

    def _hold(self) -> None:
        if self._jobs:
            job_id = self._world.chance.choice(self._jobs)
            self._world.tell("client", f"holds {job_id}")
            self._hold_asked.add(job_id)
            self._line.ask(lambda tx: hold_job(tx, job_id), lambda _: self._is_held(job_id), _shrug)

    def _is_held(self, job_id: JobId) -> None:
        self._world.tell("client", f"knows that {job_id} is held")
        self._held.add(job_id)

    def _lift(self) -> None:
        if self._held:
            job_id = self._world.chance.choice(sorted(self._held))
            self._world.tell("client", f"lifts the hold of {job_id}")
            self._lift_hold(job_id)

    def _lift_hold(self, job_id: JobId) -> None:
        self._lifted.add(job_id)
        self._held.discard(job_id)
        self._line.ask(lambda tx: lift_hold(tx, job_id), _shrug, _shrug)

    def lift_all_holds(self) -> None:
        """Let no job be held, not even one whose holder was never answered."""
        for job_id in sorted(self._hold_asked):
            self._lift_hold(job_id)

    def _remove_launcher(self) -> None:
        launchers = self._world.launcher_ids()
        if launchers:
            launcher_id = self._world.chance.choice(launchers)
            self._world.tell("client", f"removes {launcher_id}")
            self._line.ask(lambda tx: remove_launcher(tx, launcher_id), _shrug, _shrug)

    def resume_all_launchers(self) -> None:
        """Let no launcher stay drained."""
        for launcher_id in self._world.launcher_ids():
            self._line.ask(lambda tx, one=launcher_id: set_draining(tx, one, draining=False), _shrug, _shrug)  # type: ignore[misc]


def _agent(name: str) -> AgentNeeds:
    limits = {"max_running": NARROW_LIMIT} if name == NARROW else {}
    quota = QuotaOf("claude", None, ACCOUNT) if name == AGENT else None
    client = CODEX if name == CODEX else None
    return AgentNeeds(name, active=True, labels={}, limits=limits, client=client, quota=quota)


def _shrug(_: object) -> None:
    """Whatever the answer was: it is an answer."""
