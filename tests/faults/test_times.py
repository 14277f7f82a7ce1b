"""A job's times are those of its process, whoever was dead when it ended."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from faults.bench import Bench
from support.waiting import wait_until

AWAY_SECONDS = 3.0


def launcher_alone(bench: Bench) -> None:
    bench.launcher.kill()


def with_its_keeper(bench: Bench) -> None:
    bench.launcher.freeze()
    bench.launcher.keepers.kill()
    bench.launcher.kill()


@pytest.mark.parametrize("harm", [launcher_alone, with_its_keeper])
def test_a_job_that_ended_while_its_launcher_was_dead_has_the_times_of_its_process(
    bench: Bench, harm: Callable[[Bench], None]
) -> None:
    bench.launcher.start()
    job_id = bench.order_waiting()
    bench.wait_until_runs(job_id)
    harm(bench)
    bench.open_gate()
    wait_until(lambda: bench.ledger.runs()[0].ended_at is not None, "the command has ended")
    (run,) = bench.ledger.runs()
    assert run.ended_at is not None
    gone_at = time.monotonic()
    wait_until(lambda: time.monotonic() > gone_at + AWAY_SECONDS, "a while passes that is nobody's running time")
    came_back_at = datetime.now(UTC)
    bench.start_well()

    ended = bench.end_of(job_id)

    assert ended["status"] == "completed"
    assert datetime.fromisoformat(str(ended["ended_at"])) < came_back_at
    assert ended["run_seconds"] is not None
    assert run.ended_at - run.started_at < ended["run_seconds"] < time.monotonic() - run.started_at - AWAY_SECONDS
    bench.assert_promises_held()
