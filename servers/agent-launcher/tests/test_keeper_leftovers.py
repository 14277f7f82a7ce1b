"""What could not be ended is not forgotten: nothing of its session begins beside it."""

from __future__ import annotations

import pytest
from launcher_rig.made_up_host import KeeperInHand, MadeUpDisk, MadeUpHost

from lib.keeper import words
from lib.keeper.keeper import LIVES_AGAIN_SECONDS
from lib.wire.models import JsonObject


@pytest.fixture
def host() -> MadeUpHost:
    return MadeUpHost()


@pytest.fixture
def keeper(host: MadeUpHost) -> KeeperInHand:
    return KeeperInHand(host, MadeUpDisk())


def order(keeper: KeeperInHand, key: str, session: str) -> JsonObject:
    """Order an attempt of a session, and give the answer."""
    job: JsonObject = {"session_name": session}
    keeper.keeper.hear({"say": words.ORDER, "key": key, "run_path": "/r", "job": job, "launch": {"argv": [key]}})
    (answer,) = keeper.keeper.answers()
    return answer


def leave_something(keeper: KeeperInHand, host: MadeUpHost) -> None:
    """Have an attempt of session `one` end with something that nobody can end, and be acknowledged."""
    order(keeper, "job_1.1", "one")
    keeper.say(words.GO)
    host.is_everything_empty = False
    keeper.say(words.STOP, grace_seconds=0.1)
    verdict = keeper.verdict(keeper.pass_time(6)) or {}
    assert verdict["leftovers"] == ["deaf (pid 7)"]
    keeper.say(words.ACKNOWLEDGE)


def test_nothing_of_a_session_begins_beside_what_could_not_be_ended(keeper: KeeperInHand, host: MadeUpHost) -> None:
    leave_something(keeper, host)

    refused = order(keeper, "job_2.1", "one")

    assert (refused["say"], refused["code"]) == (words.REFUSED, "session_lives")
    assert "deaf (pid 7)" in str(refused["error"])
    assert order(keeper, "job_3.1", "another")["say"] == words.ORDERED


def test_the_next_keeper_knows_of_it_too(keeper: KeeperInHand, host: MadeUpHost) -> None:
    leave_something(keeper, host)

    second = keeper.heir().heir()

    assert order(second, "job_2.1", "one")["say"] == words.REFUSED


def test_once_it_is_gone_the_session_goes_on_and_it_is_forgotten(keeper: KeeperInHand, host: MadeUpHost) -> None:
    leave_something(keeper, host)
    host.is_everything_empty = True

    assert order(keeper, "job_2.1", "one")["say"] == words.ORDERED
    assert "job_1.1" not in keeper.keeper._held
    keeper.pass_time(2 * LIVES_AGAIN_SECONDS)  # and nobody looks for it any more


def test_what_is_gone_is_forgotten_without_anybody_asking(keeper: KeeperInHand, host: MadeUpHost) -> None:
    leave_something(keeper, host)
    keeper.pass_time(3 * LIVES_AGAIN_SECONDS)
    assert "job_1.1" in keeper.keeper._held

    host.is_everything_empty = True
    keeper.pass_time(LIVES_AGAIN_SECONDS)

    assert keeper.keeper._held == {}
    assert keeper.keeper.seconds_to_wait() is None
