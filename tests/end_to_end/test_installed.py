"""What a wheel of this repository installs works alone: no checkout, no `uv`, an empty home."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.installation import ROOT, Installed
from support.keeper_folders import KeeperFolders
from support.process import ProcessUnderTest
from support.runtime_process import RuntimeProcess

PROGRAMS = sorted(
    {"agent-runtime", "agent-launcher", "agent-orchestrator-mcp"}
    | {path.name for path in (ROOT / "commands").iterdir() if path.is_file() and path.suffix != ".lock"}
)
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """One installation for all tests."""
    return Installed(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def runtime(installed: Installed) -> Iterator[RuntimeProcess]:
    """The installed runtime, with all as it is by default but its port."""
    with RuntimeProcess(installed.home / "runtime", program=[installed.program("agent-runtime")]) as process:
        yield process.start()


@pytest.fixture(scope="module")
def launcher(installed: Installed, runtime: RuntimeProcess) -> Iterator[ProcessUnderTest]:
    """The installed launcher."""
    process = ProcessUnderTest("agent-launcher", installed.home / "launcher.log")
    reach = {"AGENT_RUNTIME_URL": runtime.url, "AGENT_RUNTIME_TOKEN": runtime.token}
    try:
        process.spawn([installed.program("agent-launcher")], installed.environment | reach, installed.home)
        process.wait_for_line("registered")
        yield process
        process.stop()
    finally:
        process.leave_nothing()
        KeeperFolders(installed.home / ".local/state/agent-launcher").leave_nothing()


@pytest.fixture
def reach(runtime: RuntimeProcess) -> dict[str, str]:
    """What a terminal must know to reach that runtime."""
    return {"AGENT_RUNTIME_URL": runtime.url, "AGENT_RUNTIME_TOKEN": runtime.token}


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_is_there_and_says_what_it_does(installed: Installed, program: str) -> None:
    assert program in installed.run(program, "-h")


def test_every_program_is_of_the_same_version(installed: Installed, runtime: RuntimeProcess) -> None:
    said = {installed.run(program, "--version").split()[-1] for program in PROGRAMS}

    assert said == {httpx.get(f"{runtime.url}/health").json()["version"]}


def test_a_job_runs_from_its_order_to_its_result(
    installed: Installed, launcher: ProcessUnderTest, reach: dict[str, str]
) -> None:
    installed.run("ao-start", "hello", "--agent", "echo", "--prompt", "Hello there", "--detach", **reach)
    installed.run("ao-wait", "hello", **reach)

    assert installed.run("ao-get-result", "hello", **reach).strip() == "Hello there"
    assert (
        installed.run("ao-start", "here", "--agent", "echo", "--prompt", "Hello here", **reach).strip() == "Hello here"
    )
    assert launcher.is_alive


def test_agents_that_order_agents_find_the_installed_commands(
    installed: Installed, launcher: ProcessUnderTest, reach: dict[str, str]
) -> None:
    said = installed.run("ao-start", "boss", "--agent", "demo-orchestrator", "--prompt", "go", "--detach", **reach)
    installed.run("ao-wait", "boss", **reach)

    assert said.startswith("job_")
    assert launcher.is_alive
    children = json.loads(installed.run("ao-list-sessions", "--json", **reach))
    assert len([one for one in children["sessions"] if one["parent_session_name"] == "boss"]) > 1


def test_the_page_and_the_shipped_agents_come_with_it(runtime: RuntimeProcess, reach: dict[str, str]) -> None:
    with httpx.Client(base_url=runtime.url, headers={"Authorization": f"Bearer {runtime.token}"}) as client:
        page, module, programs = (client.get(path) for path in ("/", "/app.js", "/model/programs.js"))
        agents = client.get("/agents").json()["agents"]

    assert (page.status_code, module.status_code) == (200, 200)
    assert "Agent Orchestrator" in page.text
    assert ('AO = "ao"' in programs.text, "commands/" in programs.text) == (True, False)
    assert {"claude", "echo"} <= {agent["name"] for agent in agents}


def test_the_doctor_finds_the_commands_beside_the_program(installed: Installed, reach: dict[str, str]) -> None:
    found = json.loads(installed.run("agent-launcher", "doctor", "--json", **reach))["findings"]

    # Clients are looked for among the libraries too, and those are of the tests' own environment.
    ours = json.dumps([one for one in found if not one["subject"].startswith("client ")])
    assert str(installed.bin / "ao-start") in ours
    assert str(ROOT) not in ours
    assert "commands begin already loaded" in ours


@pytest.mark.parametrize("program", ["agent-runtime", "agent-launcher"])
def test_a_service_calls_the_installed_program_and_not_what_lies_in_this_version(
    installed: Installed, program: str
) -> None:
    unit = installed.run(program, "install-service", "--print")

    assert f'ExecStart="{installed.bin / program}"' in unit
    assert "site-packages" not in unit


def test_the_mcp_server_answers(installed: Installed, reach: dict[str, str]) -> None:
    done = subprocess.run(
        [installed.program("agent-orchestrator-mcp")],
        input=json.dumps(HELLO) + "\n",
        env=installed.environment | reach,
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout.splitlines()[0])["result"]["serverInfo"]


def test_a_program_runs_its_own_modules_whatever_the_folder_holds(installed: Installed, tmp_path: Path) -> None:
    for name in ("json", "secrets", "agent_runtime", "runtime_client"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not mine')\n", encoding="utf-8")
    done = subprocess.run(
        [installed.program("ao-status"), "--help"],
        env=installed.environment | {"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert os.fspath(tmp_path) not in done.stdout
