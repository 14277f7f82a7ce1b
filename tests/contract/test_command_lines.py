"""What a job says reaches the agent unchanged: the launcher writes the command line, the real command reads it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.executor import build_argv
from lib.wire.models import Job
from support.commands import Commands
from support.stand_in_runtime import Json, Reply, StandInRuntime, stand_in_runtime

NAMES = ("one", "--help", "-h", "-x", "--", "--json", "--prompt", "-", "--agent=x")
WORDS = ("--help", "-", "--", "-p", "--agent", "--prompt=x", " ", "a=b", "$HOME", "\\", "'")


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[StandInRuntime]:
    """A runtime that knows one agent, which shows its prompt and its session."""
    program = "import json, os, sys; print(json.dumps([sys.stdin.read(), os.environ['AGENT_SESSION_NAME']]))"
    agent: dict[str, Json] = {"name": "-a", "backend": "command", "command": ["python3", "-c", program], "active": True}
    with stand_in_runtime() as started:
        started.route("GET", "/agents/-a", Reply(agent))
        yield started


def run(runtime: StandInRuntime, folder: Path, job: Job) -> tuple[int, str]:
    """Run the command of a job as a launcher does."""
    session = {"session_id": "ses_1", "session_name": job.session_name, "status": "running", "agent_name": "-a"}
    runtime.route("GET", "/sessions/ses_1", Reply({"session": {**session, "project_dir": str(folder)}}))
    runtime.route("POST", "/sessions/ses_1/events", Reply({"events": []}))
    runtime.route("PATCH", "/sessions/ses_1/metadata", Reply({"session": session}))
    command, *arguments = build_argv(
        job, {"start_session": "ao-start"}.get(job.type, "ao-resume"), is_prompt_on_stdin=False
    )
    told = {"AGENT_JOB_ID": "job_1", "AGENT_SESSION_NAME": job.session_name, "AGENT_SESSION_ID": "ses_1"}
    said = Commands(runtime.url, folder, token="t").run(command, *arguments, environment=told)
    return said.exit_code, said.out


@pytest.mark.parametrize("type_of_job", ["start_session", "resume_session"])
@pytest.mark.parametrize("name", NAMES)
def test_a_session_of_any_name_runs_under_its_name(
    runtime: StandInRuntime, tmp_path: Path, name: str, type_of_job: str
) -> None:
    job = Job("job_1", type_of_job, name, "-a", "do it", str(tmp_path))

    assert run(runtime, tmp_path, job) == (0, json.dumps(["do it", name]) + "\n")


@pytest.mark.parametrize("word", WORDS)
def test_a_prompt_and_a_folder_that_look_like_options_are_what_they_are(
    runtime: StandInRuntime, tmp_path: Path, word: str
) -> None:
    folder = tmp_path / word / "x"
    folder.mkdir(parents=True)
    job = Job("job_1", "start_session", "one", "-a", f"{word}x", str(folder))

    assert run(runtime, tmp_path, job) == (0, json.dumps([f"{word}x", "one"]) + "\n")
