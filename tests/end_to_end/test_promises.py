"""Many jobs of many kinds at once, and at the end every promise is looked at: runtime, ledger and machine agree."""

import json
from pathlib import Path

from support.checker import assert_back_to, assert_promises_held
from support.evidence import Footprint
from support.launcher_process import LauncherProcess
from support.ledger import Ledger, most_at_once
from support.project import Project
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

KINDS: tuple[tuple[str, dict[str, object]], ...] = (
    ("well", {"out": "all well\n"}),
    ("slow", {"seconds": 0.5}),
    ("fails", {"exit": 7, "err": "no such flux\n"}),
    ("loud", {"out_bytes": 300_000}),
    ("parent", {"children": 2, "detached": True}),
    ("killed", {"kill_self": 9}),
)


def test_thirty_jobs_of_six_kinds_keep_every_promise(
    api: RuntimeApi, launcher: LauncherProcess, project: Project, ledger: Ledger
) -> None:
    jobs = {
        api.create_job(f"{kind}-{number}", json.dumps(script), project_dir=str(project.work)): kind
        for number in range(5)
        for kind, script in KINDS
    }
    ended = {row["job_id"]: row for row in api.wait_for_all(jobs)}

    for job_id, kind in jobs.items():
        row = ended[job_id]
        expected = {"fails": ("failed", "nonzero_exit", 7), "killed": ("failed", "signal", None)}
        found = (row["status"], row["reason"], row["exit_code"])
        assert found == expected.get(kind, ("completed", None, 0)), (kind, row["error"])
    assert_promises_held(api, ledger, jobs)


def test_jobs_run_at_the_same_time(
    api: RuntimeApi, launcher: LauncherProcess, project: Project, ledger: Ledger, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    script = json.dumps({"await_file": str(gate)})
    jobs = [api.create_job(f"together-{number}", script, project_dir=str(project.work)) for number in range(20)]

    wait_until(lambda: len(ledger.runs()) == len(jobs), "all jobs run")
    gate.touch()
    api.wait_for_all(jobs)

    assert most_at_once(ledger.runs()) == len(jobs)
    assert_promises_held(api, ledger, jobs)


def test_a_stopped_job_leaves_no_process(
    api: RuntimeApi, launcher: LauncherProcess, project: Project, ledger: Ledger
) -> None:
    script = json.dumps({"seconds": 600, "ignore_term": True, "children": 3, "detached": True})
    job_id = api.create_job("stubborn", script, project_dir=str(project.work), stop_grace_seconds=0.2)
    wait_until(lambda: ledger.started(job_id), "the job runs")

    api.stop_job(job_id)

    assert api.wait_for_end(job_id)["status"] == "stopped"
    assert_promises_held(api, ledger, [job_id])


def test_a_job_that_is_stopped_before_it_starts_never_runs(
    api: RuntimeApi, runtime: RuntimeProcess, quiet_launcher: LauncherProcess, project: Project, ledger: Ledger
) -> None:
    never = api.create_job("never", "{}", project_dir=str(project.work))
    waiting = api.job(never)
    api.stop_job(never)
    later = api.create_job("later", "{}", project_dir=str(project.work))
    quiet_launcher.start()
    api.wait_for_end(later)

    assert waiting["reason"] == "no_launcher"
    assert api.job(never)["status"] == "stopped"
    assert ledger.runs_of(never) == []
    assert_promises_held(api, ledger, [never, later])


def test_a_killed_launcher_loses_neither_its_jobs_nor_their_outcomes(
    api: RuntimeApi, launcher: LauncherProcess, project: Project, ledger: Ledger, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    scripts = [{"await_file": str(gate), "exit": number} for number in (0, 3)]
    jobs = [
        api.create_job(f"survives-{number}", json.dumps(script), project_dir=str(project.work))
        for number, script in enumerate(scripts)
    ]
    wait_until(lambda: len(ledger.runs()) == len(jobs), "both jobs run")

    launcher.kill()
    gate.touch()
    wait_until(lambda: all(run.exit_code is not None for run in ledger.runs()), "both ended without a launcher")
    launcher.start()
    well, failed = api.wait_for_all(jobs)

    assert well["status"] == "completed"
    assert (failed["status"], failed["exit_code"]) == ("failed", 3)
    assert_promises_held(api, ledger, jobs)


def test_a_restarted_runtime_still_knows_what_runs(
    runtime: RuntimeProcess, launcher: LauncherProcess, project: Project, ledger: Ledger, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    before = runtime.api
    job_id = before.create_job("patient", json.dumps({"await_file": str(gate)}), project_dir=str(project.work))
    wait_until(lambda: ledger.started(job_id), "the job runs")

    runtime.kill()
    runtime.start()
    gate.touch()
    after = runtime.api
    ended = after.wait_for_end(job_id, timeout=60)

    assert ended["status"] == "completed"
    assert_promises_held(after, ledger, [job_id])
    before.close()
    after.close()


def test_a_launcher_at_rest_holds_on_to_nothing(
    api: RuntimeApi, launcher: LauncherProcess, project: Project, ledger: Ledger
) -> None:
    warm_up = [api.create_job(f"warm-up-{number}", "{}", project_dir=str(project.work)) for number in range(40)]
    api.wait_for_all(warm_up)
    baseline = Footprint.of(launcher.pid)

    jobs = [api.create_job(f"passing-{number}", "{}", project_dir=str(project.work)) for number in range(40)]
    api.wait_for_all(jobs)

    assert_back_to(baseline, launcher.pid)
    assert_promises_held(api, ledger, jobs)
