"""What runs sees no credential but its own, works where it may, and what is kept about it is closed to others."""

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from support.agents import add_agent
from support.bubblewrap import why_not
from support.desk import part, text
from support.evidence import left_over_processes
from support.launcher_process import LauncherProcess
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

DATABASE_PASSWORD = "database-pass-word-0815"
DENIED_VALUE = "denied-value-4711"
SECRET = "secret-of-the-blueprint-0817"

# Everything that an agent can see of itself and of the processes between it and the launcher.
LOOKS_AROUND = """
import json, os, pathlib, sys

def seen(pid):
    folder = pathlib.Path("/proc", str(pid))
    fds = {}
    for fd in (folder / "fd").iterdir():
        try:
            fds[fd.name] = os.readlink(fd)
        except OSError:
            continue
    environment = (folder / "environ").read_bytes().decode(errors="replace")
    arguments = (folder / "cmdline").read_bytes().decode(errors="replace")
    parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return {"environment": environment, "arguments": arguments, "fds": fds}, parent

own, parent = seen(os.getpid())
above = []
while True:
    one, parent = seen(parent)
    if "agent-launcher" in one["arguments"] and "keeper/program.py" not in one["arguments"]:
        break
    above.append(one)
pathlib.Path("seen.json").write_text(json.dumps({"own": own, "above": above, "prompt": sys.stdin.read()}))
print("looked")
"""


@dataclass(frozen=True)
class Stage:
    """A runtime, and a launcher that was given more than its jobs may see and that works below `root` only."""

    folder: Path
    runtime: RuntimeProcess
    launcher: LauncherProcess
    api: RuntimeApi

    @property
    def root(self) -> Path:
        """What the launcher may work in."""
        return self.folder / "root"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The same for all tests here: no job of one is in another's way."""
    folder = tmp_path_factory.mktemp("stage")
    (folder / "root").mkdir()
    runtime = RuntimeProcess(folder / "runtime").start()
    launcher = LauncherProcess(
        folder / "launcher",
        runtime.url,
        runtime.token,
        environment={
            "AGENT_RUNTIME_DATABASE_URL": f"postgresql://user:{DATABASE_PASSWORD}@db/x",
            "AGENT_RUN_BY_JOB": "job_of_somebody_else",
            "MY_TOKEN": DENIED_VALUE,
            "AGENT_SECRET_KEY": SECRET,
            "AGENT_LAUNCHER_ENV_DENY": "MY_*",
        },
    )
    try:
        launcher.start("--project-root", str(folder / "root"))
        with contextlib.closing(runtime.api) as api:
            yield Stage(folder, runtime, launcher, api)
    finally:
        launcher.leave_nothing()
        runtime.leave_nothing()


def tokens_of_attempts(launcher: LauncherProcess) -> list[str]:
    """The words that the runtime gave out with the claims."""
    orders = [record for record in launcher.keepers.records() if record.get("kind") == "ordered"]
    return [text(part(order["job"])["token"]) for order in orders]


def test_a_jobs_environment_arguments_and_descriptors_hold_no_secret_but_its_own_token(
    stage: Stage,
) -> None:
    api, work = stage.api, stage.root
    add_agent(api, stage.folder, "looks", LOOKS_AROUND)

    job = api.wait_for_end(api.create_job("looker", "the prompt", agent_name="looks", project_dir=str(work)))

    assert job["status"] == "completed", job["error"]
    seen = json.loads((work / "seen.json").read_text("utf-8"))
    everything = json.dumps(seen)
    key = (stage.runtime.data_dir / "session-key").read_text("utf-8").strip()
    secrets = [stage.runtime.token, key, DATABASE_PASSWORD, DENIED_VALUE, *tokens_of_attempts(stage.launcher)]
    assert len(secrets) == 5
    assert [secret for secret in secrets if secret in everything] == []
    assert "job_of_somebody_else" not in everything
    assert SECRET not in json.dumps(seen["own"])
    assert "AGENT_RUNTIME_TOKEN=" in seen["own"]["environment"]
    own_token = seen["own"]["environment"].split("AGENT_RUNTIME_TOKEN=")[1].split("\0")[0]
    assert not any(own_token in one["arguments"] for one in (seen["own"], *seen["above"]))
    assert {name for name in seen["own"]["fds"] if int(name) > 2} <= {"3"}  # the listing of the folder itself
    assert not any(str(stage.launcher.state_dir) in link for link in seen["own"]["fds"].values())


@pytest.mark.parametrize("how", ["start", "resume"])
def test_a_job_outside_the_project_roots_fails_with_a_code_and_no_agent_runs(
    stage: Stage, tmp_path: Path, how: str
) -> None:
    api, name = stage.api, f"stray-{how}"
    outside, inside = tmp_path / "outside", stage.root / name
    for folder in (outside, inside):
        folder.mkdir()
    if how == "start":
        (inside / "link").symlink_to(outside)
        job_id = api.create_job(name, "x", agent_name="echo", project_dir=str(inside / "link"))
    else:
        api.wait_for_end(api.create_job(name, "x", agent_name="echo", project_dir=str(inside)))
        # Whoever may speak for the session may say where it lives; the launcher does not take their word.
        api.ask("PATCH", f"/sessions/{name}/metadata", {"project_dir": str(outside)})
        job_id = str(
            api.ask("POST", "/jobs", {"type": "resume_session", "session_name": name, "prompt": "y"})["job_id"]
        )

    job = api.wait_for_end(job_id)

    assert (job["status"], job["reason"]) == ("failed", "project_dir_refused")
    assert "works in" in (job["error"] or "")
    assert list(outside.iterdir()) == []


def open_to_others(folder: Path) -> list[str]:
    """Everything in a folder, itself included, that another user could open, that is not ours, or that is a link."""
    found = []
    for path in (folder, *folder.rglob("*")):
        told = path.lstat()
        mode = stat.S_IMODE(told.st_mode)
        if mode & 0o077 or told.st_uid != os.geteuid() or stat.S_ISLNK(told.st_mode):
            found.append(f"{path.relative_to(folder)} {mode:o}")
    return found


def test_after_a_run_all_that_runtime_and_launcher_keep_is_closed_to_others(
    stage: Stage,
) -> None:
    api, runtime = stage.api, stage.runtime
    add_agent(api, stage.folder, "fails", "import sys; print('said'); sys.exit('and failed')")
    long_prompt = "x" * 200_000  # goes through a file
    work = str(stage.root)
    jobs = [api.create_job("kept", long_prompt, agent_name="fails", project_dir=work)]
    jobs.append(api.create_job("kept-too", "short", agent_name="echo", project_dir=work))
    api.wait_for_all(jobs)

    kept = {path.name for path in stage.launcher.state_dir.rglob("*")}

    assert {"journal", "socket", "keeper.err", "output.log", "outcome.json", "prompt", "identity.json"} <= kept
    assert {path.name for path in runtime.data_dir.iterdir()} >= {"runtime.db", "runtime.db-wal", "token"}
    assert open_to_others(stage.launcher.state_dir) == []
    assert open_to_others(runtime.data_dir) == []
    assert open_to_others(runtime.folder / ".agent-orchestrator") == []


def holding(folder: Path, secret: str) -> list[str]:
    """The files in a folder that hold a text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if secret.encode() in path.read_bytes()]


def test_a_secret_of_a_blueprint_reaches_its_agent_and_nothing_that_is_kept(stage: Stage) -> None:
    add_agent(
        stage.api,
        stage.folder,
        "tells",
        """
        import os, pathlib, sys
        key = os.environ["KEY"]
        pathlib.Path("told").write_text(key)
        print("the key is", key, flush=True)
        sys.exit(f"and it failed with {key}")
        """,
        options={"env": {"KEY": "${env:AGENT_SECRET_KEY}"}},
    )
    work = stage.root / "tells"
    work.mkdir()

    job = stage.api.wait_for_end(stage.api.create_job("teller", "go", agent_name="tells", project_dir=str(work)))

    assert (job["status"], job["reason"]) == ("failed", "nonzero_exit")
    assert "and it failed with [redacted]" in (job["error"] or "")
    assert stage.api.result("teller") == "the key is [redacted]\n"
    assert (work / "told").read_text() == SECRET
    assert holding(stage.launcher.state_dir, SECRET) == []
    assert holding(stage.runtime.data_dir, SECRET) == []


def test_a_job_in_a_sandbox_works_in_its_project_and_sees_neither_token_nor_other_jobs(stage: Stage) -> None:
    if reason := why_not():
        pytest.skip(reason)
    secrets = f"{stage.runtime.data_dir}/token {stage.launcher.keepers.path}/*/journal /proc/*/environ"
    script = (
        f"cat; echo; grep -l -s -e {stage.runtime.token} {secrets}; ls {stage.launcher.state_dir}; echo made > made"
    )
    stage.api.ask("POST", "/agents", {"name": "boxed", "command": ["/bin/sh", "-c", script], "sandbox": "bubblewrap"})
    work = stage.root / "boxed"
    work.mkdir()

    job = stage.api.wait_for_end(stage.api.create_job("boxed", "hello", agent_name="boxed", project_dir=str(work)))

    assert job["status"] == "completed", job["error"]
    assert stage.api.result("boxed").split() == ["hello"]
    assert (work / "made").read_text() == "made\n"


def test_a_stopped_job_in_a_sandbox_leaves_no_process_in_it_or_around_it(stage: Stage) -> None:
    if reason := why_not():
        pytest.skip(reason)
    nap = f"6000.{os.getpid()}"  # by which its processes are known from outside
    script = f"trap '' TERM; setsid sh -c \"trap '' TERM; sleep {nap}; :\" & touch up; sleep {nap}; sleep {nap}"
    stage.api.ask("POST", "/agents", {"name": "stays", "command": ["/bin/sh", "-c", script], "sandbox": "bubblewrap"})
    work = stage.root / "stays"
    work.mkdir()
    job_id = stage.api.create_job("stays", "hello", agent_name="stays", project_dir=str(work), stop_grace_seconds=0.5)
    wait_until(lambda: (work / "up").exists() and len(running(f"sleep {nap}")) >= 2, "it runs, and one beside it")

    stage.api.stop_job(job_id)

    job = stage.api.wait_for_end(job_id)
    assert (job["status"], job["reason"]) == ("stopped", "stopped_by_user")
    assert running(nap) == []
    assert left_over_processes([job_id]) == []


def running(words: str) -> list[int]:
    """The processes of this machine whose command line holds these words."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if words in " ".join(process.cmdline()):
                found.append(process.pid)
    return found
