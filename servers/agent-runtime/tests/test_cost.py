"""What is asked for each job, and again and again, is answered from an index, whatever waits and whatever has ended."""

import sqlite3
from collections.abc import Sequence
from datetime import timedelta

import pytest
from household import Household
from sqlalchemy import ClauseElement

from agent_runtime.domain.callback import CallbackState
from agent_runtime.domain.job import JobStatus
from agent_runtime.services.jobs.known_jobs import list_jobs
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.jobs.run_order import next_to_run
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.launchers.instances import Instance
from agent_runtime.services.launchers.presence import Registration, register
from agent_runtime.services.ports.families import CallbackFilter
from agent_runtime.services.ports.queries import JobFilter
from agent_runtime.services.ports.store import Transaction
from agent_runtime.store.statements import Channel, Row
from agent_runtime.store.transaction import StoreTransaction
from agent_runtime.upkeep.families import look_after_families
from agent_runtime.upkeep.reconcile import find_stuck
from agent_runtime.upkeep.scheduler import Upkeep
from support.store_rig import StoreRig

OF_KINDS = ("SCAN lanes", "SCAN CONSTANT ROW", "SCAN anon_")
"""What grows with the kinds of jobs, not with jobs."""
OF_WHAT_IS_OPEN = (
    "INDEX launchers_present",
    "INDEX callbacks_pending",
    "INDEX jobs_in_turn",
    "INDEX jobs_held",
    "INDEX jobs_stopping",
    "INDEX quota_holds_open",
    "INDEX questions_overdue",
)
"""Indexes of what is there or open: to walk along one is no walk through what is over."""

only_a_file_tells_its_plans = pytest.mark.parametrize("rig", ["sqlite"], indirect=True)


def _plans(channel: Channel) -> dict[str, str]:
    driver = channel.connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    plans = {}
    for key, prepared in list(channel._prepared.items()):
        nothing = [None] * prepared.sql.count("?")
        rows = driver.execute(f"EXPLAIN QUERY PLAN {prepared.sql}", nothing).fetchall()
        plans[str(key)] = "; ".join(str(row[3]) for row in rows)
    return plans


def _plans_of(rig: StoreRig) -> dict[str, str]:
    seen: dict[str, str] = {}

    def look(tx: Transaction) -> None:
        assert isinstance(tx, StoreTransaction)
        seen.update(_plans(tx._tables.channel))

    rig.do(look)
    return seen


def _walks(plans: dict[str, str]) -> dict[str, str]:
    return {
        key: step
        for key, plan in plans.items()
        for step in plan.split("; ")
        if step.startswith("SCAN") and not step.startswith(OF_KINDS) and not step.endswith(OF_WHAT_IS_OPEN)
    }


@only_a_file_tells_its_plans
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

    seen = _plans_of(rig)

    # A count looks at what it counts, but in the index and not in the rows.
    counted = "USING COVERING INDEX jobs_by_status"
    along_a_state = {key for key, plan in seen.items() if "jobs_by_status" in plan.replace(counted, "")}
    assert len(seen) > 20
    assert _walks(seen) == {}
    assert along_a_state == set()


@only_a_file_tells_its_plans
def test_no_question_that_is_asked_again_and_again_walks_through_what_is_over(
    rig: StoreRig, house: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Channel.ask

    def remember(channel: Channel, query: ClauseElement) -> Sequence[Row]:
        channel.prepare(f"asked: {query}", lambda: query)
        return ask(channel, query)

    monkeypatch.setattr(Channel, "ask", remember)
    boss = house.run("boss", limits={"max_run_seconds": 60.0})
    house.end(house.run("child", "boss"))
    house.begin("waits", "boss")
    rig.runner.run(Upkeep(rig.store, timedelta(hours=1)).pass_once(renews=False))
    house.do(look_after_families)
    house.do(find_stuck)
    house.do(lambda tx: register(tx, Registration(hostname="new", instance=Instance("one", 1))))
    house.do(lambda tx: explain_waiting(tx, list_jobs(tx, JobFilter(limit=10, launcher_id=house.launcher_id))))
    house.do(lambda tx: tx.relatives.callbacks.page(CallbackFilter(limit=10, state=CallbackState.PENDING)))
    house.do(lambda tx: tx.launchers.with_cut_poll())
    house.end(boss)

    seen = _plans_of(rig)

    assert sum(key.startswith("asked: ") for key in seen) > 1
    assert _walks(seen) == {}


@only_a_file_tells_its_plans
def test_a_poll_looks_at_no_lane_of_another_launcher(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create(launcher_id=launcher.id)
    rig.end(rig.run(launcher))
    rig.create()
    rig.poll(launcher)

    plans = _plans_of(rig)

    assert "INDEX lanes_shared" in plans["lane size"]
    assert "INDEX lanes_shared" in plans["lanes shared"]
    assert "INDEX lanes_of_launcher" in plans["lanes own"]
    assert "INDEX lanes_of_agent" in plans["lanes limited"]
