"""The keeper is killed, alone, with its launcher or after it, while jobs run that hide: nothing of it is forgotten."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from faults.bench import Bench
from lib.keeper import containment
from support.memory_limit import memory_limit
from support.waiting import wait_until

pytestmark = pytest.mark.long

DAEMONS = 2
MIB = 1 << 20


def keeper_alone(bench: Bench) -> None:
    bench.launcher.keepers.kill()


def both_together(bench: Bench) -> None:
    bench.launcher.freeze()
    bench.launcher.keepers.kill()
    bench.launcher.kill()


def launcher_then_keeper(bench: Bench) -> None:
    bench.launcher.kill()
    bench.launcher.keepers.kill()


HARMS: dict[str, Callable[[Bench], None]] = {
    "keeper": keeper_alone,
    "both": both_together,
    "launcher, then keeper": launcher_then_keeper,
}


@pytest.fixture(params=[containment.CGROUP, containment.MARK])
def contained(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    """The bench with each way to keep an attempt together."""
    way = str(request.param)
    if containment.what_can_be_had(way) != way:
        pytest.skip(f"this user cannot have a {way} for each attempt here")
    bench.launcher.environment["AGENT_LAUNCHER_CONTAINMENT"] = way
    bench.launcher.start()
    return bench


@pytest.fixture(params=HARMS)
def harm(request: pytest.FixtureRequest) -> Callable[[Bench], None]:
    """Who is killed."""
    return HARMS[request.param]


def do(harm: Callable[[Bench], None], bench: Bench) -> None:
    """Do the harm, and let a launcher be there again."""
    harm(bench)
    if not bench.launcher.is_alive:
        bench.start_well()


def order_running(bench: Bench, script: dict[str, object] | None = None, **fields: object) -> str:
    """Have a job run until the gate is opened, with daemons of its own that nothing ties to it."""
    told = {"await_file": str(bench.gate), "daemons": DAEMONS, **(script or {})}
    job_id = bench.order(told, stop_grace_seconds=0.3, **fields)
    wait_until(lambda: len(bench.ledger.living(job_id)) == DAEMONS + 1, "the command and its daemons live")
    return job_id


def test_a_job_whose_keeper_was_killed_goes_on_and_ends_with_its_true_exit_code(
    contained: Bench, harm: Callable[[Bench], None]
) -> None:
    # Where its launcher lived on, the exit code falls to it; else the command's own note has it.
    job_id = order_running(contained, {"exit": 5, "out": "said\n", "note": harm is not keeper_alone})

    do(harm, contained)
    assert len(contained.ledger.living(job_id)) == DAEMONS + 1
    contained.open_gate()
    ended = contained.end_of(job_id)

    assert (ended["status"], ended["reason"], ended["exit_code"]) == ("failed", "nonzero_exit", 5)
    assert contained.ledger.living() == []
    contained.wait_for_log(job_id, b"said\n")
    contained.assert_promises_held()


def test_a_job_that_ended_while_keeper_and_launcher_were_dead_ends_with_what_its_note_says(contained: Bench) -> None:
    known = order_running(contained, {"exit": 5})
    unknown = order_running(contained, {"exit": 5, "note": False})

    both_together(contained)
    contained.open_gate()
    wait_until(lambda: all(run.exit_code == 5 for run in contained.ledger.runs()), "both commands have ended")
    contained.start_well()

    assert contained.end_of(known)["exit_code"] == 5
    ended = contained.end_of(unknown)
    assert (ended["status"], ended["reason"], ended["exit_code"]) == ("failed", "shim_died", None)
    assert "how the job ended is not known" in str(ended["error"])
    assert contained.ledger.living() == []
    contained.assert_promises_held()


def test_a_stop_after_the_keepers_death_leaves_nothing(contained: Bench, harm: Callable[[Bench], None]) -> None:
    job_id = order_running(contained, {"ignore_term": True})

    do(harm, contained)
    contained.api.stop_job(job_id)

    assert contained.end_of(job_id)["status"] == "stopped"
    assert contained.ledger.living() == []
    contained.assert_promises_held()


def test_a_stop_that_is_asked_while_nobody_lives_to_hear_it_leaves_nothing(contained: Bench) -> None:
    job_id = order_running(contained, {"ignore_term": True})

    both_together(contained)
    contained.api.stop_job(job_id)
    contained.start_well()

    assert contained.end_of(job_id)["status"] == "stopped"
    assert contained.ledger.living() == []
    contained.assert_promises_held()


def test_a_time_limit_holds_after_the_keepers_death(contained: Bench, harm: Callable[[Bench], None]) -> None:
    job_id = order_running(contained, {"ignore_term": True}, timeout_seconds=5)

    do(harm, contained)
    ended = contained.end_of(job_id)

    assert (ended["status"], ended["reason"]) == ("failed", "timed_out")
    assert contained.ledger.living() == []
    contained.assert_promises_held()


def test_no_resume_begins_beside_what_a_killed_keeper_left_behind(
    contained: Bench, harm: Callable[[Bench], None]
) -> None:
    job_id = order_running(contained)
    name = contained.api.job(job_id)["session_name"]
    resume = contained.api.create_job(name, "{}", type="resume_session")
    contained.jobs.append(resume)

    do(harm, contained)
    assert contained.api.job(resume)["reason"] == "session_busy"
    assert contained.ledger.runs_of(resume) == []
    # Its command goes, its daemons stay: the session is not free before they are gone.
    psutil.Process(contained.ledger.runs_of(job_id)[0].pid).kill()

    assert contained.end_of(resume)["status"] == "completed"
    assert contained.ledger.runs_of(resume)[0].beside == ()
    assert contained.ledger.living() == []
    contained.assert_promises_held()


def test_no_second_attempt_begins_beside_what_is_left_of_the_first(contained: Bench) -> None:
    job_id = order_running(contained, {"note": False}, max_attempts=2)
    (first,) = contained.ledger.runs_of(job_id)

    both_together(contained)
    psutil.Process(first.pid).kill()
    contained.open_gate()
    contained.start_well()
    ended = contained.end_of(job_id)

    assert (ended["status"], ended["attempt"]) == ("completed", 2)
    assert [run.beside for run in contained.ledger.runs_of(job_id)] == [(), ()]
    assert contained.ledger.living() == []
    contained.assert_promises_held()


def test_jobs_of_a_keeper_that_the_kernel_killed_for_memory_go_on(contained: Bench) -> None:
    job_id = order_running(contained, {"exit": 5, "note": False})
    (keeper,) = contained.launcher.keepers.processes()
    with memory_limit(2 * MIB) as limit:
        if limit is None:
            pytest.skip("this user may not limit memory with a cgroup")
        limit.take(keeper.pid)
        # Each prompt is as large as an argument may be, and a keeper has it in memory until the job has begun.
        others = [contained.order({"out": "x" * 90_000}) for _ in range(24)]
        wait_until(lambda: limit.kills > 0, "the kernel killed the keeper")

        assert {row["status"] for row in contained.api.wait_for_all(others)} <= {"completed", "failed"}
        assert len(contained.ledger.living(job_id)) == DAEMONS + 1
        contained.open_gate()
        assert contained.end_of(job_id)["exit_code"] == 5
        contained.assert_promises_held()


def test_the_kernel_takes_the_agent_before_its_keeper_and_launcher(bench: Bench) -> None:
    eats = "import os\nheap = []\nwhile True: heap.append(bytearray(os.urandom(1 << 20)))"
    bench.project.put_command("ao-start", f"#!/bin/sh\nexec python3 -c '{eats}'\n")
    with memory_limit(200 * MIB) as limit:
        if limit is None:
            pytest.skip("this user may not limit memory with a cgroup")
        bench.launcher.prefix = limit.prefix
        bench.launcher.start()
        keepers = bench.launcher.keepers.processes()
        ended = bench.end_of(bench.order())

        assert limit.kills > 0
        assert (ended["status"], ended["reason"], ended["signal"]) == ("failed", "signal", 9)
        assert bench.launcher.is_alive
        assert bench.launcher.keepers.processes() == keepers
        bench.launcher.leave_nothing()


def test_everything_of_a_job_is_before_its_keeper_in_the_kernels_list(contained: Bench) -> None:
    job_id = order_running(contained)
    (keeper,) = contained.launcher.keepers.processes()

    ours = [_badness(keeper.pid), _badness(contained.launcher.pid)]
    assert min(_badness(one.pid) for one in contained.ledger.living(job_id)) > max(ours)
    contained.open_gate()
    contained.end_of(job_id)


def _badness(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text(encoding="ascii"))
