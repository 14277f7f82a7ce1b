"""What time alone changes, and when silence proves nothing."""

import asyncio
from datetime import timedelta

import pytest

from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.launchers.presence import Heartbeat, KnownAttempt, beat, note_dropped_poll
from agent_runtime.services.ports.store import Transaction
from agent_runtime.upkeep import background
from agent_runtime.upkeep.background import Background
from agent_runtime.upkeep.scheduler import Pass, Upkeep
from support.store_rig import StoreRig
from support.waiting import until

LEASE = timedelta(seconds=120)


class Rounds:
    """Upkeep that is driven by hand."""

    def __init__(self, rig: StoreRig) -> None:
        self.rig = rig
        self.upkeep = Upkeep(rig.store, LEASE)

    def go(self, **units: float) -> Pass:
        """Let time pass while everybody is awake, then do one round."""
        self.rig.clock.move(**units)
        return self.rig.runner.run(self.upkeep.pass_once(renews=False))

    def begin(self) -> Pass:
        """Do the first round of a life."""
        return self.rig.runner.run(self.upkeep.pass_once(renews=True))


@pytest.fixture
def rounds(rig: StoreRig) -> Rounds:
    """Upkeep of the rig's store."""
    return Rounds(rig)


def _running(rig: StoreRig, **fields: object) -> tuple[Launcher, Job]:
    rig.create(**fields)  # type: ignore[arg-type]  # fields of Order
    launcher = rig.launcher(hostname="here")
    return launcher, rig.run(launcher)


def _status_of(rig: StoreRig, launcher: Launcher) -> str:
    found = rig.do(lambda tx: tx.launchers.get(launcher.id))
    assert found is not None
    return found.status


def test_a_claim_that_nobody_starts_goes_back_after_30_seconds(rig: StoreRig, rounds: Rounds) -> None:
    rig.create()
    job = rig.claim(rig.launcher())

    rounds.go(seconds=29)
    before = rig.job(job)
    rounds.go(seconds=1)
    after = rig.job(job)

    assert (before.status, after.status) == (JobStatus.CLAIMED, JobStatus.PENDING)
    assert (after.tries, after.token, rig.news[-1].ready_lanes[0].id) == (0, None, job.lane_id)


def test_a_delayed_job_can_be_claimed_when_its_time_comes_and_upkeep_sleeps_until_then(
    rig: StoreRig, rounds: Rounds
) -> None:
    launcher = rig.launcher()
    when = rig.clock.now() + timedelta(seconds=60)
    job = rig.create(not_before=when)

    assert not rig.poll(launcher).claims
    assert rounds.go().next_at == when
    rounds.go(seconds=60)
    assert rig.claim(launcher).id == job.id


def test_a_job_that_waited_longer_than_it_wished_ends(rig: StoreRig, rounds: Rounds) -> None:
    job = rig.create(queue_timeout_seconds=5.0)

    rounds.go(seconds=6)

    ended = rig.job(job)
    assert (ended.status, ended.reason) == (JobStatus.STOPPED, "queue_expired")


def test_a_launcher_is_lost_when_its_lease_is_over(rig: StoreRig, rounds: Rounds) -> None:
    launcher, job = _running(rig)

    rounds.go(seconds=119)
    assert (_status_of(rig, launcher), rig.job(job).status) == ("alive", JobStatus.RUNNING)
    rounds.go(seconds=1)

    assert (_status_of(rig, launcher), rig.job(job).status) == ("lost", JobStatus.LOST)
    assert rig.session(job).status == "lost"


def test_a_heartbeat_renews_the_lease(rig: StoreRig, rounds: Rounds) -> None:
    launcher, job = _running(rig)

    for _ in range(4):
        rounds.go(seconds=60)
        rig.do(lambda tx: beat(tx, Heartbeat(launcher.id)))

    assert rig.job(job).status is JobStatus.RUNNING


def test_a_launcher_whose_poll_was_cut_off_is_lost_after_15_seconds(rig: StoreRig, rounds: Rounds) -> None:
    launcher, job = _running(rig)
    rig.do(lambda tx: note_dropped_poll(tx, launcher.id))

    rounds.go(seconds=14)
    assert rig.job(job).status is JobStatus.RUNNING
    rounds.go(seconds=1)

    assert rig.job(job).status is JobStatus.LOST


def test_any_call_after_a_cut_poll_proves_life(rig: StoreRig, rounds: Rounds) -> None:
    launcher, job = _running(rig)
    rig.do(lambda tx: note_dropped_poll(tx, launcher.id))
    rig.clock.move(seconds=3)
    rig.poll(launcher)

    rounds.go(seconds=60)

    assert rig.job(job).status is JobStatus.RUNNING


def test_the_claims_of_a_lost_launcher_go_back_at_once(rig: StoreRig, rounds: Rounds) -> None:
    rig.create()
    launcher = rig.launcher()
    job = rig.claim(launcher)
    rig.do(lambda tx: note_dropped_poll(tx, launcher.id))

    rounds.go(seconds=15)

    assert rig.job(job).status is JobStatus.PENDING


def test_a_fresh_start_gives_everybody_a_whole_lease(rig: StoreRig, rounds: Rounds) -> None:
    _, job = _running(rig)
    rig.clock.move(hours=1)

    rounds.begin()
    rounds.go(seconds=119)

    assert rig.job(job).status is JobStatus.RUNNING


def test_a_lost_job_is_given_up_after_ten_minutes_and_its_late_truth_still_counts(
    rig: StoreRig, rounds: Rounds
) -> None:
    _, job = _running(rig)
    rounds.go(seconds=120)
    rounds.go(seconds=599)
    assert rig.job(job).status is JobStatus.LOST
    rounds.go(seconds=1)
    given_up = rig.job(job)
    rig.clock.move(hours=23)

    assert (given_up.status, given_up.reason) == (JobStatus.FAILED, "launcher_lost")
    assert rig.end(job).job.status is JobStatus.COMPLETED
    assert rig.job(job).reason is None


def test_the_truth_comes_too_late_after_a_day(rig: StoreRig, rounds: Rounds) -> None:
    _, job = _running(rig)
    rounds.go(seconds=120)
    rounds.go(minutes=10)
    rig.clock.move(hours=25)

    assert rig.end(job).refused == "already_ended"


def test_a_job_that_may_run_twice_is_run_again_and_its_old_attempt_is_fenced_off(rig: StoreRig, rounds: Rounds) -> None:
    launcher, old = _running(rig, rerun_lost=1)
    rounds.go(seconds=120)
    rounds.go(minutes=10)
    new = rig.run(rig.launcher(hostname="here"))

    assert (new.id, new.attempt) == (old.id, old.attempt + 1)
    assert rig.end(old).refused == "not_current"
    assert rig.job(new).status is JobStatus.RUNNING
    assert launcher.id != new.launcher_id


def test_a_job_that_was_lost_three_times_in_three_days_is_never_run_again(rig: StoreRig, rounds: Rounds) -> None:
    rig.create(rerun_lost=50)
    for _ in range(3):
        job = rig.run(rig.launcher(hostname="here"))
        rounds.go(seconds=120)
        rounds.go(minutes=10)

    assert (rig.job(job).status, rig.job(job).losses) == (JobStatus.FAILED, 3)


def test_a_loss_that_healed_does_not_use_up_what_may_be_run_again(rig: StoreRig, rounds: Rounds) -> None:
    launcher, job = _running(rig, rerun_lost=1)
    rounds.go(seconds=120)
    lost = rig.job(job).status
    rig.do(lambda tx: beat(tx, Heartbeat(launcher.id, holding=[KnownAttempt(job.id, job.attempt, job.token or "")])))
    healed = rig.job(job).status

    rounds.go(seconds=120)
    rounds.go(minutes=10)

    assert (lost, healed) == (JobStatus.LOST, JobStatus.RUNNING)
    assert rig.job(job).status is JobStatus.PENDING


@pytest.mark.parametrize("fate", ["keeper killed", "launcher lost"])
def test_a_job_that_has_run_does_not_leave_the_queue_as_one_that_nobody_took(
    rig: StoreRig, rounds: Rounds, fate: str
) -> None:
    _, job = _running(rig, queue_timeout_seconds=60.0, max_attempts=2, rerun_lost=1)
    if fate == "keeper killed":
        rig.clock.move(seconds=90)
        rig.end(job, JobStatus.FAILED, reason="shim_died")
    else:
        rounds.go(seconds=120)
        rounds.go(minutes=10)

    rounds.go(seconds=1)

    assert rig.job(job).status is JobStatus.PENDING
    assert rig.job(job).queue_expires_at is None


def test_when_most_launchers_fall_silent_at_once_the_runtime_suspects_itself(
    rig: StoreRig, rounds: Rounds, caplog: pytest.LogCaptureFixture
) -> None:
    running = [_running(rig) for _ in range(3)]

    rounds.go(seconds=120)
    first = [_status_of(rig, launcher) for launcher, _ in running]
    rounds.go(minutes=9)
    rounds.go(minutes=1)
    last = [_status_of(rig, launcher) for launcher, _ in running]

    assert (first, last) == (["alive"] * 3, ["lost"] * 3)
    assert "most launchers fell silent at once" in caplog.text


def test_the_runtime_suspects_itself_anew_when_those_who_came_back_fall_silent_again(
    rig: StoreRig, rounds: Rounds
) -> None:
    launchers = [rig.launcher() for _ in range(3)]
    rounds.go(seconds=120)
    rig.clock.move(minutes=9)
    for launcher in launchers:
        rig.poll(launcher)

    rounds.go(seconds=121)

    assert [_status_of(rig, launcher) for launcher in launchers] == ["alive"] * 3


def test_few_silent_launchers_among_many_are_simply_lost(rig: StoreRig, rounds: Rounds) -> None:
    silent = [rig.launcher() for _ in range(3)]
    rig.clock.move(seconds=100)
    for _ in range(4):
        rig.launcher()

    rounds.go(seconds=20)

    assert [_status_of(rig, launcher) for launcher in silent] == ["lost"] * 3


def test_a_stop_that_was_not_obeyed_wakes_the_launcher_again(rig: StoreRig, rounds: Rounds) -> None:
    launcher, job = _running(rig)
    rig.do(lambda tx: stop_job(tx, job.id))
    rig.poll(launcher, slots=0)
    rig.news.clear()

    planned = rounds.go().next_at - rig.clock.now()
    rounds.go(seconds=5)

    assert planned == timedelta(seconds=5)
    assert rig.news[-1].launchers == (launcher.id,)
    assert rig.poll(launcher, slots=0).stop_jobs


def test_upkeep_wakes_for_what_becomes_due_earlier_than_it_had_planned(rig: StoreRig) -> None:
    upkeep = Upkeep(rig.store, LEASE)

    async def live() -> JobStatus:
        upkeep.start()
        upkeep.start()
        order = rig.order(queue_timeout_seconds=0.001)
        job = (await rig.store.write(lambda tx: rig.created(tx, order))).job
        rig.clock.move(seconds=1)
        upkeep.hear(rig.news[-1])
        found = await rig.until_not(job, JobStatus.PENDING)
        await upkeep.stop()
        await upkeep.stop()
        return found.status

    assert rig.runner.run(live()) is JobStatus.STOPPED


class CountedUpkeep(Upkeep):
    """Tells how many rounds it did."""

    rounds = 0

    def _round(self, tx: Transaction, *, renews: bool) -> Pass:
        self.rounds += 1
        return super()._round(tx, renews=renews)


@pytest.mark.parametrize("rig", ["sqlite"], indirect=True)  # writes one after the other, so it is known when it sleeps
def test_a_freeze_that_ends_just_when_a_lease_was_to_be_judged_costs_no_lease(
    rig: StoreRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = rig.launcher()
    upkeep = CountedUpkeep(rig.store, LEASE)
    frozen_seconds = LEASE.total_seconds() + 2

    async def live() -> None:
        loop = asyncio.get_running_loop()
        ticks = loop.time
        upkeep.start()
        await until(lambda: upkeep.rounds == 1, "it has looked once")
        await rig.store.write(lambda tx: tx.now)  # answered after that round, so it sleeps now
        rig.clock.move(seconds=frozen_seconds)
        monkeypatch.setattr(loop, "time", lambda: ticks() + frozen_seconds)
        await until(lambda: upkeep.rounds == 2, "it has looked again")
        await upkeep.stop()

    rig.runner.run(live())

    found = rig.do(lambda tx: tx.launchers.get(launcher.id))
    assert found is not None
    assert (found.status, found.last_seen_at) == (LauncherStatus.ALIVE, rig.clock.now())


class FailsAtFirst(Background):
    """Work whose first round fails."""

    def __init__(self) -> None:
        super().__init__("fails at first")
        self.rounds = 0
        self.is_in_second_round = asyncio.Event()

    async def do_round(self) -> None:
        self.rounds += 1
        if self.rounds == 1:
            raise ConnectionError
        self.is_in_second_round.set()
        await asyncio.Event().wait()


def test_a_round_that_fails_is_logged_and_followed_by_the_next(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "PAUSE_AFTER_FAILURE_SECONDS", 0.0)
    work = FailsAtFirst()

    async def story() -> None:
        work.start()
        async with asyncio.timeout(30):
            await work.is_in_second_round.wait()
        await work.stop()

    asyncio.run(story())

    assert "a round of 'fails at first' failed; the next one follows" in caplog.text
