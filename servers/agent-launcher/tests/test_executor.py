"""Jobs become the mission's command lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.commands import CommandProject
from launcher_rig.configs import config_of
from launcher_rig.executor_on_keeper import ExecutorOnKeeper

from lib.attempt.attempt import Attempt
from lib.attempt.environment import base_environment
from lib.errors import AttemptAlreadyHere, JobRefused
from lib.executor import build_argv
from lib.wire.models import Job, JsonObject


def output(attempt: Attempt) -> str:
    return attempt.folder.read_output(0, 1 << 20).decode()


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


def test_a_folder_named_from_the_home_is_below_the_home_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of/mine")
    told: JsonObject = {"job_id": "job_1", "type": "start_session", "session_name": "alice"}

    folders = [
        Job.from_json({**told, "project_dir": named}).project_dir for named in ("~/shop", "~", "/srv/~", "~root")
    ]

    assert folders == ["/home/of/mine/shop", "/home/of/mine", "/srv/~", "~root"]


def test_a_launcher_that_has_no_home_takes_a_job_below_it_as_one_whose_folder_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 3_999_999_999)
    told: JsonObject = {"job_id": "job_1", "type": "start_session", "session_name": "one", "project_dir": "~/shop"}

    assert Job.from_json(told).project_dir == "~/shop"


@pytest.mark.parametrize("name", ["--help", "-h", "-x", "--", "--json", "--prompt", "-", "--agent=x"])
def test_a_session_named_like_an_option_is_never_read_as_one(name: str) -> None:
    order = Job("job_1", "start_session", name, "coder", "--help", "/project")

    assert build_argv(order, "ao-start", is_prompt_on_stdin=False) == [
        *("ao-start", "--agent", "coder", "--prompt", "--help", "--project-dir", "/project", "--", name)
    ]


def test_what_a_job_does_not_have_is_left_out() -> None:
    order = Job("job_1", "start_session", "alice")

    assert build_argv(order, "ao-start", is_prompt_on_stdin=False) == ["ao-start", "alice"]


def test_a_prompt_that_fits_goes_as_an_argument_and_standard_input_is_empty(executor: ExecutorOnKeeper) -> None:
    process = executor.run(job("argv", prompt='-x "quoted" $HOME ü\n', session_id="ses_1"))
    executor.end(process)

    argv, names, _, stdin_bytes = json.loads(output(process))
    assert argv == ["argv", "--prompt", '-x "quoted" $HOME ü\n']
    assert stdin_bytes == 0
    assert names == [
        *("AGENT_JOB_ATTEMPT", "AGENT_JOB_ID", "AGENT_OUTCOME_FILE", "AGENT_OUTPUT_LIMIT_BYTES"),
        *("AGENT_RUNTIME_URL", "AGENT_SESSION_ID", "AGENT_SESSION_NAME"),
    ]


def test_a_prompt_of_200_kb_goes_by_standard_input(executor: ExecutorOnKeeper) -> None:
    process = executor.run(job("argv", prompt="ü" * 100_000, session_token="for the child"))
    executor.end(process)

    argv, names, _, stdin_bytes = json.loads(output(process))
    assert argv == ["argv"]
    assert stdin_bytes == 200_000
    assert "AGENT_PROMPT_FILE" in names
    assert "AGENT_RUNTIME_TOKEN" in names


def test_the_command_works_in_the_jobs_folder_or_else_in_the_launchers(
    executor: ExecutorOnKeeper, project: CommandProject, tmp_path: Path
) -> None:
    own = executor.run(job("argv", "job_1", project_dir=str(tmp_path)))
    default = executor.run(job("argv", "job_2"))
    executor.end(own)
    executor.end(default)

    assert json.loads(output(own))[2] == str(tmp_path)
    assert json.loads(output(default))[2] == str(project.root)


def test_a_command_that_is_not_in_the_project_is_found_on_path(
    executor: ExecutorOnKeeper, project: CommandProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project.commands / "ao-start").rename(elsewhere / "ao-start")
    monkeypatch.setenv("PATH", str(elsewhere))

    assert executor.executor.find_command(job("s")) == str(elsewhere / "ao-start")


def test_an_unknown_type_of_job_is_refused_with_a_sentence(executor: ExecutorOnKeeper) -> None:
    with pytest.raises(JobRefused) as raised:
        executor.run(job("s", type="dance_session"))

    assert raised.value.reason == "invalid_parameters"
    assert "its type 'dance_session' is not one of ['resume_session', 'start_session']" in str(raised.value)


def test_an_attempt_that_was_run_is_never_run_again(executor: ExecutorOnKeeper, project: CommandProject) -> None:
    executor.end(executor.run(job("exit-0")))

    with pytest.raises(AttemptAlreadyHere, match="was already run here"):
        executor.run(job("exit-0"))
    assert project.count("start") == 1


def test_a_child_gets_neither_the_launchers_credentials_nor_the_session_it_was_started_in() -> None:
    own = {"PATH": "/bin", "AGENT_RUNTIME_TOKEN": "secret", "AGENT_SESSION_NAME": "parent", "OPENAI_API_KEY": "k"}

    assert base_environment(own) == {"PATH": "/bin", "OPENAI_API_KEY": "k"}


def test_what_a_job_says_of_its_limits_and_what_the_launcher_says_reach_the_keeper(
    executor: ExecutorOnKeeper,
) -> None:
    told: list[object] = []
    executor.keepers.order = lambda *asked: told.append(asked)  # type: ignore[assignment,method-assign]
    executor.executor._config = config_of(Path("/nowhere"), output_limit_bytes=77)
    for one in (job("s", timeout_seconds=5.0, stop_grace_seconds=2.0, output_limit_bytes=9.0), job("s")):
        executor.executor.execute(attempt_of(one, executor.machine, executor.folders.path))

    launches = [asked[3] for asked in told if isinstance(asked, tuple)]
    limits = ("timeout_seconds", "stop_grace_seconds", "output_limit_bytes")
    assert [[launch[limit] for limit in limits] for launch in launches] == [[5.0, 2.0, 9.0], [None, None, 77]]


def test_only_we_can_read_what_an_attempt_is_given_and_leaves(executor: ExecutorOnKeeper) -> None:
    attempt = executor.run(job("exit-0", prompt="x" * 200_000))
    executor.end(attempt)

    path = attempt.folder.path
    assert path.stat().st_mode & 0o777 == 0o700
    assert {one.name for one in path.iterdir()} >= {"prompt", "output.log"}
    assert all(one.stat().st_mode & 0o077 == 0 for one in path.iterdir())
