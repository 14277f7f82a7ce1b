"""A runtime's verbs on a real database, without web and launchers: parents and children at the pace of a test."""

from collections.abc import Callable
from typing import TypeVar

from agent_runtime.domain.callback import Callback, CallbackState
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job, JobStatus, JobType, Order
from agent_runtime.domain.session import Session
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.families.consequences import with_consequences
from agent_runtime.services.jobs.orders import create_job
from agent_runtime.services.launchers.claims import Ask, look_for_work
from agent_runtime.services.launchers.presence import Registration, register
from agent_runtime.services.launchers.reports import Report, finish, start
from agent_runtime.services.ports.families import CallbackFilter
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import GivenEvent, append_events
from support.store_rig import StoreRig, proof

T = TypeVar("T")


class PowerCutError(Exception):
    """The moment at which a test lets the runtime die."""


class Household:
    """Sessions that start sessions, in the store of a rig whose clock stands until it is moved."""

    def __init__(self, rig: StoreRig) -> None:
        self._rig = rig
        self.clock = rig.clock
        self.limits: dict[str, dict[str, float]] = {}
        self.launcher_id = self.do(lambda tx: register(tx, Registration(hostname="here"))).launcher.id

    def crash(self) -> None:
        """Die and come back: what was not committed never happened."""
        self._rig.reopen()

    def do(self, verb: Callable[[Transaction], T], *, dies: bool = False) -> T:
        """Run one transaction with its consequences; one that dies does everything but commit."""

        def live(tx: Transaction) -> T:
            answer = with_consequences(tx, verb)
            _die_if(dies)
            return answer

        self.clock.move(milliseconds=1)
        return self._rig.runner.run(self._rig.rows.write(live))

    def order(self, order: Order) -> Job:
        """Give an order."""
        return self.do(lambda tx: create_job(tx, order, self._agent)).job

    def begin(self, name: str, parent: str | None = None, **wishes: object) -> Job:
        """Order a new session, with a callback if it has a parent."""
        callback = wishes.pop("callback", parent is not None)
        agent_name = str(wishes.pop("agent_name", "echo"))
        return self.order(
            Order(
                type=JobType.START_SESSION,
                session_name=name,
                prompt=f"work, {name}",
                agent_name=agent_name,
                parent_session_name=parent,
                callback=bool(callback),
                **wishes,  # type: ignore[arg-type]  # each test gives fields of the order
            )
        )

    def resume(self, name: str, parent: str | None = None, **wishes: object) -> Job:
        """Order a further turn of a session."""
        order = Order(
            type=JobType.RESUME_SESSION,
            session_name=name,
            prompt="go on",
            parent_session_name=parent,
            **wishes,  # type: ignore[arg-type]  # each test gives fields of the order
        )
        return self.order(order)

    def run_all(self) -> list[Job]:
        """Claim and start everything that can be claimed."""
        found = self.do(lambda tx: look_for_work(tx, Ask(self.launcher_id, slots=100, batch=100)))
        return self.do(lambda tx: [start(tx, proof(claim.job)) for claim in found.claims])

    def speak(self, name: str) -> None:
        """Let a session's agent be up, with a conversation of its own."""
        session = self.session(name)
        up = GivenEvent("session_start", {}, job_id=session.current_job_id)
        self.do(lambda tx: tx.sessions.change(session.id, {"backend_session_id": f"talk-{name}"}))
        self.do(lambda tx: append_events(tx, session, [up]))

    def say(self, name: str, text: str, **data: object) -> None:
        """Let a session's agent give a result."""
        session = self.session(name)
        told = GivenEvent("result", {"text": text, **data}, job_id=session.current_job_id)  # type: ignore[dict-item]
        self.do(lambda tx: append_events(tx, session, [told]))

    def end(self, job: Job, status: JobStatus = JobStatus.COMPLETED, *, dies: bool = False) -> Job:
        """Let a running job end, with a result if it completes."""
        current = self.job(job.id)
        if status is JobStatus.COMPLETED:
            self.say(job.session_name, f"result of {job.session_name}")
        error = None if status is JobStatus.COMPLETED else f"{job.session_name} broke"
        exit_code = 0 if status is JobStatus.COMPLETED else 1
        report = Report(proof(current), status, error=error, exit_code=exit_code)
        return self.do(lambda tx: finish(tx, report), dies=dies).job

    def run(self, name: str, parent: str | None = None, **wishes: object) -> Job:
        """Order a new session and let it run."""
        job = self.begin(name, parent, **wishes)
        self.run_all()
        return self.job(job.id)

    def job(self, job_id: JobId) -> Job:
        """Read a job."""
        job = self.do(lambda tx: tx.jobs.get(job_id))
        assert job is not None
        return job

    def session(self, name: str) -> Session:
        """Read a session."""
        session = self.do(lambda tx: tx.sessions.find(name))
        assert session is not None
        return session

    def callbacks(self, parent: str) -> list[Callback]:
        """Read the callbacks of a parent, oldest first."""
        wanted = CallbackFilter(limit=100, parent_session_id=self.session(parent).id)
        return list(reversed(self.do(lambda tx: tx.relatives.callbacks.page(wanted))))

    def states(self, parent: str) -> list[tuple[str, CallbackState]]:
        """Tell which child's news is in which state."""
        return [(one.child_session_name, one.state) for one in self.callbacks(parent)]

    def news(self, parent: str) -> list[str]:
        """The messages that a parent was woken with, oldest first."""

        def read(tx: Transaction) -> list[str]:
            jobs = tx.jobs.page(JobFilter(limit=100, session_id=self_id))
            prompts = [tx.jobs.prompt(job.id) for job in reversed(jobs)]
            return [prompt for prompt in prompts if prompt.startswith("<agent-news")]

        self_id = self.session(parent).id
        return self.do(read)

    def _agent(self, name: str) -> AgentNeeds:
        return AgentNeeds(name, active=True, labels={}, limits=self.limits.get(name, {}))


def _die_if(dies: bool) -> None:
    if dies:
        raise PowerCutError
