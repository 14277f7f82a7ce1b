"""A machine that is renamed, or a container that is made anew with its volumes, goes on with its sessions."""

import subprocess
from pathlib import Path

import pytest

from support.commands import Commands
from support.launcher_process import LauncherProcess
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess

UNDER_ANOTHER_NAME = ["unshare", "--user", "--map-root-user", "--uts", "sh", "-c", 'hostname renamed; exec "$@"', "sh"]


def why_not() -> str:
    """Why no process can have another host name here; empty if it can."""
    try:
        done = subprocess.run([*UNDER_ANOTHER_NAME, "hostname"], capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return "" if done.stdout.strip() == "renamed" else done.stderr.strip() or "no other name"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"no namespaces here: {why_not()}")


def test_a_session_is_resumed_by_the_launcher_of_the_same_state_folder_whatever_the_host_is_called(
    runtime: RuntimeProcess, api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    api.wait_for_end(api.create_job("renamed-0", "hello", agent_name="echo", project_dir=str(tmp_path)))
    (before,) = api.launchers()
    whole_launcher.stop()
    whole_launcher.prefix = UNDER_ANOTHER_NAME
    whole_launcher.start()

    resumed = api.wait_for_end(api.create_job("renamed-0", "hello again", type="resume_session"))

    assert resumed["status"] == "completed", resumed
    (after,) = [row for row in api.launchers() if row["status"] == "alive"]
    assert after["launcher_id"] == before["launcher_id"]


def test_a_session_is_resumed_in_the_foreground_whatever_the_host_is_called(
    runtime: RuntimeProcess, api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    api.wait_for_end(api.create_job("renamed-1", "hello", agent_name="echo", project_dir=str(tmp_path)))
    commands = Commands(runtime.url, tmp_path, token=runtime.token)
    resume = [*UNDER_ANOTHER_NAME, *commands.command("ao-resume", "renamed-1", "-p", "hello again")]
    known = {"AGENT_LAUNCHER_STATE_DIR": str(whole_launcher.state_dir)}

    said = subprocess.run(
        resume, env=commands.environment(known), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )

    assert (said.returncode, said.stdout) == (0, "hello again\n"), said.stderr


def test_a_machine_that_is_another_one_does_not_go_on_with_a_session(
    runtime: RuntimeProcess, api: RuntimeApi, whole_launcher: LauncherProcess, tmp_path: Path
) -> None:
    api.wait_for_end(api.create_job("renamed-2", "hello", agent_name="echo", project_dir=str(tmp_path)))
    commands = Commands(runtime.url, tmp_path, token=runtime.token)

    said = subprocess.run(
        [*UNDER_ANOTHER_NAME, *commands.command("ao-resume", "renamed-2", "-p", "x")],
        env=commands.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.returncode, "it lives on" in said.stderr) == (2, True), said
