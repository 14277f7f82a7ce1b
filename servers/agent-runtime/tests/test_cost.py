"""What is asked for each job is answered from an index, whatever waits and whatever has ended."""

import sqlite3

import pytest

from agent_runtime.domain.job import JobStatus
from agent_runtime.services.jobs import stop_job
from agent_runtime.services.ports import Transaction
from agent_runtime.services.run_order import next_to_run
from agent_runtime.store.statements import Channel
from agent_runtime.store.transaction import StoreTransaction
from support.store_rig import StoreRig

SMALL_TABLES = ("SCAN lanes", "SCAN launchers", "SCAN CONSTANT ROW", "SCAN anon_", "SCAN families", "SCAN own")
"""What grows with the kinds of jobs and the number of launchers, not with jobs."""


def _plans(channel: Channel) -> dict[str, str]:
    driver = channel.connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    plans = {}
    for key, prepared in list(channel._prepared.items()):
        nothing = [None] * prepared.sql.count("?")
        rows = driver.execute(f"EXPLAIN QUERY PLAN {prepared.sql}", nothing).fetchall()
        plans[str(key)] = "; ".join(str(row[3]) for row in rows)
    return plans


@pytest.mark.parametrize("rig", ["sqlite"], indirect=True)
def test_no_question_of_a_jobs_life_walks_through_all_jobs_or_events(rig: StoreRig) -> None:
    rig.create("first")
    rig.resume("first")
    launcher = rig.launcher()
    rig.end(rig.run(launcher))
    running = rig.run(launcher)
    rig.do(lambda tx: stop_job(tx, running.id))
    rig.poll(launcher)
    rig.end(running, JobStatus.STOPPED)
    rig.do(lambda tx: (next_to_run(tx, 5), tx.jobs.count_waiting(100)))
    seen: dict[str, str] = {}

    def look(tx: Transaction) -> None:
        assert isinstance(tx, StoreTransaction)
        seen.update(_plans(tx._tables.channel))

    rig.do(look)

    walks = {
        key: step
        for key, plan in seen.items()
        for step in plan.split("; ")
        if step.startswith("SCAN") and not step.startswith(SMALL_TABLES)
    }
    # A count looks at what it counts, but in the index and not in the rows.
    counted = "USING COVERING INDEX jobs_by_status"
    along_a_state = {key for key, plan in seen.items() if "jobs_by_status" in plan.replace(counted, "")}
    assert len(seen) > 20
    assert walks == {}
    assert along_a_state == set()
