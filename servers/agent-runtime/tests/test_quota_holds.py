"""An account whose limit is used up: what would run into it waits, one job tries, and the others go on."""

from datetime import datetime, timedelta

import pytest

from agent_runtime.domain.errors import Conflict, Invalid
from agent_runtime.domain.event import Event
from agent_runtime.domain.job import Job, JobStatus, Order
from agent_runtime.domain.json import Json
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.domain.quota_hold import HoldState, Limit, QuotaHold, QuotaOf
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.orders import create_job, stop_job
from agent_runtime.services.jobs.quota_holds import LIFTED_BY_USER, extend_hold, jobs_held, lift_hold, sentence_of
from agent_runtime.services.jobs.waiting import Waiting, explain_waiting
from agent_runtime.services.launchers.presence import set_draining
from agent_runtime.services.launchers.reports import Report, finish, start
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.events import GivenEvent, append_events
from agent_runtime.store.rows.quota import QuotaTable
from agent_runtime.upkeep.queue import free_due_jobs
from agent_runtime.upkeep.quota import LOOK_AGAIN_AFTER, PATIENCE, next_look, tend_holds
from support.store_rig import StoreRig, proof

AGENTS = {
    "claude": AgentNeeds("claude", True, {}, quota=QuotaOf("claude")),
    "careful": AgentNeeds("careful", True, {}, quota=QuotaOf("claude"), fallbacks=("nobody", "codex")),
    "opus": AgentNeeds("opus", True, {}, quota=QuotaOf("claude", "opus")),
    "own-key": AgentNeeds("own-key", True, {}, quota=QuotaOf("claude", None, "agent own-key")),
    "codex": AgentNeeds("codex", True, {}, quota=QuotaOf("codex")),
    "script": AgentNeeds("script", True, {}),
}


class Wall:
    """Launchers with accounts, jobs that run into a limit, and the clock."""

    def __init__(self, rig: StoreRig) -> None:
        self.rig = rig

    def launcher(self, account: str, hostname: str = "here") -> Launcher:
        """Register a launcher whose claude has an account."""
        return self.rig.launcher(
            hostname=hostname, clients={"claude": {"program": "/bin/claude", "is_signed_in": True, "account": account}}
        )

    def create(self, agent: str = "claude", **fields: object) -> Job:
        """Order a session."""
        order: Order = self.rig.order(None, agent_name=agent, **fields)
        return self.rig.do(lambda tx: create_job(tx, order, AGENTS.get)).job

    def run(self, launcher: Launcher) -> list[Job]:
        """Let begin what a launcher is given."""
        claims = self.rig.poll(launcher, batch=10).claims
        return [self.rig.do(lambda tx, one=claim.job: start(tx, proof(one))) for claim in claims]  # type: ignore[misc]

    def refuse(self, job: Job, minutes: float | None = 60, **limit: object) -> Job:
        """Let a running job fail of its account's limit, which ends after some time."""
        at = self.now + timedelta(minutes=minutes) if minutes is not None else None
        told = Limit("5-hour limit", at, **limit)  # type: ignore[arg-type]
        return self.end(job, JobStatus.FAILED, "quota_exhausted", told)

    def end(self, job: Job, status: JobStatus, reason: str | None = None, limit: Limit | None = None) -> Job:
        """Report an end."""
        report = Report(proof(job), status, reason, error=reason, limit=limit or Limit())
        return self.rig.do(lambda tx: finish(tx, report)).job

    def speak(self, job: Job, kind: str = "message", **data: Json) -> None:
        """Let the agent of a job say or do something."""

        def tell(tx: Transaction) -> object:
            session = tx.sessions.get(job.session_id)
            assert session is not None
            return append_events(tx, session, [GivenEvent(kind, data, job_id=job.id, attempt=job.attempt)])

        self.rig.do(tell)

    def pass_time(self, **units: float) -> None:
        """Let time pass, and the upkeep look after it."""
        self.rig.clock.move(**units)
        self.rig.do(tend_holds)

    def why(self, job: Job) -> Waiting:
        """Ask why a job waits."""
        found = self.rig.do(lambda tx: explain_waiting(tx, [get_job(tx, job.id)]))
        return found[job.id]

    def events(self, kind: str) -> list[Event]:
        """Read what was told of holds."""
        return [one for one in self.rig.do(lambda tx: tx.events.after(0, 1000)) if one.new.type == kind]

    @property
    def holds(self) -> list[QuotaHold]:
        """The holds that are open."""
        return list(self.rig.do(lambda tx: tx.quota.open()))

    @property
    def now(self) -> datetime:
        """The time."""
        return self.rig.clock.now()


@pytest.fixture
def wall(rig: StoreRig) -> Wall:
    """A store in which nobody has run into anything."""
    return Wall(rig)


def test_a_limit_holds_its_account_on_all_launchers_and_nothing_else(wall: Wall) -> None:
    here, twin, other = wall.launcher("A"), wall.launcher("A", "twin"), wall.launcher("B", "other")
    first = wall.create()
    (running,) = wall.run(here)
    back = wall.refuse(running)
    waiting, elsewhere, own = wall.create(), wall.create("codex"), wall.create("own-key")

    assert (back.status, back.attempt) == (JobStatus.PENDING, 1)
    assert {job.id for job in wall.run(twin)} == {elsewhere.id, own.id}
    assert [job.id for job in wall.run(other)] == [first.id, waiting.id]
    (hold,) = wall.holds
    assert (hold.account, hold.backend, hold.model, hold.limit_name) == ("A", "claude", None, "5-hour limit")


def test_a_job_that_waits_for_a_limit_says_so_with_the_time(wall: Wall) -> None:
    launcher = wall.launcher("A")
    job = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create("opus")

    why = wall.why(job)

    (hold,) = wall.holds
    assert (why.reason, why.next_at) == ("quota_held", hold.until)
    assert why.sentence.startswith("held: claude's 5-hour limit on account 'A' until 2026-01-02 04:0")
    assert why.sentence.endswith("UTC (2 jobs)")
    assert timedelta(minutes=60) <= hold.until - wall.now <= timedelta(minutes=61)
    (held,) = wall.events("quota.held")
    assert (held.new.data["hold_id"], held.new.data["account"]) == (hold.id, "A")


def test_when_it_should_be_over_one_job_tries_and_the_first_answer_frees_the_others(wall: Wall) -> None:
    launcher = wall.launcher("A")
    first = wall.create()
    wall.refuse(wall.run(launcher)[0])
    others = [wall.create(), wall.create()]
    wall.pass_time(minutes=30)
    assert not wall.run(launcher)
    wall.pass_time(minutes=32)

    (probe,) = wall.run(launcher)
    assert probe.id == first.id  # It was at the front before.
    assert not wall.run(launcher)
    wall.speak(probe, role="user", text="the prompt is no answer")
    wall.pass_time(seconds=5)
    assert not wall.run(launcher)
    assert "tries it" in wall.why(others[0]).sentence
    wall.speak(probe, role="assistant", text="here I am")
    wall.pass_time(seconds=1)
    assert not wall.run(launcher)  # Some clients say so that they are refused.
    wall.pass_time(seconds=5)

    assert [job.id for job in wall.run(launcher)] == [job.id for job in others]
    assert not wall.holds
    assert wall.events("quota.lifted")[0].new.data["lifted_by"] == "answered"


def test_a_try_that_is_refused_holds_on_and_a_try_that_fails_otherwise_lets_another_one_try(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create()
    wall.pass_time(minutes=62)
    (probe,) = wall.run(launcher)
    wall.refuse(probe, minutes=10)
    assert [hold.state for hold in wall.holds] == [HoldState.CLOSED]
    assert not wall.run(launcher)

    wall.pass_time(minutes=11)
    (probe,) = wall.run(launcher)
    wall.end(probe, JobStatus.FAILED, "nonzero_exit")
    wall.pass_time(seconds=5)
    (probe,) = wall.run(launcher)
    wall.pass_time(seconds=(PATIENCE.total_seconds() + 5))

    assert [hold.probe_job_id for hold in wall.holds] == [None]
    wall.end(probe, JobStatus.COMPLETED)


def test_who_tries_and_is_lost_may_be_back_so_nobody_tries_beside_it_for_a_while(wall: Wall) -> None:
    here, twin = wall.launcher("A"), wall.launcher("A", "twin")
    wall.create()
    wall.refuse(wall.run(here)[0])
    waiting = wall.create()
    wall.pass_time(minutes=65)
    (probe,) = wall.run(here)

    wall.rig.launcher(launcher_id=here.id, holding=[])
    wall.pass_time(seconds=5)

    assert wall.rig.job(probe).status is JobStatus.LOST
    assert wall.run(twin) == []
    wall.pass_time(seconds=PATIENCE.total_seconds())
    assert [job.id for job in wall.run(twin)] == [waiting.id]


def test_however_often_and_long_a_limit_refuses_a_job_all_its_own_tries_are_left(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create(retries={"network": 1})
    for _ in range(7):
        wall.refuse(wall.run(launcher)[0], minutes=24 * 60)
        wall.pass_time(minutes=25 * 60)

    ends = []
    for _ in range(2):
        ends.append(wall.end(wall.run(launcher)[0], JobStatus.FAILED, "model_unreachable").status)
        wall.pass_time(minutes=7)
        wall.rig.do(free_due_jobs)

    assert ends == [JobStatus.PENDING, JobStatus.FAILED]


def test_without_a_told_time_it_is_tried_soon_and_then_ever_later(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    waits = []
    for _ in range(3):
        (job,) = wall.run(launcher)
        wall.end(job, JobStatus.FAILED, "rate_limited")
        waits.append((wall.holds[0].until - wall.now) // timedelta(minutes=1))
        wall.pass_time(hours=1)

    assert waits == [1, 2, 4]


def test_when_it_should_be_over_those_who_could_run_it_are_told_to_look_and_nobody_else(wall: Wall) -> None:
    here, _other = wall.launcher("A"), wall.launcher("B", "other")
    wall.create()
    wall.refuse(wall.run(here)[0])
    wall.rig.news.clear()

    wall.pass_time(minutes=65)

    assert [told for news in wall.rig.news for told in news.launchers] == [here.id]


def test_the_upkeep_looks_when_a_limit_should_be_over_and_soon_again_while_one_tries(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    nothing = wall.rig.do(next_look)
    wall.refuse(wall.run(launcher)[0])
    (hold,) = wall.holds

    assert (nothing, wall.rig.do(next_look)) == (None, hold.until)
    wall.pass_time(minutes=65)
    assert wall.rig.do(next_look) is None, "the next claim is what to wait for"
    wall.run(launcher)
    assert wall.rig.do(next_look) == wall.now + LOOK_AGAIN_AFTER


def test_a_limit_of_which_nobody_knows_whose_it_is_makes_its_own_job_wait_and_holds_nobody(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create("script")
    until = wall.now + timedelta(minutes=60)

    back = wall.refuse(wall.run(launcher)[0])

    assert back.status is JobStatus.PENDING
    assert back.not_before is not None
    assert back.not_before >= until
    assert wall.holds == []


def test_a_limit_of_one_model_leaves_the_others(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create("opus")
    wall.refuse(wall.run(launcher)[0], is_of_model=True)
    plain = wall.create()
    wall.create("opus")

    assert [job.id for job in wall.run(launcher)] == [plain.id]
    assert wall.holds[0].model == "opus"


def test_a_hold_for_which_nobody_waits_any_more_ends_by_itself(wall: Wall) -> None:
    launcher = wall.launcher("A")
    job = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.rig.do(lambda tx: stop_job(tx, job.id))

    wall.pass_time(minutes=62)

    assert not wall.holds
    assert wall.events("quota.lifted")[0].new.data["lifted_by"] == "nobody_waits"


def test_a_hold_that_should_be_over_ends_by_itself_when_those_who_waited_are_gone(wall: Wall) -> None:
    launcher = wall.launcher("A")
    job = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.pass_time(minutes=62)
    assert [hold.state for hold in wall.holds] == [HoldState.TRYING]
    wall.rig.do(lambda tx: stop_job(tx, job.id))

    wall.pass_time(seconds=5)

    assert not wall.holds


def test_who_drains_runs_nothing_of_what_waits_for_a_limit_elsewhere(wall: Wall) -> None:
    launcher = wall.launcher("A")
    leaving = wall.launcher("B", "leaving")
    wall.rig.do(lambda tx: set_draining(tx, leaving.id, draining=True))
    first = wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create()

    assert wall.why(first).reason == "quota_held"
    assert wall.why(first).sentence.endswith("(2 jobs)")
    fallen = wall.create("careful")
    assert (fallen.agent_name, [job.id for job in wall.run(launcher)]) == ("codex", [fallen.id])
    wall.pass_time(minutes=62)
    assert len(wall.run(launcher)) == 1


def test_where_the_limits_of_all_accounts_are_used_up_one_job_tries_each(wall: Wall) -> None:
    mine, other = wall.launcher("A"), wall.launcher("B", "other")
    for _ in range(3):
        wall.create()
    for launcher in (mine, other):
        for job in wall.run(launcher):
            wall.refuse(job)

    listed = [sentence_of(hold, wall.rig.do(lambda tx, hold=hold: jobs_held(tx, hold))) for hold in wall.holds]  # type: ignore[misc]
    assert [sentence.endswith("(3 jobs)") for sentence in listed] == [True, True]
    wall.pass_time(minutes=62)

    assert [len(wall.run(launcher)) for launcher in (mine, other)] == [1, 1]


def test_one_tries_first_also_if_nobody_could_when_the_limit_should_have_been_over(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create()
    wall.rig.do(lambda tx: tx.launchers.change(launcher.id, {"status": LauncherStatus.LOST}))

    wall.pass_time(minutes=62)

    assert len(wall.run(launcher)) == 1


def test_what_a_person_says_while_the_upkeep_waits_for_its_turn_counts(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    (hold,) = wall.holds
    later, lock = wall.now + timedelta(hours=9), QuotaTable.lock

    def lock_late(table: QuotaTable) -> None:
        lock(table)
        table.change(hold.id, {"until": later})

    monkeypatch.setattr(QuotaTable, "lock", lock_late)
    wall.pass_time(minutes=62)

    assert [(one.state, one.until) for one in wall.holds] == [(HoldState.CLOSED, later)]


def test_a_person_lifts_and_extends_a_hold(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    (hold,) = wall.holds
    with pytest.raises(Invalid, match="which is over"):
        wall.rig.do(lambda tx: extend_hold(tx, hold.id, tx.now))
    later = wall.now + timedelta(hours=3)
    assert wall.rig.do(lambda tx: extend_hold(tx, hold.id, later)).until == later
    wall.pass_time(hours=2)
    assert not wall.run(launcher)

    wall.rig.do(lambda tx: lift_hold(tx, hold, LIFTED_BY_USER))

    assert launcher.id in wall.rig.news[-1].launchers
    assert len(wall.run(launcher)) == 1
    with pytest.raises(Conflict, match="it is lifted"):
        wall.rig.do(lambda tx: extend_hold(tx, hold.id, later + timedelta(hours=1)))


def test_who_began_before_the_limit_was_hit_makes_no_second_hold(wall: Wall) -> None:
    launcher = wall.launcher("A")
    jobs = [wall.create() for _ in range(3)]
    running = wall.run(launcher)
    for job in running:
        wall.refuse(job)

    assert len(wall.holds) == 1
    assert len(wall.events("quota.held")) <= len(jobs)


def test_who_began_before_the_limit_was_hit_says_nothing_new_unless_it_knows_of_a_later_end(wall: Wall) -> None:
    launcher = wall.launcher("A")
    for _ in range(4):
        wall.create()
    first, untold, sooner, later = wall.run(launcher)
    wall.refuse(first)
    (hold,) = wall.holds
    wall.rig.news.clear()

    wall.refuse(untold, minutes=None)
    wall.refuse(sooner, minutes=5)
    assert wall.holds == [hold]
    wall.refuse(later, minutes=300)

    (held_on,) = wall.holds
    assert held_on.until >= wall.now + timedelta(minutes=300)
    assert (held_on.id, held_on.refusals) == (hold.id, 1)
    assert [news.due_at for news in wall.rig.news if news.due_at is not None] == [held_on.until]


def test_a_late_refusal_of_who_began_before_ends_a_try_only_if_it_knows_of_a_later_end(wall: Wall) -> None:
    launcher = wall.launcher("A")
    for _ in range(3):
        wall.create()
    first, untold, later = wall.run(launcher)
    wall.refuse(first)
    wall.pass_time(minutes=65)
    (probe,) = wall.run(launcher)

    wall.refuse(untold, minutes=None)
    (tried,) = wall.holds
    assert tried.probe_job_id == probe.id == first.id
    wall.refuse(later, minutes=300)

    (held_on,) = wall.holds
    assert (held_on.probe_job_id, held_on.state) == (None, HoldState.CLOSED)
    assert held_on.until >= wall.now + timedelta(minutes=300)
    assert wall.holds[0].refusals == 1


def test_without_an_account_the_machine_stands_for_it(wall: Wall) -> None:
    silent = wall.rig.launcher(hostname="silent")
    wall.create()
    wall.refuse(wall.run(silent)[0])

    assert wall.holds[0].account == "host silent"
    assert len(wall.run(wall.rig.launcher(hostname="another"))) == 1


def test_a_new_session_goes_to_a_fallback_while_every_launcher_waits_for_the_limit(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])

    fallen = wall.create("careful")

    assert fallen.agent_name == "codex"
    assert [event.new.data.get("instead_of") for event in wall.events("session.created")] == [None, "careful"]
    wall.launcher("B", "other")
    assert wall.create("careful").agent_name == "careful"


def test_a_job_that_is_not_to_wait_for_its_limit_fails_and_holds_the_others(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create("opus", retries={"quota": 0})

    failed = wall.refuse(wall.run(launcher)[0])

    assert (failed.status, failed.reason) == (JobStatus.FAILED, "quota_exhausted")
    assert len(wall.holds) == 1


def test_holds_survive_a_crash_with_what_tries_them(wall: Wall) -> None:
    launcher = wall.launcher("A")
    wall.create()
    wall.refuse(wall.run(launcher)[0])
    wall.create("opus")
    wall.pass_time(minutes=62)
    (probe,) = wall.run(launcher)

    wall.rig.reopen()

    assert [hold.probe_job_id for hold in wall.holds] == [probe.id]
    assert not wall.run(launcher)
