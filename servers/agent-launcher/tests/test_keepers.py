"""What the launcher tells its keepers, and what becomes of words that a keeper's death swallowed."""

from __future__ import annotations

import threading

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.machines import OnPlayedKeepers, PlayedKeepers

from lib.attempt.attempt import Attempt
from lib.errors import AttemptAlreadyHere, OrderFailed
from lib.keeper import words
from lib.keepers import Keepers
from lib.machine.keeper_lines import collected
from lib.version import VERSION
from lib.wire.models import JsonObject
from support.waiting import wait_until


@pytest.fixture
def lines() -> PlayedKeepers:
    return PlayedKeepers()


@pytest.fixture
def machine(lines: PlayedKeepers) -> OnPlayedKeepers:
    return OnPlayedKeepers(lines)


@pytest.fixture
def keepers(lines: PlayedKeepers, machine: OnPlayedKeepers) -> Keepers:
    return Keepers(lines, {"PATH": "/bin"}, machine)


def greet(keepers: Keepers, name: str = "1", version: str = VERSION) -> None:
    keepers.open(name)
    keepers.greeted(name, {"say": words.HELLO, "version": version})


def order(keepers: Keepers, key: str = "job_1.1") -> str:
    return keepers.taken(keepers.order(key, {"job_id": "job_1"}, "/r", {"argv": ["x"]}))


def attempt(machine: OnPlayedKeepers, keeper: str | None = "1") -> Attempt:
    attempt = attempt_of(job("s"), machine)
    attempt.keeper = keeper
    return attempt


def answer_with(keepers: Keepers, lines: PlayedKeepers, *answers: JsonObject) -> None:
    """Have each order answered at once."""

    def answer(name: str, message: JsonObject) -> None:
        if message["say"] == words.ORDER:
            for said in answers:
                keepers.answered(name, {**said, "key": message["key"]})

    lines.on_send = answer


def test_a_keeper_is_greeted_first_and_with_the_environment(keepers: Keepers, lines: PlayedKeepers) -> None:
    assert keepers.open("1")
    lines.fallen = [collected(5, "77", 3)]
    keepers.collect()  # while it comes up
    hello = {"say": words.HELLO, "version": VERSION, "environment": {"PATH": "/bin"}, "warm": []}
    assert lines.sent == [("1", hello)]

    keepers.greeted("1", {"say": words.HELLO, "version": VERSION})

    assert lines.said(words.COLLECTED) == [{"say": words.COLLECTED, "pid": 5, "start_time": "77", "code": 3}]


def test_a_code_that_was_collected_is_told_to_the_next_keeper_before_the_orders_that_wait_for_it(
    keepers: Keepers, lines: PlayedKeepers
) -> None:
    keepers.order("job_1.1", {"job_id": "job_1"}, "/r", {"argv": ["x"]})
    lines.fallen = [collected(5, "77", 3)]
    keepers.collect()

    greet(keepers)

    assert [message["say"] for _, message in lines.sent] == [words.HELLO, words.COLLECTED, words.ORDER]


def test_an_order_that_is_taken_names_its_keeper(keepers: Keepers, lines: PlayedKeepers) -> None:
    greet(keepers, "7")
    answer_with(keepers, lines, {"say": words.ORDERED})

    assert order(keepers) == "7"
    (told,) = lines.said(words.ORDER, "7")
    assert told == {
        "say": words.ORDER,
        "key": "job_1.1",
        "job": {"job_id": "job_1"},
        "run_path": "/r",
        "launch": {"argv": ["x"]},
    }


def test_a_full_disk_and_an_attempt_that_was_run_are_told_apart(keepers: Keepers, lines: PlayedKeepers) -> None:
    greet(keepers)
    answer_with(keepers, lines, {"say": words.REFUSED, "code": "disk", "error": "cannot record the order: full"})
    with pytest.raises(OrderFailed, match="cannot record the order: full"):
        order(keepers)

    answer_with(keepers, lines, {"say": words.REFUSED, "code": "here"})
    with pytest.raises(AttemptAlreadyHere, match="this attempt was already run here"):
        order(keepers)


def test_an_order_that_no_keeper_answers_fails_after_a_while(
    keepers: Keepers, lines: PlayedKeepers, machine: OnPlayedKeepers
) -> None:
    greet(keepers)
    with pytest.raises(OrderFailed, match="the keeper of jobs did not answer within 20 s"):
        order(keepers)

    # What comes too late is nobody's any more, for the supervisor to have forgotten.
    assert not keepers.answered("1", {"say": words.ORDERED, "key": "job_1.1"})


def test_an_order_that_was_given_up_is_not_kept_by_a_keeper_that_only_was_slow(
    keepers: Keepers, lines: PlayedKeepers, machine: OnPlayedKeepers
) -> None:
    greet(keepers)
    with pytest.raises(OrderFailed):
        order(keepers)

    said = [message["say"] for _, message in lines.sent if message.get("key") == "job_1.1"]
    assert said[:2] == [words.ORDER, words.DROP]


def in_a_thread(keepers: Keepers) -> tuple[threading.Thread, list[str]]:
    """Order in a thread of its own, which really waits."""
    keepers._flag = threading.Event
    names: list[str] = []
    thread = threading.Thread(target=lambda: names.append(order(keepers)), daemon=True)
    thread.start()
    return thread, names


def test_an_order_waits_for_a_keeper_that_is_still_to_come(keepers: Keepers, lines: PlayedKeepers) -> None:
    thread, names = in_a_thread(keepers)
    wait_until(lambda: "job_1.1" in keepers._orders, "it is ordered")
    assert lines.said(words.ORDER) == []
    greet(keepers)
    assert len(lines.said(words.ORDER, "1")) == 1

    keepers.answered("1", {"say": words.ORDERED, "key": "job_1.1"})
    thread.join(30)

    assert names == ["1"]


def test_an_order_that_a_dying_keeper_swallowed_is_said_again_to_the_next_one(
    keepers: Keepers, lines: PlayedKeepers
) -> None:
    greet(keepers)
    thread, names = in_a_thread(keepers)
    wait_until(lambda: lines.said(words.ORDER, "1"), "the first one has it")
    keepers.lost("1")
    assert keepers.current() is None

    greet(keepers)

    assert len(lines.said(words.ORDER, "1")) == 2
    keepers.answered("1", {"say": words.ORDERED, "key": "job_1.1"})
    keepers.answered("1", {"say": words.ORDERED, "key": "job_1.1"})  # of both
    thread.join(30)
    assert names == ["1"]
    greet(keepers)
    assert len(lines.said(words.ORDER, "1")) == 2  # and not once more


def test_new_attempts_go_to_a_keeper_of_our_version_only(keepers: Keepers, lines: PlayedKeepers) -> None:
    greet(keepers, "1", "0.0.1")
    assert (keepers.current(), keepers.others()) == (None, ["1"])
    thread, names = in_a_thread(keepers)
    wait_until(lambda: "job_1.1" in keepers._orders, "it is ordered")
    assert lines.said(words.ORDER) == []

    greet(keepers, "2")

    assert (keepers.current(), keepers.others()) == ("2", ["1"])
    assert lines.said(words.ORDER, "1") == []
    assert len(lines.said(words.ORDER, "2")) == 1
    keepers.answered("2", {"say": words.ORDERED, "key": "job_1.1"})
    thread.join(30)
    assert names == ["2"]


def test_what_was_told_to_end_meanwhile_is_not_told_to_go(
    keepers: Keepers, lines: PlayedKeepers, machine: OnPlayedKeepers
) -> None:
    keepers.go(attempt(machine))
    assert lines.sent == [("1", {"say": words.GO, "key": "job_1.1"})]
    told_to_end = attempt(machine)
    told_to_end.stop = "stopped_by_user"
    lines.sent.clear()

    keepers.go(told_to_end)

    stop = {"say": words.STOP, "key": "job_1.1", "reason": "stopped_by_user"}
    assert lines.sent == [("1", stop)]


def test_a_stop_without_a_time_of_its_own_leaves_the_attempts(
    keepers: Keepers, lines: PlayedKeepers, machine: OnPlayedKeepers
) -> None:
    keepers.stop(attempt(machine), "fenced_off")

    assert lines.sent == [("1", {"say": words.STOP, "key": "job_1.1", "reason": "fenced_off"})]


def test_what_has_no_keeper_yet_is_told_nothing(
    keepers: Keepers, lines: PlayedKeepers, machine: OnPlayedKeepers
) -> None:
    keepers.go(attempt(machine, None))
    keepers.stop(attempt(machine, None), "stopped_by_user")

    assert lines.sent == []


def test_codes_that_fell_to_the_launcher_are_told_to_each_keeper_and_to_later_ones(
    keepers: Keepers, lines: PlayedKeepers
) -> None:
    greet(keepers, "1")
    greet(keepers, "2", "0.0.1")
    lines.fallen = [collected(5, "77", 3)]
    keepers.collect()
    assert [name for name, message in lines.sent if message["say"] == words.COLLECTED] == ["1", "2"]

    keepers.lost("1")
    greet(keepers, "1")

    assert len(lines.said(words.COLLECTED, "1")) == 2


def test_a_keeper_that_cannot_be_reached_is_told_nothing(keepers: Keepers, lines: PlayedKeepers) -> None:
    lines.can_open = False

    assert not keepers.open("1")
    assert lines.sent == []
