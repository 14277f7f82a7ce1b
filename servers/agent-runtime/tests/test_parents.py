"""Parents and children: who may be whose, and what a parent says and does while its children work."""

import pytest
from household import Household

from agent_runtime.domain.callback import CallbackState
from agent_runtime.domain.errors import Problem
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.session import SessionStatus
from agent_runtime.domain.wishes import WaitFor
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.ports.store import Transaction

DELIVERED = CallbackState.DELIVERED


def test_two_sessions_cannot_wait_for_each_other(house: Household) -> None:
    house.run("one")
    house.run("two")
    house.resume("two", "one", callback=True)

    with pytest.raises(Problem) as refused:
        house.resume("one", "two", callback=True)

    assert refused.value.code == "parent_cycle"


def test_a_child_cannot_be_called_back_by_its_own_parent(house: Household) -> None:
    house.run("boss")
    house.run("child", "boss")

    with pytest.raises(Problem) as refused:
        house.resume("boss", "child", callback=True)

    assert refused.value.code == "parent_cycle"


def test_a_session_is_never_its_own_parent(house: Household) -> None:
    with pytest.raises(Problem) as refused:
        house.begin("narcissus", "narcissus")

    assert refused.value.code == "own_parent"


def test_an_unknown_parent_and_a_callback_to_nobody_are_refused(house: Household) -> None:
    with pytest.raises(Problem) as unknown:
        house.begin("child", "nobody")
    with pytest.raises(Problem) as nobody:
        house.begin("child", callback=True)

    assert (unknown.value.code, nobody.value.code) == ("parent_unknown", "callback_without_parent")


def test_a_parent_that_ends_with_children_at_work_says_so(house: Household) -> None:
    boss = house.run("boss")
    house.run("child", "boss", callback=False)

    house.end(boss)

    events = house.do(lambda tx: tx.events.of_session(house_id(tx, "boss"), 0, 100, ["session.children_running"]))
    assert [event.new.data["children"] for event in events] == [["child"]]
    assert house.session("boss").status is SessionStatus.FINISHED


def test_a_parent_that_waits_for_its_children_is_finished_when_they_are_at_rest(house: Household) -> None:
    boss = house.run("boss", wait_for=WaitFor.CHILDREN)
    child = house.run("child", "boss", callback=False)

    house.end(boss)
    assert house.session("boss").status is SessionStatus.WAITING
    house.end(child)

    assert house.session("boss").status is SessionStatus.FINISHED


def test_a_waiting_parent_is_told_upwards_only_when_it_is_finished(house: Household) -> None:
    top = house.run("top")
    boss = house.run("boss", "top", wait_for=WaitFor.CHILDREN)
    child = house.run("child", "boss", callback=False)
    house.end(top)

    house.end(boss)
    assert house.news("top") == []
    house.end(child, JobStatus.FAILED)

    assert house.states("top") == [("boss", DELIVERED)]


def test_a_parent_that_is_being_stopped_orders_nothing(house: Household) -> None:
    boss = house.run("boss")
    house.do(lambda tx: stop_job(tx, boss.id))

    with pytest.raises(Problem) as refused:
        house.begin("child", "boss")

    assert refused.value.code == "parent_stopping"


def house_id(tx: Transaction, name: str) -> SessionId:
    """The id of a session."""
    session = tx.sessions.find(name)
    assert session is not None
    return session.id


def test_news_asks_for_no_launcher_that_only_a_turn_asked_for_which_never_began(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    waiting = house.resume("boss", labels={"gpu": "yes"})
    house.do(lambda tx: stop_job(tx, waiting.id))
    house.end(boss)

    house.end(child)

    (turn,) = house.run_all()
    assert (turn.session_name, turn.labels) == ("boss", {})
