"""Jobs become the mission's command lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from launcher_rig.commands import CommandProject
from launcher_rig.shims import end, job, output, run
from lib.child_environment import base_environment
from lib.forker import Forker
from lib.models import Job
from lib.run_directory import RunsFolder

from lib.errors import AttemptAlreadyHere, JobRefused, SpawnFailed
from lib.executor import Executor, build_argv


def test_a_start_job_becomes_the_missions_command_line() -> None:
    order = Job("job_1", "start_session", "alice", "coder", "do it", "/project")

    assert build_argv(order, "/c/ao-start", is_prompt_on_stdin=False) == [
        *("/c/ao-start", "alice", "--agent", "coder", "--prompt", "do it", "--project-dir", "/project")
    ]


def test_a_resume_job_becomes_the_missions_command_line() -> None:
    order = Job("job_1", "resume_session", "alice", "coder", "go on", "/project")

    assert build_argv(order, "/c/ao-resume", is_prompt_on_stdin=False) == [
        "/c/ao-resume",
        "alice",
        "--prompt",
        "go on",
    ]


def test_what_a_job_does_not_have_is_left_out() -> None:
    order = Job("job_1", "start_session", "alice")

    assert build_argv(order, "ao-start", is_prompt_on_stdin=False) == ["ao-start", "alice"]


def test_a_prompt_that_fits_goes_as_an_argument_and_standard_input_is_empty(executor: Executor) -> None:
    process = run(executor, job("argv", prompt='-x "quoted" $HOME ü\n', session_id="ses_1"))
    end(process)

    argv, names, _, stdin_bytes = json.loads(output(process))
    assert argv == ["argv", "--prompt", '-x "quoted" $HOME ü\n']
    assert stdin_bytes == 0
    assert names == [
        *("AGENT_JOB_ATTEMPT", "AGENT_JOB_ID", "AGENT_OUTCOME_FILE"),
        *("AGENT_RUNTIME_URL", "AGENT_SESSION_ID", "AGENT_SESSION_NAME"),
    ]


def test_a_prompt_of_200_kb_goes_by_standard_input(executor: Executor) -> None:
    process = run(executor, job("argv", prompt="ü" * 100_000, session_token="for the child"))
    end(process)

    argv, names, _, stdin_bytes = json.loads(output(process))
    assert argv == ["argv"]
    assert stdin_bytes == 200_000
    assert "AGENT_PROMPT_FILE" in names
    assert "AGENT_RUNTIME_TOKEN" in names


def test_the_command_works_in_the_jobs_folder_or_else_in_the_launchers(
    executor: Executor, project: CommandProject, tmp_path: Path
) -> None:
    own = run(executor, job("argv", "job_1", project_dir=str(tmp_path)))
    default = run(executor, job("argv", "job_2"))
    end(own)
    end(default)

    assert json.loads(output(own))[2] == str(tmp_path)
    assert json.loads(output(default))[2] == str(project.root)


def test_a_command_that_is_not_in_the_project_is_found_on_path(
    executor: Executor, project: CommandProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project.commands / "ao-start").rename(elsewhere / "ao-start")
    monkeypatch.setenv("PATH", str(elsewhere))

    assert executor.find_command(job("s")) == str(elsewhere / "ao-start")


def test_an_unknown_type_of_job_is_refused_with_a_sentence(executor: Executor) -> None:
    with pytest.raises(JobRefused) as raised:
        executor.execute(job("s", type="dance_session"))

    assert raised.value.reason == "invalid_parameters"
    assert "its type 'dance_session' is not one of ['resume_session', 'start_session']" in str(raised.value)


def test_an_attempt_that_was_run_is_never_run_again(executor: Executor, project: CommandProject) -> None:
    end(run(executor, job("exit-0")))

    with pytest.raises(AttemptAlreadyHere, match="was already run here"):
        executor.execute(job("exit-0"))
    assert project.count("start") == 1


def test_a_child_gets_neither_the_launchers_credentials_nor_the_session_it_was_started_in() -> None:
    own = {"PATH": "/bin", "AGENT_RUNTIME_TOKEN": "secret", "AGENT_SESSION_NAME": "parent", "OPENAI_API_KEY": "k"}

    assert base_environment(own) == {"PATH": "/bin", "OPENAI_API_KEY": "k"}


def test_a_shim_that_cannot_be_forked_leaves_no_folder_behind(
    runs: RunsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    forker = Forker({})
    executor = Executor(forker, runs, project_root=Path("/"), project_dir=Path("/"), runtime_url="http://127.0.0.1:1")

    def fail(_: Path) -> None:
        raise SpawnFailed("cannot start a process: Resource temporarily unavailable")

    monkeypatch.setattr(forker, "fork_shim", fail)
    with pytest.raises(SpawnFailed):
        executor.execute(job("never"))

    assert list(runs.all()) == []
