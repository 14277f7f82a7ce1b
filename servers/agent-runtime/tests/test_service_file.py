"""`install-service` writes how the system runs this runtime: as it was typed, by a path that lasts, and no secret."""

import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent_runtime.command_line.service_file import service_file

PROGRAM = Path(sys.executable).with_name("agent-runtime")


def ask(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Type the command in a folder of its own."""
    own = {"HOME": str(home), "PATH": os.environ["PATH"], "USER": "me"}
    command = [str(PROGRAM), *words]
    return subprocess.run(command, env=own | environment, cwd=home, capture_output=True, text=True, check=False)


def test_a_service_runs_with_what_was_typed_and_what_stands_in_the_environment(tmp_path: Path) -> None:
    done = ask(tmp_path, "--port", "9000", "--auth", "token", "--data-dir", "d", "install-service", "--print",
               AGENT_RUNTIME_KEEP_DAYS="7", OTEL_SERVICE_NAME="agents", OTEL_EXPORTER_OTLP_HEADERS="key=secret",
               AGENT_RUNTIME_DATABASE_URL="postgresql://me:secret@db/ao")  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (
        f'ExecStart="{PROGRAM}" "--port" "9000" "--auth" "token" "--data-dir" "{tmp_path}/d" '
        f'"--agents-dir" "{tmp_path}/.agent-orchestrator/agents"'
    ) in done.stdout
    assert 'Environment="AGENT_RUNTIME_KEEP_DAYS=7"\nEnvironment="OTEL_SERVICE_NAME=agents"' in done.stdout
    assert "secret" not in done.stdout
    assert not (tmp_path / ".config").exists()


def test_a_service_names_the_link_that_was_called_and_not_what_it_leads_to_today(tmp_path: Path) -> None:
    link = tmp_path / "agent-runtime"
    link.symlink_to(PROGRAM)

    done = subprocess.run([link, "install-service"], env={"HOME": str(tmp_path)}, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    unit = tmp_path / ".config/systemd/user/agent-runtime.service"
    assert f'ExecStart="{link}"' in unit.read_text(encoding="utf-8")
    assert done.stdout.startswith(f"written: {unit}\nNow:\n  systemctl --user daemon-reload\n")


def test_a_password_on_the_command_line_and_a_setting_that_cannot_be_are_refused(tmp_path: Path) -> None:
    typed = ask(tmp_path, "--database-url", "postgresql://me:secret@db/ao", "install-service", "--print")
    open_to_all = ask(tmp_path, "--host", "0.0.0.0", "--auth", "none", "install-service")

    assert (typed.returncode, "into a drop-in that only you can read" in typed.stderr) == (1, True)
    assert (open_to_all.returncode, "without tokens" in open_to_all.stderr) == (1, True)
    assert "secret" not in typed.stdout + typed.stderr
    assert not (tmp_path / ".config").exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed here")
def test_systemd_itself_finds_no_mistake_in_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "agent-runtime.service"
    unit.write_text(service_file(PROGRAM, [], {"A": '100% "mine" $HOME'}, {"HOME": str(tmp_path)}, "linux").text)
    done = subprocess.run(["systemd-analyze", "verify", "--user", str(unit)], capture_output=True, text=True)

    assert not [line for line in done.stderr.splitlines() if "agent-runtime.service" in line]


def test_launchd_gets_the_same() -> None:
    file = service_file(PROGRAM, ["--port", "1"], {"AGENT_RUNTIME_HOST": "::1"}, {"HOME": "/Users/me"}, "darwin")
    told = plistlib.loads(file.text.encode())

    assert file.path == Path("/Users/me/Library/LaunchAgents/io.agent-orchestrator.agent-runtime.plist")
    assert told["ProgramArguments"] == [str(PROGRAM), "--port", "1"]
    assert (told["KeepAlive"], told["EnvironmentVariables"]) == (True, {"AGENT_RUNTIME_HOST": "::1"})
