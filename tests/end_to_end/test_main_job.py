"""The main job on real processes: a job over HTTP, a launcher that runs `ao-start`, an agent, the truth at the end."""

import signal
from pathlib import Path

from support.agents import add_agent
from support.launcher_process import LauncherProcess
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

AT_ONCE = 20


def test_the_launcher_starts_and_registers(api: RuntimeApi, whole_launcher: LauncherProcess) -> None:
    (known,) = api.launchers()

    assert known["status"] == "alive"
    assert known["launcher_id"] in whole_launcher.log()


def test_a_job_over_http_runs_ao_start_and_its_session_and_completion_are_seen(
    house: RuntimeApi, tmp_path: Path
) -> None:
    job_id = house.create_job("first", "Say this back.", agent_name="echo", project_dir=str(tmp_path))

    job = house.wait_for_end(job_id)

    assert (job["status"], job["exit_code"]) == ("completed", 0), job["error"]
    session = house.session("first")
    assert (session["status"], session["backend"]) == ("finished", "command")
    assert "Say this back." in house.result("first")


def test_the_sessions_events_tell_the_whole_story_in_order(house: RuntimeApi, tmp_path: Path) -> None:
    job_id = house.create_job("story", "Hello.", agent_name="echo", project_dir=str(tmp_path))
    house.wait_for_end(job_id)

    types = [event["type"] for event in house.events("story")]

    expected = ["job.created", "job.claimed", "job.started", "session_start", "message", "result", "job.completed"]
    positions = [types.index(name) for name in expected]
    assert positions == sorted(positions), types


def test_twenty_jobs_run_at_the_same_time(house: RuntimeApi, tmp_path: Path) -> None:
    here, gate = tmp_path / "here", tmp_path / "gate"
    here.mkdir()
    add_agent(
        house,
        tmp_path,
        "waits",
        f"""
        import os, pathlib, time
        pathlib.Path({str(here)!r}, os.environ["AGENT_SESSION_NAME"]).touch()
        while not pathlib.Path({str(gate)!r}).exists():
            time.sleep(0.05)
        print("seen")
        """,
    )
    names = [f"many-{number}" for number in range(AT_ONCE)]
    jobs = [house.create_job(name, "go", agent_name="waits", project_dir=str(tmp_path)) for name in names]

    wait_until(lambda: {path.name for path in here.iterdir()} == set(names), "all agents run at once", timeout=90)
    gate.touch()
    ended = house.wait_for_all(jobs, timeout=90)

    assert {row["status"] for row in ended} == {"completed"}


def test_a_failing_command_is_reported_with_its_stderr(house: RuntimeApi, tmp_path: Path) -> None:
    add_agent(house, tmp_path, "fails", "import sys; sys.exit('the disk of the flux is full')")

    job_id = house.create_job("failing", "go", agent_name="fails", project_dir=str(tmp_path))
    job = house.wait_for_end(job_id)

    assert job["status"] == "failed"
    assert job["exit_code"] != 0
    assert "the disk of the flux is full" in (job["error"] or "")
    assert house.session_status("failing") == "failed"


def test_a_resume_continues_the_same_conversation(house: RuntimeApi, tmp_path: Path) -> None:
    house.wait_for_end(house.create_job("talk", "First words.", agent_name="echo", project_dir=str(tmp_path)))
    first = house.session("talk")
    house.wait_for_end(house.create_job("talk", "Second words.", type="resume_session"))

    said = [str(event["data"]["text"]) for event in house.events("talk") if event["type"] == "message"]
    again = house.session("talk")

    assert again["session_id"] == first["session_id"]
    assert again["status"] == "finished"
    assert "Second words." in house.result("talk")
    assert [words for words in ("First words.", "Second words.") if any(words in line for line in said)] == [
        "First words.",
        "Second words.",
    ]


def test_ctrl_c_lets_a_running_job_end_and_leaves_nothing(
    runtime: RuntimeProcess, api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    add_agent(
        api,
        tmp_path,
        "waits",
        f"""
        import pathlib, time
        while not pathlib.Path({str(gate)!r}).exists():
            time.sleep(0.05)
        print("done after Ctrl+C")
        """,
    )
    job_id = api.create_job("last", "go", agent_name="waits", project_dir=str(tmp_path))
    api.wait_for_status(job_id, "running")
    wait_until(lambda: any(e["type"] == "session_start" for e in api.events("last")), "the agent runs")

    whole_launcher.signal(signal.SIGINT)
    whole_launcher.wait_for_line("no more jobs are taken; 1 still run")
    gate.touch()
    status = whole_launcher.wait()

    assert status == 0
    assert api.job(job_id)["status"] == "completed"
    assert "done after Ctrl+C" in api.result("last")
    assert [row for row in api.launchers() if row["status"] in {"alive", "draining"}] == []


def test_ctrl_c_on_an_idle_launcher_ends_it_at_once(api: RuntimeApi, whole_launcher: LauncherProcess) -> None:
    whole_launcher.interrupt()

    assert whole_launcher.wait() == 0
    assert [row for row in api.launchers() if row["status"] == "alive"] == []


def test_a_second_ctrl_c_stops_the_running_job_and_reports_it(
    api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    add_agent(api, tmp_path, "endless", "import time; time.sleep(600)")
    job_id = api.create_job("endless", "go", agent_name="endless", project_dir=str(tmp_path))
    wait_until(lambda: any(e["type"] == "session_start" for e in api.events("endless")), "the agent runs")

    whole_launcher.interrupt()
    whole_launcher.wait_for_line("Ctrl+C")
    whole_launcher.interrupt()

    assert whole_launcher.wait() == 0
    assert api.job(job_id)["status"] in {"stopped", "failed"}
