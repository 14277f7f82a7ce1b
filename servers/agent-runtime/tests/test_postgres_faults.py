"""Several runtimes, one database, and everything that can be done to a connection: no job is lost, none runs twice."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import psycopg
import pytest

from agent_runtime.domain.errors import Unavailable, Unusable
from agent_runtime.domain.job import JobStatus, JobType, Order
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.orders import Created, IdempotencyKey, create_job
from agent_runtime.services.launchers.presence import note_dropped_poll
from agent_runtime.services.ports.store import Transaction
from agent_runtime.store.postgres import store as postgres
from agent_runtime.store.postgres.connection import PostgresConnection
from agent_runtime.store.postgres.opening import prepare_postgres, shared_secret
from agent_runtime.upkeep.silent_launchers import silent_at
from support.fleet import Fleet, sail
from support.postgres import Cluster, name_of, running_cluster
from support.waiting import PATIENCE_SECONDS, until

JOBS = 40


@pytest.fixture(scope="module")
def fragile() -> Iterator[Cluster]:
    """A server that the tests may kill."""
    with running_cluster() as server:
        yield server


def order() -> Order:
    """Word an order."""
    return Order(JobType.START_SESSION, "the-one", "hello", agent_name="echo")


async def _all_run(fleet: Fleet, trouble: "asyncio.Future[None]") -> None:
    """Create and run jobs at all runtimes while the trouble goes on, and see that each ran once."""
    over = False
    launchers = [asyncio.ensure_future(fleet.work(lambda: over)) for _ in range(4)]
    jobs = await asyncio.gather(*[fleet.members[number % len(fleet.members)].create() for number in range(JOBS)])
    await trouble
    await until(lambda: len(fleet.ran) >= len(jobs), "every job ran")
    over = True
    await asyncio.gather(*launchers)
    ends = [await fleet.members[0].do(lambda tx, job=job: get_job(tx, job.id)) for job in jobs]  # type: ignore[misc]

    assert {job.status for job in ends} == {JobStatus.COMPLETED}
    assert [job.attempt for job in ends] == [1] * JOBS
    assert set(fleet.ran) == {job.id for job in jobs}
    assert set(fleet.ran.values()) == {1}


def test_no_job_is_lost_or_run_twice_when_all_connections_are_cut_again_and_again(
    cluster: Cluster, postgres_url: str
) -> None:
    async def story(fleet: Fleet) -> None:
        async def cut() -> None:
            for part in (1, 2, 3):
                await until(lambda part=part: len(fleet.ran) >= part * JOBS // 5, "some jobs ran")  # type: ignore[misc]
                await asyncio.to_thread(cluster.end_all_connections, name_of(postgres_url))

        await _all_run(fleet, asyncio.ensure_future(cut()))

    sail(postgres_url, 3, story)


def test_no_job_is_lost_or_run_twice_when_the_server_dies_and_comes_back(fragile: Cluster) -> None:
    url = fragile.new_database()
    prepare_postgres(url)

    async def story(fleet: Fleet) -> None:
        async def die() -> None:
            for part in (1, 3):
                await until(lambda part=part: len(fleet.ran) >= part * JOBS // 5, "some jobs ran")  # type: ignore[misc]
                await asyncio.to_thread(fragile.stop, "immediate")
                await asyncio.to_thread(fragile.start)

        await _all_run(fleet, asyncio.ensure_future(die()))

    sail(url, 2, story)


def test_a_lock_that_somebody_holds_stops_only_whom_it_concerns(postgres_url: str) -> None:
    async def story(fleet: Fleet) -> None:
        one, other = fleet.members
        locked, free = await one.create(), await one.create()
        with psycopg.connect(postgres_url) as holder:
            holder.execute("SELECT 1 FROM jobs WHERE id = %s FOR UPDATE", (locked.id,))
            launcher = await other.register()

            assert (taken := await other.poll(launcher)) is not None
            assert taken.id == free.id

        second = await other.register()
        found = await other.poll(second, PATIENCE_SECONDS)
        assert found is not None
        assert found.id == locked.id

    sail(postgres_url, 2, story)


def test_a_job_that_is_created_at_one_runtime_wakes_a_poll_that_is_parked_at_another(postgres_url: str) -> None:
    async def story(fleet: Fleet) -> None:
        here, there = fleet.members
        launcher = await here.register()
        parked = asyncio.ensure_future(here.poll(launcher, PATIENCE_SECONDS))
        await until(lambda: here.polls.is_waiting(launcher), "the poll waits")
        job = await there.create()

        found = await parked
        assert found is not None
        assert found.id == job.id

    sail(postgres_url, 2, story)


def test_a_job_wakes_a_poll_of_another_runtime_even_if_nobody_can_listen(cluster: Cluster, postgres_url: str) -> None:
    async def story(fleet: Fleet) -> None:
        here, there = fleet.members
        launcher = await here.register()
        parked = asyncio.ensure_future(here.poll(launcher, PATIENCE_SECONDS))
        await until(lambda: here.polls.is_waiting(launcher), "the poll waits")
        here.rows._switchboard._hear = lambda message: None  # type: ignore[method-assign]  # noqa: ARG005 - deaf from now on
        job = await there.create()

        found = await parked
        assert found is not None
        assert found.id == job.id

    sail(postgres_url, 2, story)


def test_the_line_between_the_runtimes_is_made_anew_when_it_is_cut(cluster: Cluster, postgres_url: str) -> None:
    async def story(fleet: Fleet) -> None:
        here, there = fleet.members
        for _ in range(3):
            await asyncio.to_thread(cluster.end_all_connections, name_of(postgres_url))
            launcher = await here.register()
            parked = asyncio.ensure_future(here.poll(launcher, PATIENCE_SECONDS))
            job = await there.create()
            found = await parked
            assert found is not None
            assert found.id == job.id

    sail(postgres_url, 2, story)


def test_every_runtime_sees_all_events_in_the_same_order(postgres_url: str) -> None:
    async def story(fleet: Fleet) -> None:
        while not all(member.events for member in fleet.members):
            await fleet.members[0].create()  # what was there before a runtime begins to listen is no news to it
        await asyncio.gather(*[member.create() for member in fleet.members for _ in range(15)])
        last = await fleet.members[0].create("the-last-one")
        for member in fleet.members:
            await until(lambda member=member: any(e.new.job_id == last.id for e in member.events), "it is seen")  # type: ignore[misc]

        seen = [[event.seq for event in member.events] for member in fleet.members]
        assert all(seqs == sorted(set(seqs)) for seqs in seen)
        shortest = min(len(seqs) for seqs in seen)
        assert shortest >= 2 * 15 * len(fleet.members)
        assert len({tuple(seqs[-shortest:]) for seqs in seen}) == 1

    sail(postgres_url, 3, story)


def test_a_poll_that_is_parked_elsewhere_proves_life_when_an_older_one_is_cut_off(postgres_url: str) -> None:
    async def story(fleet: Fleet) -> None:
        old, new = fleet.members
        launcher = await old.register()
        parked = asyncio.ensure_future(new.poll(launcher, PATIENCE_SECONDS))
        await until(lambda: new.polls.is_waiting(launcher), "the newer poll waits")
        await old.do(lambda tx: note_dropped_poll(tx, launcher))

        async with asyncio.timeout(PATIENCE_SECONDS):
            while (found := await old.do(lambda tx: tx.launchers.get(launcher))) is not None:
                if found.poll_dropped_at is None:
                    break
        assert found is not None
        assert silent_at(found, timedelta(seconds=120)) - found.last_seen_at == timedelta(seconds=120)
        parked.cancel()

    sail(postgres_url, 2, story)


def test_upkeep_is_done_by_one_runtime_at_a_time(postgres_url: str) -> None:
    async def story(fleet: Fleet) -> None:
        one, other = fleet.members
        leads: list[bool] = []

        def nested() -> bool:
            return asyncio.run_coroutine_threadsafe(other.rows.write(lambda tx: tx.leads("upkeep")), loop).result()

        loop = asyncio.get_running_loop()
        await one.rows.write(lambda tx: leads.extend((tx.leads("upkeep"), nested())))

        assert leads == [True, False]
        assert await other.rows.write(lambda tx: tx.leads("upkeep"))

    sail(postgres_url, 2, story)


def test_a_lock_that_outlasts_our_patience_is_answered_with_a_refusal_and_nothing_has_happened(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PATIENCE_SECONDS", 0.2)

    async def story(fleet: Fleet) -> None:
        (one,) = fleet.members
        with psycopg.connect(postgres_url) as holder:
            holder.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Unavailable, match=r"cannot use the database .*lock timeout.*ask again") as refused:
                await one.store.write(lambda tx: create_job(tx, order(), one._agent))

        assert refused.value.code == "database_unavailable"
        assert refused.value.retry_after_seconds > 0
        assert await one.store.read(lambda tx: tx.jobs.count_waiting(10)) == 0
        assert (await one.do(lambda tx: create_job(tx, order(), one._agent))).is_new

    sail(f"{postgres_url}&options=-c%20lock_timeout%3D50ms", 1, story)


def test_a_commit_that_no_synchronous_standby_has_seen_is_not_acknowledged(fragile: Cluster) -> None:
    url = fragile.new_database()
    prepare_postgres(url)

    async def story(fleet: Fleet) -> None:
        (one,) = fleet.members
        key = IdempotencyKey("key", "same")
        with fragile.waiting_for_standby("nobody"):
            waits = asyncio.ensure_future(one.store.write(lambda tx: create_job(tx, order(), one._agent, key)))
            await until(fragile.cancel_commits_that_wait, "a commit waits")
            with pytest.raises(Unavailable, match="took place or will last"):
                await waits

        again = await one.do(lambda tx: create_job(tx, order(), one._agent, key))
        assert not again.is_new, "it was committed here, and the same key finds it"

    sail(url, 1, story)


def test_a_database_that_may_only_be_read_is_refused_for_that_reason(fragile: Cluster) -> None:
    url = fragile.new_database()
    prepare_postgres(url)
    fragile.do("CREATE ROLE reader LOGIN")

    with pytest.raises(Unusable, match="its role has to own the tables"):
        prepare_postgres(f"{url}&user=reader")
    with pytest.raises(Unusable, match="it takes no writes: it is a standby, or its role"):
        shared_secret(f"{url}&options=-c%20default_transaction_read_only%3Don", "any", lambda: "x")
    with pytest.raises(Unusable, match="check the database URL"):
        prepare_postgres(f"{url}&dbname=nowhere")


def test_an_answer_that_repeats_one_whose_commit_no_standby_has_seen_waits_as_well(fragile: Cluster) -> None:
    url = fragile.new_database()
    prepare_postgres(url)

    async def story(fleet: Fleet) -> None:
        (one,) = fleet.members
        key = IdempotencyKey("key", "same")

        def create(tx: Transaction) -> Created:
            return create_job(tx, order(), one._agent, key)

        with fragile.waiting_for_standby("nobody"):
            for _ in ("the first", "the same again"):
                waits = asyncio.ensure_future(one.store.write(create))
                await until(fragile.cancel_commits_that_wait, "a commit waits")
                with pytest.raises(Unavailable, match="took place or will last"):
                    await waits

        assert not (await one.do(create)).is_new

    sail(url, 1, story)


def test_nobody_waits_for_ever_for_a_standby_that_is_away_and_who_asks_again_gets_one_job(
    fragile: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.5)
    url = fragile.new_database()
    prepare_postgres(url)

    async def story(fleet: Fleet) -> None:
        (one,) = fleet.members
        names = [f"session-{number}" for number in range(postgres.WRITERS * 2)]

        def creating(name: str) -> Callable[[Transaction], Created]:
            wanted = Order(JobType.START_SESSION, name, "hello", agent_name="echo")
            return lambda tx: create_job(tx, wanted, one._agent, IdempotencyKey(name, "same"))

        with fragile.waiting_for_standby("nobody"):
            ask = [one.store.write(creating(name)) for name in names]
            answers = await asyncio.gather(*ask, return_exceptions=True)
            monkeypatch.undo()
            assert await one.store.read(lambda tx: tx.jobs.count_waiting(100)) == 0, "what waits is not to be seen"

        assert {type(answer) for answer in answers} == {Unavailable}
        assert any("took place or will last" in str(answer) for answer in answers)
        for name in names:
            await one.do(creating(name))
        assert await one.store.read(lambda tx: tx.jobs.count_waiting(100)) == len(names)

    sail(url, 1, story)


def test_nobody_waits_for_ever_for_what_is_read(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.05)

    async def story(fleet: Fleet) -> None:
        (one,) = fleet.members
        may_end = threading.Event()
        try:
            with pytest.raises(Unavailable, match=r"it takes longer than .*nothing was changed"):
                await one.store.read(lambda _: may_end.wait(PATIENCE_SECONDS))
        finally:
            may_end.set()

    sail(postgres_url, 1, story)


def test_what_became_of_a_commit_is_not_asked_of_a_server_with_another_history(
    fragile: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby that took over may have given the number of a transaction that it never saw to somebody else."""
    url = fragile.new_database()
    prepare_postgres(url)

    def commit_and_fail_over(connection: PostgresConnection) -> None:
        monkeypatch.undo()
        connection.commit()
        fragile.begin_another_history()
        connection.tables.channel.command("COMMIT")  # The connection is dead: we never heard of the commit.

    async def story(fleet: Fleet) -> None:
        (one,) = fleet.members
        monkeypatch.setattr(PostgresConnection, "commit", commit_and_fail_over)

        with pytest.raises(Unavailable, match="took place or will last"):
            await one.rows.write(lambda tx: create_job(tx, order(), one._agent))

        assert (await one.create()).status is JobStatus.PENDING

    sail(url, 1, story)
