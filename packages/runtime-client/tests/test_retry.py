"""A call is tried again while its error may pass, for as long as was allowed, and not a moment longer."""

from bisect import bisect_right

import pytest

from runtime_client.errors import RefusedError, RuntimeClientError, UnavailableError
from runtime_client.retry import SPREAD_SECONDS, Backoff, Retry


class Time:
    """A clock that only waiting moves on."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return False


def fail(error: RuntimeClientError) -> None:
    raise error


def away() -> None:
    fail(UnavailableError("away"))


def retry(time: Time, limit_seconds: float | None) -> Retry:
    return Retry(time.wait, limit_seconds, most_seconds=10.0, clock=lambda: time.now)


def test_the_last_try_is_made_when_the_time_is_over_however_long_the_waits_were() -> None:
    time = Time()
    tries: list[float] = []

    def work() -> None:
        tries.append(time.now - 1000.0)
        away()

    with pytest.raises(UnavailableError):
        retry(time, 600.0).call(work)

    assert tries[0] == 0.0
    assert tries[-1] == pytest.approx(600.0)
    assert sum(time.waits) == pytest.approx(600.0)
    assert max(time.waits) <= 10.0


def test_the_time_that_a_call_itself_takes_counts() -> None:
    time = Time()

    def slow() -> None:
        time.now += 400.0
        away()

    with pytest.raises(UnavailableError):
        retry(time, 600.0).call(slow)

    assert len(time.waits) == 1


def test_the_first_wait_after_having_been_connected_is_spread_over_seconds() -> None:
    def first_wait() -> float:
        backoff = Backoff()
        backoff.reset()
        return backoff.next_seconds()

    waits = [first_wait() for _ in range(300)]

    assert 0 <= min(waits) < 1
    assert 4 < max(waits) <= SPREAD_SECONDS


def test_what_works_at_last_is_returned_and_each_failure_is_heard_of() -> None:
    time = Time()
    failures: list[int] = []

    def work() -> str:
        if len(failures) < 3:
            away()
        return "done"

    assert retry(time, None).call(work, lambda _, number: failures.append(number)) == "done"
    assert failures == [1, 2, 3]


def test_a_refusal_is_not_tried_again() -> None:
    time = Time()

    with pytest.raises(RefusedError):
        retry(time, 600.0).call(lambda: fail(RefusedError("no", code="conflict", http_status=409)))

    assert time.waits == []


def test_a_wait_that_is_broken_off_ends_the_tries() -> None:
    with pytest.raises(UnavailableError):
        Retry(lambda _: True).call(away)


@pytest.mark.parametrize("outage_seconds", [0.0, 1.0, 2.0, 5.0, 10.0, 30.0])
def test_three_hundred_that_lose_the_runtime_never_try_together(outage_seconds: float) -> None:
    tries: list[float] = []
    for _ in range(300):
        backoff = Backoff()
        backoff.reset()
        now = backoff.next_seconds()
        tries.append(now)
        while now < outage_seconds:
            now += backoff.next_seconds()
            tries.append(now)

    tries.sort()
    most = max(bisect_right(tries, begins + 1.0) - at for at, begins in enumerate(tries))
    assert most < 113, "60 in a second are the least that 300 in five seconds can be"
