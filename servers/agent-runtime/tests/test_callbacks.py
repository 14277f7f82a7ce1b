"""A parent is told about each child exactly once in effect, as its policy says, whoever crashes in between."""

import pytest
from household import Household, PowerCutError

from agent_runtime.domain.callback import CallbackState, StateReason
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.services.families.callbacks import mark_read
from agent_runtime.services.jobs.orders import retry_job
from agent_runtime.services.launchers.reports import Report, finish
from agent_runtime.services.ports.families import CallbackFilter
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.sessions.sessions import delete_session
from agent_runtime.upkeep.queue import free_due_jobs
from support.store_rig import proof

PENDING, DELIVERED = CallbackState.PENDING, CallbackState.DELIVERED
CONSUMED, EXPIRED = CallbackState.CONSUMED, CallbackState.EXPIRED


def test_an_idle_parent_is_woken_at_once(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss)

    house.end(child)

    assert house.states("boss") == [("child", DELIVERED)]
    assert house.session("boss").status is SessionStatus.PENDING
    assert "result of child" in house.news("boss")[0]


def test_a_busy_parent_is_told_of_all_in_one_message_when_its_turn_ends(house: Household) -> None:
    boss = house.run("boss")
    children = [house.run(f"child-{number}", "boss") for number in range(3)]
    for child in children:
        house.end(child)
    assert [state for _, state in house.states("boss")] == [PENDING] * 3

    house.end(boss)

    assert [state for _, state in house.states("boss")] == [DELIVERED] * 3
    assert len(house.news("boss")) == 1


def test_the_turn_that_reads_the_news_keeps_to_the_limit_of_its_agent(house: Household) -> None:
    house.limits["echo"] = {"max_running": 1}
    boss = house.run("boss")
    house.begin("child", "boss")
    house.end(boss)
    (child,) = house.run_all()
    house.begin("other", priority=10)
    house.end(child)

    (first,) = house.run_all()
    house.end(first)
    (second,) = house.run_all()

    assert (first.session_name, second.session_name) == ("other", "boss")


def test_a_message_that_nobody_has_taken_yet_takes_up_what_comes_after_it(house: Household) -> None:
    boss = house.run("boss")
    first, second, third = (house.run(name, "boss") for name in ("first", "second", "third"))
    house.end(boss)
    house.end(first)

    house.end(second)

    assert house.states("boss") == [("first", DELIVERED), ("second", DELIVERED), ("third", PENDING)]
    (message,) = house.news("boss")
    assert "result of first" in message
    assert "result of second" in message
    assert "Still at work: third" in message
    (turn,) = house.run_all()
    house.end(third)
    assert house.states("boss")[2] == ("third", PENDING), "the turn that has begun cannot be told any more"
    assert house.news("boss") == [message]
    house.end(turn)
    assert [state for _, state in house.states("boss")] == [CONSUMED, CONSUMED, DELIVERED]
    assert len(house.news("boss")) == 2


def test_a_runtime_that_dies_while_it_adds_to_a_message_adds_once_after_the_repeated_report(house: Household) -> None:
    boss = house.run("boss")
    first, second = house.run("first", "boss"), house.run("second", "boss")
    house.end(boss)
    house.end(first)
    with pytest.raises(PowerCutError):
        house.end(second, dies=True)
    house.crash()
    assert house.states("boss") == [("first", DELIVERED), ("second", PENDING)]

    house.end(second)

    assert house.states("boss") == [("first", DELIVERED), ("second", DELIVERED)]
    (message,) = house.news("boss")
    assert message.count("result of second") == 1


def test_news_is_consumed_when_the_turn_that_read_it_has_completed(house: Household) -> None:
    boss = house.run("boss")
    house.end(house.run("child", "boss"))
    house.end(boss)

    (turn,) = house.run_all()
    assert house.states("boss") == [("child", DELIVERED)]
    house.end(turn)

    assert house.states("boss") == [("child", CONSUMED)]
    assert house.session("boss").status is SessionStatus.FINISHED


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.STOPPED])
def test_a_child_that_ends_badly_is_news_too(house: Household, status: JobStatus) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss)

    house.end(child, status)

    (message,) = house.news("boss")
    assert f'status="{status}"' in message
    assert "child broke" in message


def test_a_runtime_that_dies_at_the_end_of_a_child_tells_once_after_the_repeated_report(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss)

    with pytest.raises(PowerCutError):
        house.end(child, dies=True)
    house.crash()
    assert house.states("boss") == [("child", PENDING)]
    house.end(child)
    house.end(child)
    house.crash()

    assert house.states("boss") == [("child", DELIVERED)]
    assert len(house.news("boss")) == 1


def test_a_runtime_that_dies_when_the_parents_turn_ends_tells_once(house: Household) -> None:
    boss = house.run("boss")
    house.end(house.run("child", "boss"))

    with pytest.raises(PowerCutError):
        house.end(boss, dies=True)
    house.crash()
    assert house.states("boss") == [("child", PENDING)]
    house.end(boss)

    assert len(house.news("boss")) == 1
    (turn,) = house.run_all()
    with pytest.raises(PowerCutError):
        house.end(turn, dies=True)
    house.crash()
    house.end(turn)
    assert house.states("boss") == [("child", CONSUMED)]
    assert len(house.news("boss")) == 1


def test_news_that_the_parent_has_read_by_itself_is_not_told_again(house: Household) -> None:
    boss = house.run("boss")
    house.end(house.run("child", "boss"))

    read = house.do(lambda tx: mark_read(tx, house_id(tx, "boss"), house_id(tx, "child")))
    house.end(boss)

    assert read == 1
    assert house.states("boss") == [("child", CONSUMED)]
    assert house.callbacks("boss")[0].state_reason is StateReason.READ_BY_PARENT
    assert house.news("boss") == []


def test_a_look_before_the_child_is_done_takes_nothing_away(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")

    assert house.do(lambda tx: mark_read(tx, house_id(tx, "boss"), house_id(tx, "child"))) == 0
    house.end(boss)
    house.end(child)

    assert len(house.news("boss")) == 1


def test_the_news_of_a_deleted_parent_expires_and_says_why(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    boss_id = house.session("boss").id
    house.end(boss)

    house.do(lambda tx: delete_session(tx, house_of(tx, "boss")))
    house.end(child)

    (callback,) = house.do(lambda tx: tx.relatives.callbacks.page(_of_parent(boss_id)))
    assert (callback.state, callback.state_reason) == (EXPIRED, StateReason.PARENT_DELETED)


def test_an_event_says_for_which_reason_news_has_expired(house: Household) -> None:
    boss = house.run("boss")
    house.run("child", "boss")
    house.end(boss, JobStatus.FAILED)

    events = house.do(lambda tx: tx.events.of_session(boss.session_id, 0, 100, ("callback.expired",)))
    (event,) = (event.new for event in events)

    assert (event.data["state"], event.data["reason"]) == ("expired", "parent_failed")
    assert "why" not in event.data


def test_the_news_of_a_failed_parent_expires_until_it_goes_on(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss, JobStatus.FAILED)
    assert house.callbacks("boss")[0].state_reason is StateReason.PARENT_FAILED
    house.end(child)
    assert house.news("boss") == []

    again = house.resume("boss")
    house.run_all()
    house.end(again)

    assert house.states("boss") == [("child", DELIVERED)]
    assert "result of child" in house.news("boss")[0]


def test_a_parent_that_fails_while_reading_has_not_consumed(house: Household) -> None:
    boss = house.run("boss")
    house.end(house.run("child", "boss"))
    house.end(boss)
    (turn,) = house.run_all()

    house.end(turn, JobStatus.FAILED)
    assert house.states("boss") == [("child", DELIVERED)]  # One bad turn loses no news: it is tried again by itself.
    house.clock.move(minutes=7)
    house.do(free_due_jobs)
    house.run_all()
    house.end(turn, JobStatus.FAILED)
    assert house.states("boss") == [("child", EXPIRED)]
    house.do(lambda tx: retry_job(tx, turn.id))
    house.run_all()
    house.end(turn)

    assert house.states("boss") == [("child", CONSUMED)]
    assert len(house.news("boss")) == 1


def test_a_parent_whose_machine_restarted_while_it_read_is_woken_again(house: Household) -> None:
    boss = house.run("boss")
    house.end(house.run("child", "boss"))
    house.end(boss)
    for _ in range(3):
        (turn,) = house.run_all()
        report = Report(proof(turn), JobStatus.FAILED, "host_rebooted")
        house.do(lambda tx, report=report: finish(tx, report))  # type: ignore[misc]
        assert house.states("boss") == [("child", DELIVERED)]
        house.clock.move(minutes=7)
        house.do(free_due_jobs)
    house.run_all()
    house.end(turn)

    assert house.states("boss") == [("child", CONSUMED)]
    assert len(house.news("boss")) == 1


def test_a_retried_child_is_news_once_for_each_coming_to_rest(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss)
    house.end(child, JobStatus.FAILED)
    (turn,) = house.run_all()
    house.end(turn)

    house.do(lambda tx: retry_job(tx, child.id))
    house.run_all()
    house.end(child)

    assert house.states("boss") == [("child", CONSUMED), ("child", DELIVERED)]
    assert len(house.news("boss")) == 2


def test_a_child_that_is_retried_before_its_parent_was_told_is_told_of_once(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(child, JobStatus.FAILED)
    house.do(lambda tx: retry_job(tx, child.id))

    house.end(boss)
    assert house.news("boss") == []
    house.run_all()
    house.end(child)

    assert house.states("boss") == [("child", DELIVERED)]
    assert "result of child" in house.news("boss")[0]


def test_a_child_that_asks_is_news_and_its_end_is_news_again(house: Household) -> None:
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss)

    house.say("child", "which colour?", waiting_input=True)
    assert 'status="waiting_input"' in house.news("boss")[0]
    (turn,) = house.run_all()
    house.end(turn)
    house.end(child)

    assert house.states("boss") == [("child", CONSUMED), ("child", DELIVERED)]


def test_a_session_in_the_middle_is_told_and_tells(house: Household) -> None:
    """The middle one is done for its own parent when it has heard of its children, not before."""
    boss = house.run("boss")
    middle = house.run("middle", "boss")
    leaf = house.run("leaf", "middle")
    house.end(boss)

    house.end(middle)
    assert house.news("boss") == []
    house.end(leaf)
    (turn,) = house.run_all()
    house.say("middle", "the sum of all")
    house.end(turn)

    assert house.states("middle") == [("leaf", CONSUMED)]
    assert house.states("boss") == [("middle", DELIVERED)]
    assert len(house.news("boss")) == 1


def house_of(tx: Transaction, name: str) -> Session:
    """A session by its name."""
    session = tx.sessions.find(name)
    assert session is not None
    return session


def house_id(tx: Transaction, name: str) -> SessionId:
    """The id of a session."""
    return house_of(tx, name).id


def _of_parent(session_id: SessionId) -> CallbackFilter:
    return CallbackFilter(limit=10, parent_session_id=session_id)
