"""One token makes so many requests, and no other token notices."""

from collections.abc import Iterator

import pytest

from agent_runtime.domain.errors import TooMuch
from agent_runtime.domain.ids import SessionId
from agent_runtime.http.door.rate_limit import BURST_SECONDS, SESSION_SHARE, RateLimit
from agent_runtime.services.access.callers import Caller, Role
from support.desk import Desk, fresh, read, refused, text
from support.runtime_process import RuntimeProcess

PER_SECOND = 4.0
FULL = int(PER_SECOND * BURST_SECONDS)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(limit: RateLimit, caller: Caller) -> int:
    """How many requests are let through at once."""
    for count in range(1000):
        try:
            limit.take(caller)
        except TooMuch:
            return count
    return 1000


def test_a_burst_passes_then_the_pace_and_each_caller_has_its_own() -> None:
    clock = Hand()
    limit = RateLimit(PER_SECOND, clock)
    one, other = Caller(Role.USER, "one"), Caller(Role.USER, "other")

    assert taken(limit, one) == FULL
    assert taken(limit, other) == FULL
    clock.now += 1
    assert taken(limit, one) == int(PER_SECOND)
    clock.now += 1000
    assert taken(limit, one) == FULL


def test_a_running_agent_gets_a_small_share_and_its_sibling_another() -> None:
    limit = RateLimit(100.0, Hand())
    agents = [Caller(Role.SESSION, "same", SessionId(f"ses_{number}")) for number in range(2)]

    assert [taken(limit, agent) for agent in agents] == [int(100 * SESSION_SHARE * BURST_SECONDS)] * 2


def test_without_a_limit_nobody_is_held_up() -> None:
    assert taken(RateLimit(0, Hand()), Caller(Role.USER, "one")) == 1000


@pytest.fixture
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that lets one request of a token pass each minute, and five at once."""
    process = RuntimeProcess(tmp_path_factory.mktemp("slow"), {"AGENT_RUNTIME_REQUESTS_PER_SECOND": "0.02"})
    yield process.start()
    process.leave_nothing()


def test_too_many_requests_are_a_typed_429_that_says_when_to_come_again(slow: RuntimeProcess) -> None:
    with Desk(slow.url, slow.token) as desk:
        secret = text(read(desk.post("/tokens", {"name": fresh(), "role": "viewer"}), 201)["token"])
        answer = desk.get("/jobs")
        assert "AGENT_RUNTIME_REQUESTS_PER_SECOND" in refused(answer, 429, "rate_limited")
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert desk.get("/health").status_code == 200
        with Desk(slow.url, secret) as other:
            assert other.get("/jobs").status_code == 200
