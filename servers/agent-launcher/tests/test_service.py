"""What `install-service` writes, what the service manager hears, and what `doctor` finds."""

from __future__ import annotations

import json
import plistlib
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_rig.commands import CommandProject
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.launcher_under_test import LAUNCHER_FOLDER, LauncherUnderTest

from lib.config import Drain
from lib.errors import ConfigurationError
from lib.keeper.containment import CGROUP, what_can_be_had
from lib.service.install import KEPT_SETTINGS, service_file
from settings_file.known import LAUNCHER
from support.waiting import wait_until

SCRIPT = Path("/opt/agents/servers/agent-launcher/agent-launcher")


def ask(launcher: LauncherUnderTest, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a sub-command to its end."""
    command = [sys.executable, str(launcher.script), "--state-dir", str(launcher.state_dir), *words]
    return subprocess.run(
        command, env=launcher.environment() | environment, capture_output=True, text=True, check=False
    )


def test_a_service_restart_signals_the_launcher_alone_and_lets_it_adopt() -> None:
    file = service_file(SCRIPT, ["--max-jobs", "3"], {"HOME": "/home/me", "PATH": "/bin"}, "linux")

    assert file.path == Path("/home/me/.config/systemd/user/agent-launcher.service")
    lines = file.text.splitlines()
    for line in (
        "KillMode=process",
        "KillSignal=SIGHUP",
        "WatchdogSec=60",
        "Restart=always",
        "Type=notify",
        "Delegate=yes",
    ):
        assert line in lines
    assert f'"{SCRIPT}" "--max-jobs" "3"' in file.text


def test_a_service_that_shall_wait_for_jobs_is_given_the_time_for_it() -> None:
    drain = Drain(600)
    unit = service_file(SCRIPT, [], {"HOME": "/home/me"}, "linux", drain).text.splitlines()
    agent = plistlib.loads(service_file(SCRIPT, [], {"HOME": "/Users/me"}, "darwin", drain).text.encode())

    assert {"KillSignal=SIGTERM", "TimeoutStopSec=630", "KillMode=process"} <= set(unit)
    assert agent["ExitTimeOut"] == 630


def test_a_service_file_carries_settings_but_no_token_and_quotes_what_systemd_reads() -> None:
    settings = {
        "HOME": "/home/me",
        "PATH": "/bin",
        "PROJECT_DIR": '/home/me/100% "mine" $HOME',
        "AGENT_RUNTIME_TOKEN": "secret",
    }
    text = service_file(SCRIPT, ["--label", "of=$5"], settings, "linux").text

    assert 'Environment="PROJECT_DIR=/home/me/100%% \\"mine\\" $HOME"' in text
    assert '"--label" "of=$$5"' in text, "in a command, and there alone, systemd puts variables in the place of $"
    assert "secret" not in text


def test_a_service_keeps_every_setting_that_a_file_may_hold_and_where_the_files_are() -> None:
    told = {key.variable for key in LAUNCHER.values() if not key.is_secret}
    homes = {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "AGENT_HOST_NAME"}

    assert (told | homes) - set(KEPT_SETTINGS) == set()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_itself_finds_no_mistake_in_the_unit(tmp_path: Path) -> None:
    script = tmp_path / "agent-launcher"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    unit = tmp_path / "agent-launcher.service"
    unit.write_text(service_file(script, [], {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, "linux").text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True, check=False
    )

    assert not [line for line in done.stderr.splitlines() if "agent-launcher.service" in line]


def test_launchd_leaves_jobs_alone_too() -> None:
    file = service_file(SCRIPT, ["--name", "mac"], {"HOME": "/Users/me", "PATH": "/bin"}, "darwin")
    told = plistlib.loads(file.text.encode())

    assert file.path == Path("/Users/me/Library/LaunchAgents/io.agent-orchestrator.agent-launcher.plist")
    assert (told["AbandonProcessGroup"], told["KeepAlive"]) == (True, True)
    assert told["ProgramArguments"][-3:] == [str(SCRIPT), "--name", "mac"]


def test_a_system_without_a_known_service_manager_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="only systemd and launchd are known"):
        service_file(SCRIPT, [], {}, "plan9")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="systemd's place")
def test_install_service_writes_the_file_and_says_what_to_do_next(launcher: LauncherUnderTest) -> None:
    done = ask(launcher, "--max-jobs", "2", "install-service")
    unit = launcher.project.root / ".config/systemd/user/agent-launcher.service"

    assert (done.returncode, done.stderr) == (0, "")
    assert f"written: {unit}" in done.stdout
    assert "systemctl --user enable --now agent-launcher" in done.stdout
    assert f'"--state-dir" "{launcher.state_dir}" "--max-jobs" "2"' in unit.read_text()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's ear."""
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(str(tmp_path / "notify"))
    ear.settimeout(60)
    yield ear
    ear.close()


def test_the_service_manager_hears_of_start_life_and_end(
    fake: FakeRuntime, launcher: LauncherUnderTest, manager: socket.socket
) -> None:
    launcher.start(NOTIFY_SOCKET=str(manager.getsockname()))

    assert manager.recv(1000) == f"MAINPID={launcher.pid}\nREADY=1\n".encode()
    assert manager.recv(1000) == b"WATCHDOG=1\n"
    launcher.signal(signal.SIGHUP)
    said = manager.recv(1000)
    while said == b"WATCHDOG=1\n":
        said = manager.recv(1000)
    assert said == b"STOPPING=1\n"
    assert launcher.wait() == 0


def test_doctor_finds_a_well_machine_well(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    done = ask(launcher, "doctor", "--json", AGENT_LAUNCHER_MEMORY_FLOOR_MIB="1")
    told = json.loads(done.stdout)
    levels = {finding["subject"]: finding["level"] for finding in told["findings"]}

    assert (done.returncode, told["ok"]) == (0, True)
    assert {
        name: levels[name] for name in ("runtime", "state folder", "memory", "ao-start", "ao-resume")
    } == dict.fromkeys(("runtime", "state folder", "memory", "ao-start", "ao-resume"), "ok")


def test_doctor_says_what_to_do_about_each_thing_that_is_missing(
    fake: FakeRuntime, launcher: LauncherUnderTest, project: CommandProject, tmp_path: Path
) -> None:
    fake.fail("launchers", Fault.UNAUTHORIZED)
    project.write("ao-start", "#!/bin/sh\n", 0o644)
    project.write("ao-resume", "#!/no/such/python\n")
    done = ask(launcher, "doctor", AGENT_LAUNCHER_MEMORY_FLOOR_MIB=str(1 << 30), PATH="/usr/bin:/bin")

    assert done.returncode == 1
    for advice in (
        "token",
        f"chmod +x '{project.commands / 'ao-start'}'",
        "its interpreter '/no/such/python' is not there",
        "lower AGENT_LAUNCHER_MEMORY_FLOOR_MIB",
    ):
        assert advice in done.stdout


def test_doctor_asks_for_nothing_that_is_not_needed(
    fake: FakeRuntime, launcher: LauncherUnderTest, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    told = json.loads(
        ask(
            launcher, "doctor", "--json", PATH=str(tools), HOME=str(tmp_path), AGENT_LAUNCHER_MEMORY_FLOOR_MIB="1"
        ).stdout
    )
    asked = {finding["subject"] for finding in told["findings"] if finding["level"] != "ok"}

    assert asked & {"client claude", "client codex", "sandbox", "token"} == set()


def test_a_wrong_token_is_told_with_the_variable_that_holds_it(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    fake.fail("launchers", Fault.UNAUTHORIZED)
    done = ask(launcher, "doctor", AGENT_RUNTIME_TOKEN="wrong")
    fake.fail("register", Fault.UNAUTHORIZED)
    launcher.start(AGENT_RUNTIME_TOKEN="wrong")

    assert "the runtime refuses the one in AGENT_RUNTIME_TOKEN" in done.stdout
    wait_until(lambda: "it does not accept the token in AGENT_RUNTIME_TOKEN" in launcher.log(), "it is told")
    assert "no answer" not in launcher.log()


def test_doctor_says_that_no_runtime_answers_and_never_shows_a_credential(launcher: LauncherUnderTest) -> None:
    launcher.runtime_url = "http://127.0.0.1:9"
    done = ask(launcher, "doctor", ANTHROPIC_API_KEY="sk-very-secret")

    assert done.returncode == 1
    assert "no answer from http://127.0.0.1:9" in done.stdout
    assert "sk-very-secret" not in done.stdout


def test_doctor_sees_a_clock_that_is_wrong(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    fake.clock_offset_seconds = -3600
    done = ask(launcher, "doctor")

    assert re.search(r"this machine is 36\d\d s ahead of the runtime", done.stdout)


def test_doctor_says_what_keeps_the_processes_of_a_job_together(fake: FakeRuntime, launcher: LauncherUnderTest) -> None:
    levels, found = {}, {}
    for way in ("", "mark", "group"):
        told = json.loads(ask(launcher, "doctor", "--json", AGENT_LAUNCHER_CONTAINMENT=way).stdout)
        (finding,) = [one for one in told["findings"] if one["subject"] == "containment"]
        levels[way], found[way] = finding["level"], finding["found"]

    assert levels["group"] != "ok"
    assert len({found["mark"], found["group"]}) == 2
    assert levels[""] == ("ok" if what_can_be_had() == CGROUP else levels["mark"])


def test_a_way_to_contain_that_does_not_exist_is_a_sentence(launcher: LauncherUnderTest) -> None:
    launcher.start(AGENT_LAUNCHER_CONTAINMENT="magic")

    assert launcher.wait() == 2
    assert "cannot use AGENT_LAUNCHER_CONTAINMENT='magic': it is one of auto" in launcher.log()


def test_no_machinery_that_makes_a_launcher_fail_is_in_the_product() -> None:
    sources = [LAUNCHER_FOLDER / "agent-launcher", *LAUNCHER_FOLDER.joinpath("lib").rglob("*.py")]

    assert len(sources) > 30
    assert [path.name for path in sources if "failpoint" in path.read_text("utf-8").lower()] == []
