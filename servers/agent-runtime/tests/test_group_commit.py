"""What arrives while the writer is at work is committed together, all of it or nothing."""

import asyncio
import sqlite3
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent_runtime.domain.errors import Conflict, Unavailable
from agent_runtime.services.ports.store import Transaction
from agent_runtime.store.transaction import StoreTransaction
from support.store_rig import StoreRig

PATIENCE_SECONDS = 30

pytestmark = pytest.mark.parametrize("rig", ["sqlite"], indirect=True)


class BusyWriter:
    """A verb that keeps the writer at work until it is let go."""

    def __init__(self) -> None:
        self._is_at_work = threading.Event()
        self._may_go = threading.Event()

    def verb(self, tx: Transaction) -> None:
        """Say that the writer is here, and wait."""
        del tx
        self._is_at_work.set()
        assert self._may_go.wait(PATIENCE_SECONDS)

    async def gathering(self, rig: StoreRig, *calls: Coroutine[object, object, object]) -> list[object]:
        """Let calls arrive while the writer is at work, and give their answers, which may be errors."""
        first = asyncio.create_task(rig.rows.write(self.verb))
        await asyncio.to_thread(self._is_at_work.wait, PATIENCE_SECONDS)
        others = [asyncio.create_task(call) for call in calls]
        await asyncio.sleep(0)  # each of them has now put its verb into the writer's queue
        self._may_go.set()
        _, *answers = await asyncio.gather(first, *others, return_exceptions=True)
        return list(answers)


@contextmanager
def another_reader(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees what is committed, and nothing else."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, check_same_thread=False)
    yield connection
    connection.close()


def creating(rig: StoreRig, name: str) -> Coroutine[object, object, object]:
    """A call that creates a job."""
    order = rig.order(name)
    return rig.rows.write(lambda tx: rig.created(tx, order).job.session_name)


def jobs_in(connection: sqlite3.Connection) -> int:
    """How many jobs are committed."""
    (count,) = connection.execute("SELECT count(*) FROM jobs").fetchone()
    return int(count)


def test_what_arrives_while_the_writer_works_shares_one_commit(rig: StoreRig) -> None:
    seen: list[int] = []

    with another_reader(rig.path) as reader:

        async def arrive() -> list[object]:
            looking = rig.rows.write(lambda _: seen.append(jobs_in(reader)))
            return await BusyWriter().gathering(rig, creating(rig, "one"), creating(rig, "two"), looking)

        answers = rig.runner.run(arrive())

        assert answers == ["one", "two", None]
        assert seen == [0]
        assert jobs_in(reader) == 2


def test_a_full_disk_fails_all_who_share_the_commit_and_keeps_nothing_of_theirs(rig: StoreRig) -> None:
    def full(tx: Transaction) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def arrive() -> list[object]:
        return await BusyWriter().gathering(rig, creating(rig, "one"), rig.rows.write(full))

    answers = rig.runner.run(arrive())

    assert [type(answer) for answer in answers] == [sqlite3.OperationalError] * 2
    with another_reader(rig.path) as reader:
        assert jobs_in(reader) == 0
    assert rig.runner.run(creating(rig, "one")) == "one"


def test_a_database_that_somebody_else_has_locked_fails_the_call_and_not_the_writer(rig: StoreRig) -> None:
    def do_not_wait(tx: Transaction) -> None:
        assert isinstance(tx, StoreTransaction)
        tx._tables.channel.command("PRAGMA busy_timeout=0")

    rig.do(do_not_wait)
    stranger = sqlite3.connect(rig.path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")

    with pytest.raises(Unavailable, match="locked"):
        rig.runner.run(creating(rig, "one"))

    stranger.execute("ROLLBACK")
    stranger.close()
    assert rig.runner.run(creating(rig, "one")) == "one"


def test_a_call_that_is_refused_takes_nothing_of_its_neighbours_with_it(rig: StoreRig) -> None:
    def refuse(tx: Transaction) -> None:
        rig.created(tx, rig.order("half"))
        raise Conflict("session_exists", "refused")

    async def arrive() -> list[object]:
        return await BusyWriter().gathering(rig, creating(rig, "one"), rig.rows.write(refuse), creating(rig, "two"))

    answers = rig.runner.run(arrive())

    assert [answers[0], type(answers[1]), answers[2]] == ["one", Conflict, "two"]
    with another_reader(rig.path) as reader:
        assert jobs_in(reader) == 2
