"""Whose turn it is: groups share, what is urgent goes first, what has waited long is not forgotten, limits hold."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_runtime.domain.errors import TooMuch
from agent_runtime.domain.job import IfBusy, Job, Order
from agent_runtime.services.agents.requirements import AgentNeeds, FindAgent
from agent_runtime.services.jobs.orders import Created, create_job
from agent_runtime.services.jobs.queue_limits import QueueGauge, QueueLimits
from agent_runtime.services.jobs.run_order import AGES_ONE_POINT_IN, competing_lanes
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.launchers.claims import release
from agent_runtime.services.ports.queue import Lane
from agent_runtime.services.ports.store import Transaction
from support.store_rig import BEGINNING, StoreRig


def _fill(rig: StoreRig, group: str, count: int) -> None:
    orders = [rig.order(labels={"group": group}) for _ in range(count)]
    rig.do(lambda tx: [rig.created(tx, order) for order in orders])


def _taken(rig: StoreRig, count: int) -> list[str]:
    found = rig.poll(rig.launcher(), slots=count, batch=count)
    return [claim.job.labels.get("group", "") for claim in found.claims]


def test_ten_jobs_of_a_small_group_do_not_wait_behind_hundreds_of_a_large_one(rig: StoreRig) -> None:
    _fill(rig, "large", 300)
    _taken(rig, 20)
    _fill(rig, "small", 10)

    assert _taken(rig, 22).count("small") == 10


def test_a_group_that_comes_again_and_again_does_not_starve_a_large_one(rig: StoreRig) -> None:
    _fill(rig, "large", 50)
    taken: list[str] = []
    for _ in range(20):
        _fill(rig, "trickle", 1)
        taken += _taken(rig, 1)

    assert 8 <= taken.count("large") <= 12


def test_the_trees_of_sessions_are_groups_where_nobody_named_one(rig: StoreRig) -> None:
    root = rig.create("root")
    orders = [rig.order(parent_session_name="root") for _ in range(30)]
    rig.do(lambda tx: [rig.created(tx, order) for order in orders])
    other = rig.create("other")

    first = [claim.job.id for claim in rig.poll(rig.launcher(), slots=2, batch=2).claims]

    assert first == [root.id, other.id]


def test_the_group_of_a_job_asks_nothing_of_its_launcher(rig: StoreRig) -> None:
    job = rig.create(labels={"group": "any"})
    launcher = rig.launcher()

    assert rig.do(lambda tx: explain_waiting(tx, [job]))[job.id].reason == "no_free_slot"
    assert rig.claim(launcher).id == job.id


def test_a_job_that_nobody_started_in_time_is_first_again(rig: StoreRig) -> None:
    _fill(rig, "one", 3)
    launcher = rig.launcher()
    first = rig.claim(launcher)
    rig.do(lambda tx: release(tx, first))

    assert rig.claim(rig.launcher()).id == first.id


@pytest.mark.parametrize(("waited_seconds", "takes_part"), [(0, False), (149, False), (150, True), (100_000, True)])
def test_what_has_waited_long_stands_beside_what_is_more_urgent(waited_seconds: int, takes_part: bool) -> None:
    low, high = (Lane(number, {}, None, None, priority) for number, priority in ((1, 0), (2, 5)))
    now = BEGINNING + timedelta(seconds=waited_seconds)

    competing = competing_lanes([low, high], {1: BEGINNING, 2: now}, now)

    assert high in competing
    assert (low in competing) is takes_part
    assert timedelta(seconds=150) == 5 * AGES_ONE_POINT_IN


def test_urgent_jobs_without_end_do_not_keep_an_old_one_waiting_for_ever(rig: StoreRig) -> None:
    old = rig.create(priority=-5)
    rig.clock.move(minutes=30)
    taken: list[str] = []
    while len(taken) < 60 and old.id not in taken:
        rig.create(priority=5)
        taken.append(rig.claim(rig.launcher()).id)

    assert taken[-1] == old.id


def _limited(limit: int) -> FindAgent:
    return lambda name: AgentNeeds(name, active=True, labels={}, limits={"max_running": limit})


def _create_limited(rig: StoreRig, count: int) -> list[Job]:
    orders = [rig.order() for _ in range(count)]
    return rig.do(lambda tx: [create_job(tx, order, _limited(2)).job for order in orders])


def test_no_more_jobs_of_an_agent_run_than_its_blueprint_allows(rig: StoreRig) -> None:
    _create_limited(rig, 4)
    here, there = rig.launcher(), rig.launcher()

    assert [len(rig.poll(launcher, batch=5).claims) for launcher in (here, there)] == [2, 0]


def test_a_job_that_its_agents_limit_holds_back_says_so(rig: StoreRig) -> None:
    jobs = _create_limited(rig, 3)
    launcher = rig.launcher()
    running = [rig.start(claim.job) for claim in rig.poll(launcher, batch=5).claims]
    (waiting,) = [job for job in jobs if job.id not in {one.id for one in running}]

    full = rig.do(lambda tx: explain_waiting(tx, [waiting]))[waiting.id]
    rig.end(running[0])
    free = rig.do(lambda tx: explain_waiting(tx, [waiting]))[waiting.id]

    assert (full.reason, free.reason) == ("agent_limit", "no_free_slot")
    assert "2 are at work, and its max_running allows 2 at once" in full.sentence


def test_the_end_of_a_job_wakes_a_poll_for_the_next_one_of_its_agent(rig: StoreRig) -> None:
    _create_limited(rig, 3)
    launcher = rig.launcher()
    claims = rig.poll(launcher, batch=5).claims
    running = [rig.start(claim.job) for claim in claims]
    rig.news.clear()
    rig.end(running[0])

    assert [lane.id for news in rig.news for lane in news.ready_lanes] == [running[0].lane_id]
    assert len(rig.poll(launcher, batch=5).claims) == 1


def _gauged(rig: StoreRig, gauge: QueueGauge, order: Order) -> Created:
    def create(tx: Transaction) -> Created:
        return create_job(tx, order, rig.agent, gauge=gauge)

    return rig.do(create)


def test_a_full_queue_takes_nothing_more_and_says_when_to_ask_again(rig: StoreRig) -> None:
    gauge = QueueGauge(QueueLimits(waiting_max=3))
    for _ in range(3):
        _gauged(rig, gauge, rig.order())

    with pytest.raises(TooMuch, match="3 jobs wait already") as told:
        _gauged(rig, gauge, rig.order())
    assert (told.value.code, told.value.retry_after_seconds) == ("queue_full", 5)
    rig.claim(rig.launcher())
    rig.clock.move(seconds=1)
    assert _gauged(rig, gauge, rig.order()).is_new


def test_one_session_cannot_fill_the_queue(rig: StoreRig) -> None:
    gauge = QueueGauge(QueueLimits(waiting_of_session_max=2))
    first = rig.create("busy")
    resume = replace(rig.order("busy"), type=first.type.RESUME_SESSION, if_busy=IfBusy.ENQUEUE, agent_name=None)
    _gauged(rig, gauge, resume)

    with pytest.raises(TooMuch, match="2 jobs of this session wait already"):
        _gauged(rig, gauge, resume)
    assert _gauged(rig, gauge, rig.order("another")).is_new
