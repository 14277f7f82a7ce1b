"""A program finds its parts by its real place: a blueprint what lies beside it, a command its packages."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import COMMANDS, Commands
from support.stand_in_runtime import Json, Reply, StandInRuntime, stand_in_runtime

COUNT = "import sys\n\nprint(len(sys.stdin.read().split()), 'words')\n"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[StandInRuntime]:
    """A runtime with a session that is about to run in a project folder."""
    (tmp_path / "project").mkdir()
    session = {"session_id": "ses_1", "session_name": "one", "status": "running", "agent_name": "count-words"}
    with stand_in_runtime() as started:
        for path in ("/sessions/ses_1", "/sessions/one"):
            started.route("GET", path, Reply({"session": session}))
        started.route("POST", "/sessions/ses_1/events", Reply({"events": []}))
        started.route("PATCH", "/sessions/ses_1/metadata", Reply({"session": session}))
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The blueprint's folder, with a script and a program in it."""
    own = tmp_path / "agents/count-words"
    (own / "bin").mkdir(parents=True)
    (own / "count_words.py").write_text(COUNT, encoding="utf-8")
    for program in (own / "count", own / "bin/count"):
        program.write_text("#!/bin/sh\nwc -w | tr -d ' \\n'; echo ' words'\n", encoding="utf-8")
        program.chmod(0o755)
    return own


def said(runtime: StandInRuntime, tmp_path: Path, folder: Path, *command: str) -> str:
    """What the agent with this command answers."""
    words: list[Json] = list(command)
    agent: dict[str, Json] = {
        "name": "count-words",
        "backend": "command",
        "source": "user",
        "folder": str(folder),
        "active": True,
    }
    runtime.route("GET", "/agents/count-words", Reply({**agent, "command": words}))
    told = {"AGENT_JOB_ID": "job_1", "AGENT_SESSION_NAME": "one", "AGENT_SESSION_ID": "ses_1"}
    project = str(tmp_path / "project")
    done = Commands(runtime.url, tmp_path, token="t").run(
        "ao-start", "one", "--agent", "count-words", "-p", "one two three", "--project-dir", project, environment=told
    )
    return done.out or done.err


@pytest.mark.parametrize(
    "command",
    [
        ("python3", "count_words.py"),
        ("python3", "./count_words.py"),
        ("python3", "-I", "count_words.py"),
        ("./count",),
        ("bin/count",),
        ("count",),
        ("sh", "bin/../count"),
    ],
)
def test_what_a_blueprint_names_lies_beside_it(
    runtime: StandInRuntime, tmp_path: Path, folder: Path, command: tuple[str, ...]
) -> None:
    assert said(runtime, tmp_path, folder, *command) == "3 words\n"


def test_what_does_not_lie_beside_it_is_what_it_was(runtime: StandInRuntime, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "project/manage.py").write_text(COUNT, encoding="utf-8")

    assert said(runtime, tmp_path, folder, "python3", "manage.py") == "3 words\n"
    assert said(runtime, tmp_path, folder, "sh", "-c", "echo count words") == "count words\n"
    assert said(runtime, tmp_path, folder, "python3", "-c", "print(1)\n" * 5000).startswith("1\n")


@pytest.mark.parametrize("way", ["by its path", "by a link", "by a link on the PATH", "by a link to its folder"])
def test_a_command_finds_its_packages_however_it_is_called(tmp_path: Path, way: str) -> None:
    bin_folder = tmp_path / "elsewhere/bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "ao-show-config").symlink_to(COMMANDS / "ao-show-config")
    (tmp_path / "commands").symlink_to(COMMANDS)
    called = {
        "by its path": str(COMMANDS / "ao-show-config"),
        "by a link": str(bin_folder / "ao-show-config"),
        "by a link on the PATH": "ao-show-config",
        "by a link to its folder": str(tmp_path / "commands/ao-show-config"),
    }[way]
    path = f"{bin_folder}:{os.environ['PATH']}"

    done = subprocess.run(
        ["/usr/bin/env", called], env={**os.environ, "PATH": path}, cwd=tmp_path, capture_output=True, text=True
    )

    assert (done.returncode, done.stdout.startswith("runtime_url: ")) == (0, True), done.stderr


@pytest.fixture(params=["uv brings the packages", "make has brought the packages"])
def commands(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The commands of a checkout, and of one that has no `.venv`."""
    if request.param != "uv brings the packages":
        return COMMANDS
    root, checkout = COMMANDS.parent, tmp_path / "checkout"
    for folder in ("commands", "packages"):
        shutil.copytree(root / folder, checkout / folder)
    # The packages find each other by the workspace, of which the other members are only to be there.
    for member in (root, *root.glob("servers/*"), *root.glob("interfaces/*")):
        if (member / "pyproject.toml").is_file():
            (checkout / member.relative_to(root)).mkdir(parents=True, exist_ok=True)
            shutil.copy(member / "pyproject.toml", checkout / member.relative_to(root))
    return checkout / "commands"


def test_no_variable_of_uvs_moves_a_command_or_fills_its_environment(
    runtime: StandInRuntime, tmp_path: Path, commands: Path
) -> None:
    created: dict[str, Json] = {"job_id": "job_2", "status": "pending", "session_name": "two"}
    runtime.route("POST", "/jobs", Reply(created, 201))
    (tmp_path / ".env").write_text("AGENT_SESSION_NAME=somebody\n", encoding="utf-8")
    uv = {"UV_WORKING_DIR": "/", "UV_ENV_FILE": str(tmp_path / ".env")}
    own = {name: value for name, value in os.environ.items() if not name.startswith("AGENT_")}

    done = subprocess.run(
        [str(commands / "ao-start"), "two", "--agent", "count-words", "-p", "x", "-d"],
        env={**own, **uv, "AGENT_RUNTIME_TOKEN": "t", "AGENT_RUNTIME_URL": runtime.url},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (0, "job_2\n"), done.stderr
    body = runtime.of("POST", "/jobs")[0].body
    assert (body["project_dir"], body.get("parent_session_name")) == (str(tmp_path), None)


def test_where_make_has_brought_the_packages_a_command_needs_no_uv(tmp_path: Path) -> None:
    outside = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([str(COMMANDS / "ao-show-config")], env=outside, cwd=tmp_path, capture_output=True, text=True)

    assert shutil.which("uv", path=outside["PATH"]) is None
    assert (done.returncode, done.stdout.startswith("runtime_url: ")) == (0, True), done.stderr
