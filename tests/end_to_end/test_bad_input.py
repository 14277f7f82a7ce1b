"""Whatever is wrong with an order, its sender is told in one clear sentence, and nothing else is lost."""

import hashlib
from pathlib import Path

import pytest

from support.agents import add_agent
from support.launcher_process import LauncherProcess
from support.ledger import Ledger
from support.project import Project
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess


@pytest.mark.parametrize("size", [200 * 1024, 5 * 1024 * 1024])
def test_a_long_prompt_arrives_whole(house: RuntimeApi, tmp_path: Path, size: int) -> None:
    prompt = ("0123456789abcdef" * (size // 16))[:size]
    add_agent(
        house,
        tmp_path,
        f"weighs-{size}",
        "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())",
    )

    job = house.wait_for_end(
        house.create_job(f"long-{size}", prompt, agent_name=f"weighs-{size}", project_dir=str(tmp_path))
    )

    assert job["status"] == "completed", job["error"]
    assert house.result(f"long-{size}").strip() == hashlib.sha256(prompt.encode()).hexdigest()


def test_a_very_long_result_is_kept_within_bounds_and_not_lost(house: RuntimeApi, tmp_path: Path) -> None:
    add_agent(house, tmp_path, "talks", "print('first words ' + 'ö' * 3_000_000 + ' last words')")

    job = house.wait_for_end(house.create_job("talker", "go", agent_name="talks", project_dir=str(tmp_path)))
    result = house.result("talker").strip()

    assert job["status"] == "completed", job["error"]
    assert (result[:11], result[-10:]) == ("first words", "last words")
    assert len(result.encode()) < 1024 * 1024


def test_a_missing_project_folder_fails_the_job_with_its_path(house: RuntimeApi, tmp_path: Path) -> None:
    missing = tmp_path / "not-here"

    job = house.wait_for_end(house.create_job("nowhere", "hi", agent_name="echo", project_dir=str(missing)))

    assert job["status"] == "failed"
    assert str(missing) in (job["error"] or "")
    assert house.session_status("nowhere") == "failed"


def test_a_file_as_project_folder_fails_the_job_with_its_path(house: RuntimeApi, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("no folder", encoding="utf-8")

    job = house.wait_for_end(house.create_job("file", "hi", agent_name="echo", project_dir=str(file)))

    assert job["status"] == "failed"
    assert str(file) in (job["error"] or "")


def test_the_exit_code_that_is_told_is_the_agents_own(house: RuntimeApi, tmp_path: Path) -> None:
    add_agent(house, tmp_path, "quits", "import sys; sys.exit(42)")
    add_agent(house, tmp_path, "dies", "import os; os.kill(os.getpid(), 9)")

    ends = [
        house.wait_for_end(house.create_job(name, "x", agent_name=name, project_dir="/tmp"))
        for name in ("quits", "dies")
    ]

    assert [(end["reason"], end["exit_code"], end["signal"]) for end in ends] == [
        ("nonzero_exit", 42, None),
        ("signal", None, 9),
    ]


def test_an_ao_start_that_is_not_executable_fails_the_job_and_the_next_one_works(
    api: RuntimeApi, launcher: LauncherProcess, project: Project, ledger: Ledger
) -> None:
    command = project.commands / "ao-start"
    command.chmod(0o644)

    job = api.wait_for_end(api.create_job("first", "hi", project_dir=str(project.work)))
    assert (job["status"], job["reason"]) == ("failed", "spawn_failed")
    assert "ao-start" in (job["error"] or "")
    assert ledger.runs() == []

    command.chmod(0o755)
    again = api.wait_for_end(api.create_job("second", "hi", project_dir=str(project.work)))
    assert again["status"] == "completed", again["error"]


def test_the_launcher_waits_for_a_runtime_that_is_not_there_yet(
    runtime: RuntimeProcess, quiet_launcher: LauncherProcess
) -> None:
    runtime.stop()
    quiet_launcher.start(wait_registered=False)
    quiet_launcher.wait_for_line("cannot")

    runtime.start()

    quiet_launcher.wait_for_line("registered", timeout=60)
