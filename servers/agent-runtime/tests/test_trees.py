"""Trees stay within what was allowed: so deep, so wide, so many, so expensive."""

from itertools import pairwise

import pytest
from household import Household

from agent_runtime.domain.errors import Problem
from agent_runtime.domain.job import JobStatus, Usage
from agent_runtime.domain.limits import DEFAULT_LIMITS, Limits, read_limits, tightest
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import Session
from agent_runtime.services.families.trees import count_statuses, grow_tree
from agent_runtime.services.jobs.elders import ancestors
from agent_runtime.services.jobs.orders import create_job
from agent_runtime.services.overview import Window, draw_overview
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.sessions import stop_session
from agent_runtime.upkeep.families import LOOK_AT_TIME_SECONDS, RECONCILE_SECONDS, look_after_families
from support.store_rig import StoreRig

COST = {"usage": {"input_tokens": 100, "output_tokens": 50}, "cost_usd": 0.75}


def refused(house: Household, name: str, parent: str) -> str:
    """The code with which a new child is refused."""
    with pytest.raises(Problem) as problem:
        house.begin(name, parent)
    return problem.value.code


def test_a_tree_grows_as_deep_as_allowed(house: Household) -> None:
    house.run("root", limits={"max_depth": 2})
    house.run("one", "root")
    house.run("two", "one")

    assert refused(house, "three", "two") == "tree_too_deep"


def test_a_tree_of_which_nobody_said_anything_ends_at_the_default_depth(house: Household) -> None:
    names = [f"level-{number}" for number in range((DEFAULT_LIMITS.max_depth or 0) + 1)]
    house.run(names[0])
    for parent, child in pairwise(names):
        house.run(child, parent)

    assert refused(house, "too-deep", names[-1]) == "tree_too_deep"
    assert len(house.do(lambda tx: list(ancestors(tx, _the(tx, names[-1]))))) == len(names) - 1


def test_a_runtime_can_be_told_what_trees_may_grow_to(rig: StoreRig) -> None:
    def refusal(parent: str, growth: Limits) -> str:
        order = rig.order("one-more", parent_session_name=parent)
        with pytest.raises(Problem) as problem:
            rig.do(lambda tx: create_job(tx, order, rig.agent, growth=growth))
        return problem.value.code

    rig.create("root")
    rig.create("child", parent_session_name="root")

    assert refusal("child", Limits(max_depth=1)) == "tree_too_deep"
    assert refusal("root", Limits(max_children=1)) == "too_many_children"
    assert refusal("root", Limits(max_tree_sessions=2)) == "tree_too_large"


def test_a_session_has_as_many_children_as_its_blueprint_allows(house: Household) -> None:
    house.limits["echo"] = {"max_children": 2}
    house.run("root")
    house.run("one", "root")
    house.run("two", "root")

    assert refused(house, "three", "root") == "too_many_children"


def test_a_tree_has_as_many_sessions_as_allowed_wherever_they_hang(house: Household) -> None:
    house.run("root", limits={"max_tree_sessions": 3})
    house.run("one", "root")
    house.run("two", "one")

    assert refused(house, "three", "root") == refused(house, "four", "two") == "tree_too_large"


def test_what_is_spent_is_summed_up_the_tree(house: Household) -> None:
    house.run("root")
    house.run("one", "root")
    house.run("two", "one")
    for name in ("root", "one", "two"):
        house.say(name, "so far", **COST)

    tree = house.do(lambda tx: grow_tree(tx, _the(tx, "root")))

    assert tree.size == 3
    assert (tree.top.own.cost_usd, tree.top.tree.cost_usd, tree.top.tree.tokens) == (0.75, 2.25, 450)
    assert tree.top.children[0].tree.cost_usd == 1.5
    assert count_statuses(tree.top) == {"running": 3}


def test_a_tree_that_spends_too_much_is_stopped_and_orders_nothing_more(house: Household) -> None:
    root = house.run("root", limits={"max_tree_cost_usd": 1.0})
    one = house.run("one", "root")
    house.say("root", "so far", **COST)
    assert house.job(root.id).stop_requested_at is None

    house.say("one", "so far", **COST)

    assert {house.job(job.id).stop_reason for job in (root, one)} == {"budget_exceeded"}
    house.end(one, JobStatus.STOPPED)
    house.end(root, JobStatus.STOPPED)
    assert refused(house, "two", "root") == "budget_exceeded"
    with pytest.raises(Problem, match=r"'max_tree_cost_usd' of session 'root' is 1, and 1\.5 is spent"):
        house.resume("one")
    assert house.news("root") == []


def test_a_sessions_own_budget_is_not_its_childrens(house: Household) -> None:
    house.run("root", limits={"max_tokens": 200})
    house.run("one", "root")

    house.say("one", "so far", **COST)
    house.say("one", "so far", **COST)
    assert house.begin("two", "root").status is JobStatus.PENDING
    house.say("root", "so far", **COST)
    house.say("root", "so far", **COST)

    events = house.do(lambda tx: tx.events.of_session(_the(tx, "root").id, 0, 500, []))
    told = [event.new.data for event in events if event.new.type == "session.budget_exceeded"]
    assert [data["limit"] for data in told] == ["max_tokens"]


def test_time_alone_uses_a_budget_up(house: Household) -> None:
    root = house.run("root", limits={"max_run_seconds": 60})
    assert house.do(look_after_families) == LOOK_AT_TIME_SECONDS
    assert house.job(root.id).stop_requested_at is None

    house.clock.move(seconds=61)
    house.do(look_after_families)

    assert house.job(root.id).stop_reason == "budget_exceeded"
    assert house.do(look_after_families) == RECONCILE_SECONDS


def test_limits_can_be_tightened_and_never_loosened() -> None:
    both = tightest([Limits(max_cost_usd=5.0, max_depth=3), Limits(max_cost_usd=2.0)])

    assert both == Limits(max_cost_usd=2.0, max_depth=3)


@pytest.mark.parametrize("value", [-1, "many", True, 1.5])
def test_a_limit_that_is_none_is_refused_by_name(value: object) -> None:
    with pytest.raises(Problem, match=r"invalid limits\.max_children"):
        read_limits({"max_children": value}, "limits")  # type: ignore[dict-item]


def test_stopping_a_tree_says_what_was_stopped_and_for_whose_sake(house: Household) -> None:
    root, one = house.run("root"), house.run("one", "root")
    waiting = house.resume("one")

    done = house.do(lambda tx: stop_session(tx, _the(tx, "root"), Reason.STOPPED_BY_USER, tree=True))

    assert {name: set(jobs) for name, jobs in done.by_session.items()} == {
        "root": {root.id},
        "one": {one.id, waiting.id},
    }
    assert house.job(root.id).stop_reason == "stopped_by_user"
    assert house.job(one.id).stop_reason == "stopped_by_parent"
    assert house.job(waiting.id).status is JobStatus.STOPPED


def _the(tx: Transaction, name: str) -> Session:
    session = tx.sessions.find(name)
    assert session is not None
    return session


def test_the_dearest_trees_are_told_with_all_that_is_below_them(rig: StoreRig) -> None:
    rig.create("small")
    rig.create("head")
    launcher = rig.launcher()
    for cost in (0.5, 1.0):
        rig.end(rig.run(launcher), usage=Usage(cost_usd=cost))
    rig.create("below", parent_session_name="head")
    rig.end(rig.run(launcher), JobStatus.FAILED, reason="nonzero_exit", error="x", usage=Usage(cost_usd=2.0))

    drawn = rig.do(lambda tx: draw_overview(tx, Window.HOUR))

    assert [(tree.session_name, tree.cost_usd, tree.jobs) for tree in drawn.trees] == [
        ("head", 3.0, 2),
        ("small", 0.5, 1),
    ]
    assert [life.reason for life in drawn.lives if life.status == "failed"] == ["nonzero_exit"]
