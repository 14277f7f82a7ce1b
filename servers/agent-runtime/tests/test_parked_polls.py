"""Exactly whom a new job wakes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent_runtime.domain.job import Job, Order
from agent_runtime.domain.launcher import Launcher
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.launchers.claims import Ask, Found
from agent_runtime.services.launchers.parked_polls import ParkedPolls
from agent_runtime.services.launchers.polling import Polling
from agent_runtime.services.ports.store import Announcement, Transaction
from support.store_rig import StoreRig
from support.waiting import PATIENCE_SECONDS, until


class PollRoom:
    """Launchers that wait, in one loop, on a real store."""

    def __init__(self, rig: StoreRig) -> None:
        self.rig = rig
        self.polls = ParkedPolls()
        self.polling = Polling(rig.store, self.polls)
        rig.listen(self.polls.hear)

    def park(self, launcher: Launcher, slots: int = 1) -> "asyncio.Task[Found | None]":
        """Let a launcher poll."""
        ask = Ask(launcher.id, launcher.epoch, slots)
        return asyncio.ensure_future(self.polling.poll(ask, PATIENCE_SECONDS, _never))

    async def all_idle(self, *launchers: Launcher) -> None:
        """Wait until these launchers' polls have looked and wait."""
        await until(lambda: all(self.polls.is_waiting(launcher.id) for launcher in launchers), "all polls wait")

    async def create(self, **fields: object) -> Job:
        """Start a session."""
        order = self.rig.order(**fields)  # type: ignore[arg-type]  # fields of Order
        return await self.accept(order)

    async def accept(self, order: Order) -> Job:
        """Create the job of an order."""
        return (await self.rig.store.write(lambda tx: self.rig.created(tx, order))).job

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        """Run a test's story, and end the polls that are left."""

        async def whole() -> None:
            await story()
            self.polls.end_all()
            await asyncio.sleep(0)

        self.rig.runner.run(whole())


def told_by_commit(rig: StoreRig) -> list[list[Announcement]]:
    """Gather from now on what is announced, that of one commit together: it is told in one turn of the loop."""
    commits: list[list[Announcement]] = []
    open_: list[Announcement] = []

    def hear(announcement: Announcement) -> None:
        if not open_:
            asyncio.get_running_loop().call_soon(close)
        open_.append(announcement)

    def close() -> None:
        commits.append(list(open_))
        open_.clear()

    rig.listen(hear)
    return commits


async def _never() -> None:
    await asyncio.Event().wait()


def _taken(answer: Found | None) -> list[str]:
    assert answer is not None
    return [claim.job.id for claim in answer.claims]


def test_each_new_job_wakes_one_poll_and_the_longest_waiting_first(rig: StoreRig) -> None:
    room = PollRoom(rig)
    launchers = [rig.launcher() for _ in range(20)]

    async def story() -> None:
        parked = []
        for launcher in launchers:
            parked.append(room.park(launcher))
            await room.all_idle(launcher)
        jobs = [await room.create() for _ in range(3)]
        answers = [_taken(await poll) for poll in parked[:3]]

        # Which of the three gets which is open where claims run side by side.
        assert sorted(answers) == sorted([job.id] for job in jobs)
        assert room.polls.wakeups == 3
        assert not any(poll.done() for poll in parked[3:])
        room.polls.end_all()
        assert [await poll for poll in parked[3:]] == [None] * 17

    room.run(story)


def test_only_a_poll_that_may_run_the_job_is_woken(rig: StoreRig) -> None:
    room = PollRoom(rig)
    plain, fitting = rig.launcher(), rig.launcher(labels={"gpu": "yes"})

    async def story() -> None:
        first, second = room.park(plain), room.park(fitting)
        await room.all_idle(plain, fitting)
        job = await room.create(agent_name="gpu")

        assert _taken(await second) == [job.id]
        assert not first.done()

    room.run(story)


def test_a_launcher_for_its_own_jobs_is_neither_woken_for_nor_given_another_one(rig: StoreRig) -> None:
    room = PollRoom(rig)
    typed, plain = rig.launcher(only_own_jobs=True), rig.launcher()

    async def story() -> None:
        first, second = room.park(typed), room.park(plain)
        await room.all_idle(typed, plain)
        foreign = await room.create()
        assert _taken(await second) == [foreign.id]
        assert not first.done()
        own = await room.create(launcher_id=typed.id)

        assert _taken(await first) == [own.id]

    room.run(story)


def test_a_full_launcher_is_not_woken_for_a_job_and_hears_a_stop(rig: StoreRig) -> None:
    room = PollRoom(rig)
    rig.create()
    launcher = rig.launcher()
    running = rig.run(launcher)

    async def story() -> None:
        poll = room.park(launcher, slots=0)
        await room.all_idle(launcher)
        await room.create()
        assert room.polls.wakeups == 0
        await rig.store.write(lambda tx: stop_job(tx, running.id))
        answer = await poll

        assert answer is not None
        assert [job.id for job in answer.stop_jobs] == [running.id]

    room.run(story)


def test_a_new_poll_ends_the_older_one_of_the_same_launcher(rig: StoreRig) -> None:
    room = PollRoom(rig)
    launcher = rig.launcher()

    async def story() -> None:
        older = room.park(launcher)
        await room.all_idle(launcher)
        newer = room.park(launcher)
        assert await older is None
        job = await room.create()

        assert _taken(await newer) == [job.id]

    room.run(story)


def test_no_job_that_comes_while_a_poll_looks_is_passed_by(rig: StoreRig) -> None:
    room = PollRoom(rig)
    launchers = [rig.launcher() for _ in range(30)]

    async def story() -> None:
        # All at once, so that orders are committed before, between and after the first looks of the polls.
        polls = [room.park(launcher) for launcher in launchers]
        jobs = await asyncio.gather(*[room.create() for _ in launchers])
        async with asyncio.timeout(PATIENCE_SECONDS):
            taken = [job_id for poll in polls for job_id in _taken(await poll)]

        assert sorted(taken) == sorted(job.id for job in jobs)

    room.run(story)


def test_a_poll_that_takes_another_job_passes_its_wake_up_on(rig: StoreRig) -> None:
    room = PollRoom(rig)
    both, gpu_only = rig.launcher(labels={"gpu": "yes"}), rig.launcher(labels={"gpu": "yes"})

    async def story() -> None:
        polls = [room.park(both), room.park(gpu_only)]
        await room.all_idle(both, gpu_only)
        low = rig.order(agent_name="gpu")
        high = rig.order(priority=9)
        # Committed together: the first poll, woken for the first job, sees the second one go first.
        jobs = await asyncio.gather(room.accept(low), room.accept(high))
        taken = [job_id for poll in polls for job_id in _taken(await poll)]

        assert sorted(taken) == sorted(job.id for job in jobs)

    room.run(story)


def test_the_poll_whose_client_left_leaves_a_note(rig: StoreRig) -> None:
    room = PollRoom(rig)
    launcher = rig.launcher()

    async def story() -> None:
        gone = asyncio.Event()

        async def client_left() -> None:
            await gone.wait()

        poll = asyncio.ensure_future(room.polling.poll(Ask(launcher.id), PATIENCE_SECONDS, client_left))
        await room.all_idle(launcher)
        gone.set()

        assert await poll is None
        noted = await rig.store.read(lambda tx: tx.launchers.get(launcher.id))
        assert noted is not None
        assert noted.poll_dropped_at == rig.clock.now()

    room.run(story)


def test_a_poll_that_is_told_to_expect_a_job_takes_it_in_the_commit_that_makes_it(tmp_path: Path) -> None:
    rig = StoreRig(tmp_path)  # one writer: on PostgreSQL each has a commit of its own
    room, launcher = PollRoom(rig), rig.launcher()

    async def story() -> None:
        poll = room.park(launcher)
        await room.all_idle(launcher)
        commits = told_by_commit(rig)
        # The writer is kept until the poll has asked, as a verb that takes its time would keep it.
        asked = threading.Event()
        order = rig.order()

        def create(tx: Transaction) -> Job:
            assert asked.wait(PATIENCE_SECONDS)
            return rig.created(tx, order).job

        async def creating() -> Job:
            room.polls.expect_job()
            return await rig.store.write(create)

        made = asyncio.ensure_future(creating())
        await until(lambda: not room.polls.is_waiting(launcher.id), "the poll looks")
        await asyncio.sleep(0)
        asked.set()
        job = await made
        assert _taken(await poll) == [job.id]
        assert [len(commit) for commit in commits] == [2], "the job and its claim were one commit"

    room.run(story)
    rig.close()


def test_a_poll_that_expected_a_job_in_vain_waits_on_and_gets_the_next(rig: StoreRig) -> None:
    room, launcher = PollRoom(rig), rig.launcher()

    async def story() -> None:
        poll = room.park(launcher)
        await room.all_idle(launcher)
        room.polls.expect_job()
        await room.all_idle(launcher)
        job = await room.create()
        assert _taken(await poll) == [job.id]

    room.run(story)
