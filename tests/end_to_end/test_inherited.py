"""What was set where somebody stood does not move a job: in a terminal, detached, and by a launcher."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import COMMANDS, Commands
from support.desk import text
from support.launcher_process import LauncherProcess
from support.project import REPOSITORY
from support.runtime_api import RuntimeApi
from support.runtime_process import PROGRAM, RuntimeProcess

IDENTITY = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
COMMIT = "pwd; echo mine > mine.txt; git add -A && git commit -qm mine && echo done"
MODULES = (
    "secrets",
    "json",
    "typing",
    "http",
    "ssl",
    "optparse",
    "httpx",
    "typer",
    "lib",
    "runtime_client",
    "agent_backends",
    "sitecustomize",
)


def git(folder: Path, *words: str) -> str:
    """What git says in a folder."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **IDENTITY}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A repository with one file, which no job is about."""
    return repository(tmp_path / "elsewhere", "theirs.txt")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The repository that the jobs are about; it holds modules with names of ours."""
    folder = repository(tmp_path / "project", "ours.txt")
    for name in MODULES:
        (folder / f"{name}.py").write_text("raise SystemExit('PROJECT')", encoding="utf-8")
    return folder


def repository(folder: Path, name: str) -> Path:
    """Make a repository with one commit."""
    folder.mkdir()
    (folder / name).write_text("x", encoding="utf-8")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "first")
    return folder


def set_elsewhere(folder: Path) -> dict[str, str]:
    """Variables that would lead a program away from its folder."""
    return {
        **IDENTITY,
        "GIT_DIR": str(folder / ".git"),
        "GIT_WORK_TREE": str(folder),
        "GIT_INDEX_FILE": str(folder / ".git/index"),
        "PWD": str(folder),
        "OLDPWD": str(folder),
        "PYTHONPATH": ":/opt/x",
        "PATH": f":{os.environ['PATH']}",
    }


@pytest.fixture
def misled(runtime: RuntimeProcess, elsewhere: Path, tmp_path: Path) -> Iterator[LauncherProcess]:
    """A launcher that was started where such variables are set."""
    process = LauncherProcess(tmp_path / "launcher", runtime.url, runtime.token, environment=set_elsewhere(elsewhere))
    try:
        yield process.start()
    finally:
        process.leave_nothing()


def add_shell(api: RuntimeApi) -> None:
    """Make an agent known that does what its prompt says."""
    command = ["sh", "-c", 'exec sh "$AGENT_PROMPT_FILE" </dev/null']
    api.ask("POST", "/agents", {"name": "sh", "backend": "command", "command": command})


def commands_of(runtime: RuntimeProcess, folder: Path) -> Commands:
    """The commands of somebody who stands in a folder."""
    return Commands(runtime.url, folder, token=runtime.token)


def assert_it_worked_there(project: Path, elsewhere: Path) -> None:
    """The commit is in the one repository, and the other one is as it was."""
    assert git(project, "log", "--format=%s").split() == ["mine", "first"]
    assert git(elsewhere, "log", "--format=%s").split() == ["first"]
    assert (git(elsewhere, "status", "--short"), (elsewhere / "theirs.txt").exists()) == ("", True)


def test_an_agent_in_the_foreground_works_in_its_own_folder(
    runtime: RuntimeProcess, api: RuntimeApi, project: Path, elsewhere: Path
) -> None:
    add_shell(api)

    said = commands_of(runtime, project).run(
        *("ao-start", "c", "--agent", "sh", "--project-dir", str(project), "-p", COMMIT),
        environment={**set_elsewhere(elsewhere), "PYTHONPATH": ""},
    )

    assert (said.exit_code, said.out) == (0, f"{project}\ndone\n"), said
    assert_it_worked_there(project, elsewhere)


@pytest.mark.parametrize("way", ["detached", "over HTTP"])
def test_an_agent_of_a_launcher_works_in_its_own_folder(
    runtime: RuntimeProcess, api: RuntimeApi, misled: LauncherProcess, project: Path, elsewhere: Path, way: str
) -> None:
    add_shell(api)
    if way == "detached":
        said = commands_of(runtime, project).run(
            *("ao-start", "c", "--agent", "sh", "-d", "-p", COMMIT),
            environment={**set_elsewhere(elsewhere), "PYTHONPATH": ""},
        )
        job_id = said.out.strip()
    else:
        job_id = api.create_job("c", COMMIT, agent_name="sh", project_dir=str(project))

    ended = api.wait_for_end(job_id)
    assert ended["status"] == "completed", ended["error"]
    assert_it_worked_there(project, elsewhere)


def test_what_a_project_holds_is_imported_by_no_program_of_ours_and_the_agent_gets_its_variables(
    api: RuntimeApi, misled: LauncherProcess, project: Path
) -> None:
    add_shell(api)

    job_id = api.create_job("p", 'echo "$PYTHONPATH"', agent_name="sh", project_dir=str(project))

    ended = api.wait_for_end(job_id)
    assert ended["status"] == "completed", ended["error"]
    assert text(api.ask("GET", "/sessions/p/result")["result"]) == f"{misled.folder}:/opt/x\n"


SCRIPTS = [
    *sorted(path for path in COMMANDS.glob("ao-*") if not path.suffix),
    REPOSITORY / "servers/agent-launcher/agent-launcher",
    REPOSITORY / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py",
    PROGRAM,
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_program_of_ours_imports_what_lies_where_it_is_called(project: Path, script: Path) -> None:
    (project / "sitecustomize.py").unlink()
    environment = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": ":"}

    done = subprocess.run(
        [sys.executable, str(script), "--help"], cwd=project, env=environment, capture_output=True, text=True
    )

    assert (done.returncode, "PROJECT" in done.stderr) == (0, False), done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.parametrize("script", SCRIPTS[:-1], ids=lambda path: path.name)
def test_by_its_first_line_a_program_of_ours_begins_isolated(project: Path, script: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": ":"}

    done = subprocess.run([str(script), "--help"], cwd=project, env=environment, capture_output=True, text=True)

    assert (project / "sitecustomize.py").exists()
    assert (done.returncode, "PROJECT" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("name", ["repo-report", "demo-worker"])
def test_no_agent_of_ours_imports_what_lies_in_the_project(project: Path, name: str) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHONPATH": ":"}

    done = subprocess.run(
        [str(REPOSITORY / "agents" / name / name)],
        input="files",
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
