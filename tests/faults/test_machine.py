"""The machine fails: disk, descriptors, processes, memory, numbers, clocks, identities."""

import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from faults.bench import LONG_PROMPT, Bench
from faults.disks import fill
from lib.keeper import containment
from soak.stage import small_disk
from support.launcher_process import LauncherProcess
from support.waiting import wait_until

pytestmark = pytest.mark.long

SMALL_MIB = 4
# Nothing is short on it at the beginning.
ROOMY_MIB = 40
# A number that no account has, so that nobody else's processes count.
NOBODY = "54321"


@pytest.fixture
def small(bench: Bench) -> Iterator[Path]:
    """The launcher's state folder on a disk of its own that is soon full."""
    with small_disk(bench.launcher.state_dir, SMALL_MIB) as is_there:
        if not is_there:
            pytest.skip("this user may not mount a small disk")
        yield bench.launcher.state_dir
        bench.launcher.leave_nothing()


def crowd_into(folder: Path) -> list[Path]:
    """Leave no room for another file, however small."""
    crowd: list[Path] = []
    try:
        while True:
            crowd.append(folder / f"file-{len(crowd)}")
            crowd[-1].touch()
    except OSError:
        return crowd


def test_a_full_disk_takes_no_job_says_so_and_does_not_spin(bench: Bench, small: Path) -> None:
    bench.launcher.start()
    ballast = fill(small)
    job_id = bench.order()

    wait_until(lambda: bench.api.job(job_id)["reason"] == "launcher_cannot_start_jobs", "the waiting job says why")
    tries = bench.launcher.log().count("job declined")
    assert tries <= 5
    ballast.unlink()
    assert bench.end_of(job_id)["status"] == "completed"
    bench.assert_promises_held()


def test_a_disk_that_fills_up_while_a_job_runs_does_not_lose_its_exit_code(bench: Bench, small: Path) -> None:
    bench.launcher.start()
    job_id = bench.order_waiting(exit=6)
    bench.wait_until_runs(job_id)

    ballast = fill(small)
    bench.open_gate()

    assert bench.end_of(job_id)["exit_code"] == 6
    ballast.unlink()
    bench.assert_promises_held()


def test_a_disk_that_the_output_of_a_job_has_filled_is_cleared_when_the_next_one_needs_it(bench: Bench) -> None:
    with small_disk(bench.launcher.state_dir, ROOMY_MIB) as is_there:
        if not is_there:
            pytest.skip("this user may not mount a small disk")
        bench.launcher.start()
        assert bench.end_of(bench.order({"out_bytes": ROOMY_MIB << 20}))["status"] == "failed"

        assert bench.end_of(bench.order(LONG_PROMPT))["exit_code"] == 3
        bench.assert_promises_held()
        bench.launcher.leave_nothing()


def test_a_disk_without_free_file_entries_takes_no_job_until_there_are_some(bench: Bench, small: Path) -> None:
    bench.launcher.start()
    done = subprocess.run(["mount", "-o", "remount,nr_inodes=40", str(small)], check=False)
    if done.returncode != 0:
        pytest.skip("this system cannot limit the files of a mounted disk")
    crowd = crowd_into(small)
    job_id = bench.order()

    wait_until(lambda: bench.api.job(job_id)["reason"] == "launcher_cannot_start_jobs", "the waiting job says why")
    for path in crowd:
        path.unlink(missing_ok=True)
    assert bench.end_of(job_id)["status"] == "completed"
    bench.assert_promises_held()


def test_a_disk_that_turned_read_only_takes_no_job_until_it_can_be_written(bench: Bench, small: Path) -> None:
    bench.launcher.start()
    # What is open for writing keeps a disk from turning read-only by a remount; a bind mount turns alone.
    subprocess.run(["mount", "--bind", str(small), str(small)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(small)], check=True)
        job_id = bench.order()
        wait_until(lambda: bench.api.job(job_id)["reason"] == "launcher_cannot_start_jobs", "the waiting job says why")
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)
    assert bench.end_of(job_id)["status"] == "completed"
    bench.assert_promises_held()


def test_a_state_folder_that_cannot_be_made_is_a_sentence_and_exit_code_2(bench: Bench) -> None:
    bench.launcher.state_dir.parent.mkdir(exist_ok=True)
    bench.launcher.state_dir.write_text("a file where a folder should be")
    bench.launcher.start(wait_registered=False)

    assert bench.launcher.wait() == 2
    assert f"cannot use the state folder '{bench.launcher.state_dir}'" in bench.launcher.log()


def test_a_state_folder_of_an_older_version_is_refused_with_a_sentence_and_left_as_it_is(bench: Bench) -> None:
    left = bench.launcher.runs_dir / "job_1.1" / "job.json"
    left.parent.mkdir(parents=True)
    left.write_text("{}", encoding="ascii")
    bench.launcher.start(wait_registered=False)

    assert bench.launcher.wait() == 2
    assert f"1 jobs in '{bench.launcher.runs_dir}' were left by a launcher of an older version" in bench.launcher.log()
    assert "let that version finish them" in bench.launcher.log()
    assert left.exists()


def test_without_free_descriptors_jobs_wait_and_run_when_there_are_some(bench: Bench) -> None:
    bench.launcher.start()
    process = psutil.Process(bench.launcher.pid)
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    # Below what is open: whatever needs one more fails. Eight starts at once need more connections than there are.
    process.rlimit(psutil.RLIMIT_NOFILE, (3, before[1]))
    with bench.ordered_together():
        jobs = [bench.order() for _ in range(8)]

    wait_until(lambda: "Too many open files" in bench.launcher.log(), "it ran out of descriptors")
    assert bench.launcher.is_alive
    process.rlimit(psutil.RLIMIT_NOFILE, before)

    assert {row["status"] for row in bench.api.wait_for_all(jobs)} == {"completed"}
    bench.assert_promises_held()


def test_a_machine_without_free_processes_takes_no_job_until_there_are_some_and_stops_those_that_wait(
    bench: Bench,
) -> None:
    if os.getuid() == 0:
        bench.launcher.prefix = _as_nobody()
    bench.launcher.start()
    (keeper,) = bench.launcher.keepers.processes()
    _limit_processes(bench.launcher, keeper, "1")
    with bench.ordered_together():
        wanted, unwanted = bench.order(), bench.order()

    wait_until(lambda: bench.launcher.log().count("waits for a process") >= 2, "two granted jobs have no process")
    later = _order_until_one_waits(bench)
    bench.api.stop_job(unwanted)
    assert bench.end_of(unwanted)["status"] == "stopped"
    _limit_processes(bench.launcher, keeper, str(resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    assert {row["status"] for row in bench.api.wait_for_all([wanted, *later])} == {"completed"}
    assert bench.ledger.runs_of(unwanted) == []
    bench.assert_promises_held()


def _order_until_one_waits(bench: Bench) -> list[str]:
    """Order jobs until the launcher has taken its word back that it takes some; a poll may still be on its way."""
    ordered = []
    while True:
        ordered.append(bench.order())
        said = wait_until(lambda: _stand(bench, ordered[-1]), "the job is granted, or says why it waits")
        if said == "launcher_cannot_start_jobs":
            return ordered


def _stand(bench: Bench, job_id: str) -> str | None:
    job = bench.api.job(job_id)
    told = job["status"] if job["status"] == "running" else job["reason"]
    return str(told) if told in ("running", "launcher_cannot_start_jobs") else None


def _as_nobody() -> list[str]:
    """The limit of processes does not hold for root: become a nobody, who may reach what root's tests have made."""
    may = ",".join(f"+{name}" for name in ("dac_override", "dac_read_search", "fowner", "chown"))
    prefix = ["setpriv", "--reuid", NOBODY, "--inh-caps", may, "--ambient-caps", may]
    if subprocess.run([*prefix, "true"], check=False).returncode != 0:
        pytest.skip("this root may not become another user")
    return prefix


def _limit_processes(launcher: LauncherProcess, keeper: psutil.Process, most: str) -> None:
    """Change the limit as the user whose processes are counted, who needs no right for it."""
    subprocess.run([*launcher.prefix, "prlimit", f"--nproc={most}:", "--pid", str(keeper.pid)], check=True)


def test_below_the_memory_floor_a_second_job_waits_and_says_so(bench: Bench) -> None:
    bench.launcher.environment["AGENT_LAUNCHER_MEMORY_FLOOR_MIB"] = str(1 << 30)
    bench.launcher.start()
    first = bench.order_waiting()
    bench.wait_until_runs(first)
    second = bench.order()

    wait_until(lambda: bench.api.job(second)["reason"] == "launcher_short_of_memory", "the waiting job says why")
    assert "memory" in str(bench.api.job(second)["reason_detail"])
    bench.open_gate()
    assert {row["status"] for row in bench.api.wait_for_all([first, second])} == {"completed"}
    bench.assert_promises_held()


@pytest.mark.parametrize("way", containment.WAYS)
def test_a_number_in_the_journal_that_is_a_strangers_by_now_never_gets_the_stranger_signalled(
    bench: Bench, way: str
) -> None:
    bench.launcher.environment["AGENT_LAUNCHER_CONTAINMENT"] = way
    stranger = subprocess.Popen(
        [sys.executable, "-c", "import signal; signal.pause()"],
        start_new_session=True,  # a group of its own, with its own number
    )
    try:
        bench.launcher.start()
        job_id = bench.order_waiting(ignore_term=True)
        bench.wait_until_runs(job_id)
        bench.launcher.kill()
        bench.launcher.keepers.kill()
        bench.launcher.keepers.forge("spawned", pid=stranger.pid)
        bench.open_gate()
        wait_until(lambda: bench.ledger.runs_of(job_id)[0].exit_code == 0, "the command itself has ended")
        bench.launcher.start()

        bench.api.stop_job(job_id)

        assert bench.end_of(job_id)["status"] in {"completed", "stopped"}
        assert stranger.poll() is None
        bench.assert_promises_held()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_launcher_on_the_state_folder_is_refused_with_a_clear_line(bench: Bench) -> None:
    bench.launcher.start()
    second = LauncherProcess(
        bench.launcher.folder / "second", bench.launcher.runtime_url, bench.launcher.token, script=bench.launcher.script
    )
    second.state_dir = bench.launcher.state_dir
    second.start(wait_registered=False)

    assert second.wait() == 4
    assert f"is in use by the launcher with pid {bench.launcher.pid}" in second.log()
    assert bench.launcher.is_alive


def test_of_two_launchers_with_one_identity_the_older_leaves_and_touches_nothing(bench: Bench) -> None:
    bench.launcher.start()
    job_id = bench.order_waiting()
    bench.wait_until_runs(job_id)
    copied = LauncherProcess(
        bench.launcher.folder / "copy",
        bench.launcher.runtime_url,
        bench.launcher.token,
        script=bench.launcher.script,
        environment=bench.launcher.environment,
    )
    copied.state_dir.mkdir()
    shutil.copy(bench.launcher.state_dir / "identity.json", copied.state_dir / "identity.json")
    try:
        copied.start()

        assert bench.launcher.wait(60) == 4
        assert "another launcher has taken this identity" in bench.launcher.log()
        assert psutil.pid_exists(bench.ledger.runs_of(job_id)[0].pid)
    finally:
        copied.leave_nothing()
    bench.launcher.start()
    bench.open_gate()
    assert bench.end_of(job_id)["status"] == "completed"
    bench.assert_promises_held()


def test_a_call_of_a_boot_before_takes_neither_its_launcher_nor_its_jobs_away(bench: Bench) -> None:
    bench.launcher.start()
    running = bench.order_waiting(exit=6)
    bench.wait_until_runs(running)
    (known,) = (row for row in bench.api.launchers() if row["status"] == "alive")
    of_the_past = {
        "launcher_id": known["launcher_id"],
        "hostname": socket.gethostname(),
        "boot_id": "a boot that ended with the power",
        "max_jobs": 10,
        "holding": [],
        "instance": {"id": "a-process-that-never-heard-its-answer", "call": 1, "began": 7.0},
    }

    bench.api.ask("POST", "/launcher/register", of_the_past)

    wait_until(lambda: bench.launcher.log().count("registered launcher_id=") == 2, "it registered once more")
    assert bench.api.http.post("/launcher/register", json=of_the_past).json()["code"] == "superseded"
    wait_until(lambda: bench.api.job(running)["status"] == "running", "the runtime knows that its job goes on")
    assert bench.end_of(bench.order())["status"] == "completed"
    bench.open_gate()
    assert bench.end_of(running)["exit_code"] == 6
    assert bench.launcher.is_alive
    bench.assert_promises_held()


@pytest.mark.skipif(not Path("/proc/pressure/cpu").exists(), reason="this system does not tell how much waits")
def test_a_machine_that_has_enough_to_do_takes_no_further_job_and_says_so(bench: Bench) -> None:
    bench.launcher.environment["AGENT_LAUNCHER_CPU_PRESSURE_MAX"] = "1"
    bench.launcher.start()
    bench.wait_until_runs(bench.order_waiting())
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range((os.cpu_count() or 1) * 2)]

    def refused() -> bool:
        # A launcher looks at its machine when it asks for jobs, so a job that comes while it asks is taken.
        return bench.api.job(bench.order())["reason"] == "launcher_overloaded"

    try:
        wait_until(refused, "a waiting job says why")
    finally:
        for process in spinning:
            process.kill()
            process.wait()
        bench.open_gate()

    assert [bench.end_of(job_id)["status"] for job_id in bench.jobs] == ["completed"] * len(bench.jobs)
    bench.assert_promises_held()
