"""When a parent of several children is told: of all together, of the first, or of the first failure."""

import pytest
from household import Household

from agent_runtime.domain.callback import CallbackState, StateReason
from agent_runtime.domain.errors import Problem
from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.wishes import CallbackPolicy

PENDING, DELIVERED = CallbackState.PENDING, CallbackState.DELIVERED
CONSUMED, EXPIRED = CallbackState.CONSUMED, CallbackState.EXPIRED


def test_the_policy_all_waits_for_the_whole_group(house: Household) -> None:
    boss = house.run("boss")
    children = [house.run(f"child-{n}", "boss", callback_policy=CallbackPolicy.ALL) for n in range(3)]
    house.end(boss)

    for child in children[:2]:
        house.end(child)
    assert house.news("boss") == []
    house.end(children[2], JobStatus.FAILED)

    (message,) = house.news("boss")
    assert message.count("<child ") == 3


def test_the_policy_first_tells_of_one_and_lets_the_others_be(house: Household) -> None:
    boss = house.run("boss")
    children = [house.run(f"child-{n}", "boss", callback_policy=CallbackPolicy.FIRST) for n in range(3)]
    house.end(boss)

    for child in reversed(children):
        house.end(child)

    assert house.states("boss") == [("child-0", EXPIRED), ("child-1", EXPIRED), ("child-2", DELIVERED)]
    assert house.callbacks("boss")[0].state_reason is StateReason.GROUP_SATISFIED
    assert house.callbacks("boss")[0].outcome is SessionStatus.FINISHED
    assert len(house.news("boss")) == 1


def test_the_policy_any_failed_wakes_at_the_first_failure_and_else_at_the_end(house: Household) -> None:
    boss = house.run("boss")
    children = [house.run(f"child-{n}", "boss", callback_policy=CallbackPolicy.ANY_FAILED) for n in range(3)]
    house.end(boss)

    house.end(children[0])
    assert house.news("boss") == []
    house.end(children[1], JobStatus.FAILED)
    assert len(house.news("boss")) == 1
    (turn,) = house.run_all()
    house.end(turn)
    house.end(children[2])

    assert len(house.news("boss")) == 2
    assert "child-2" in house.news("boss")[1]


def test_groups_are_apart(house: Household) -> None:
    boss = house.run("boss")
    wish = {"callback_policy": CallbackPolicy.ALL}
    left = house.run("left", "boss", **wish, callback_group="left")
    right = house.run("right", "boss", **wish, callback_group="right")
    house.end(boss)

    house.end(left)

    assert house.states("boss") == [("left", DELIVERED), ("right", PENDING)]
    assert right.status is JobStatus.RUNNING


def test_a_group_has_one_policy(house: Household) -> None:
    house.run("boss")
    house.run("one", "boss", callback_policy=CallbackPolicy.ALL)

    with pytest.raises(Problem, match="use one policy per group") as refused:
        house.begin("two", "boss", callback_policy=CallbackPolicy.FIRST)

    assert refused.value.code == "mixed_callback_group"
