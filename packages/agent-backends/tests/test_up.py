"""`ao up`: what is missing is started, what is killed is started again, and all of it is ended."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from runtime_client.verbs.background import STARTS_MAX
from support.commands import Commands, Said
from support.marked_processes import processes_with
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

OWN = ".config/agent-orchestrator"
LINES = 4


class Up:
    """`ao up` in a house of its own, and the words of `ao` in it."""

    def __init__(self, folder: Path, url: str, own: Mapping[str, str]) -> None:
        self.folder, self.url = folder, url
        self._alone = Commands(url, folder)
        self._own = {"AGENT_RUNTIME_DATA_DIR": str(folder / "data"), **own}
        self._began: list[subprocess.Popen[bytes]] = []

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The newest one."""
        return self._began[-1]

    def begin(self, lines: int = LINES) -> dict[str, str]:
        """Type it, and read what it says until it stays; each line by its first word."""
        self._began.append(self._alone.start("ao", "up", environment=self._own))
        return {line.split()[0]: line for line in (self.line() for _ in range(lines))}

    def line(self) -> str:
        """Read the next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def run(self, *words: str) -> Said:
        """Type another word of `ao`."""
        return self._alone.run("ao", *words, environment=self._own)

    def find(self, program: str) -> psutil.Process:
        """Find its runtime or its launcher; one that is just being executed has no words for a moment."""
        return wait_until(lambda: self._with_words(program), f"there is an {program}")

    def _with_words(self, program: str) -> psutil.Process | None:
        for one in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                if any(word.endswith(program) for word in one.cmdline()):
                    return one
        return None

    def leave_nothing(self) -> None:
        """End it, and what was left by one that was killed."""
        for begun in self._began:
            begun.terminate()
            begun.communicate(timeout=60)
        for one in processes_with("AGENT_RUNTIME_DATA_DIR", self._own["AGENT_RUNTIME_DATA_DIR"]):
            with suppress(psutil.NoSuchProcess):
                one.kill()


@pytest.fixture
def up(tmp_path: Path, free_port: int) -> Iterator[Up]:
    up = Up(tmp_path, f"http://localhost:{free_port}", {})
    yield up
    up.leave_nothing()


def _is_over(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _runs_jobs(up: Up, name: str) -> bool:
    up.run("start", name, "--agent", "echo", "-p", "Hello", "-d")
    return up.run("wait", name, "--timeout", "60s").out == f"{name}: finished\n"


@pytest.mark.parametrize("program", ["agent-launcher", "agent-runtime"])
def test_up_starts_again_what_was_killed_and_jobs_run(up: Up, program: str) -> None:
    up.begin()

    up.find(program).kill()
    said = up.line()

    assert "ended by itself, and was started again" in said
    wait_until(lambda: up.run("ps").exit_code == 0, "the runtime answers")
    assert _runs_jobs(up, "after")


def test_up_gives_up_what_ends_again_and_again_with_its_last_words(up: Up) -> None:
    up.begin()
    for _ in range(STARTS_MAX - 1):
        up.find("agent-launcher").kill()
        assert "was started again" in up.line()

    up.find("agent-launcher").kill()
    _, said = up.process.communicate(timeout=60)

    assert (up.process.returncode, "the launcher ended by itself" in said.decode()) == (1, True)
    assert up.run("ps").exit_code == 5


def test_up_does_not_take_a_killed_launcher_for_one_that_runs(up: Up) -> None:
    first = up.begin()
    launcher = up.find("agent-launcher")
    up.process.kill()
    launcher.kill()
    wait_until(lambda: _is_over(launcher), "the launcher is gone")

    assert "alive" in up.run("launchers").out
    second = up.begin()

    assert "(its log: " in first["launcher"]
    assert "(runs already)" in second["runtime"]
    assert "(its log: " in second["launcher"]
    assert _runs_jobs(up, "after")


def test_up_says_of_a_launcher_that_is_drained_that_it_takes_no_new_jobs(tmp_path: Path) -> None:
    with RuntimeProcess(tmp_path / "runtime") as runtime, closing(runtime.start().api) as api:
        launcher = api.ask("POST", "/launcher/register", {"hostname": "here"})["launcher_id"]
        api.ask("POST", f"/launchers/{launcher}/drain")
        own = {"AGENT_RUNTIME_TOKEN": runtime.token, "AGENT_HOST_NAME": "here"}

        said = Up(tmp_path, runtime.url, own).run("up")

    assert (said.exit_code, "takes no new jobs  (runs already: see 'ao launchers')" in said.out) == (0, True)


def test_up_in_a_strangers_folder_does_not_take_its_agents_for_the_users_own(up: Up) -> None:
    for folder, text in ((up.folder / ".agent-orchestrator", "a stranger's"), (up.folder / OWN, "the user's")):
        blueprint = folder / "agents/echo/agent.json"
        blueprint.parent.mkdir(parents=True)
        blueprint.write_text(json.dumps({"name": "echo", "backend": "command", "command": ["echo", text]}))
    said = up.begin(LINES + 1)

    ran = up.run("start", "one", "--agent", "echo", "-p", "x", "-q")

    assert "the user's" in ran.out
    assert f"not those in {up.folder / '.agent-orchestrator/agents'}" in said["agents"]


def test_up_starts_a_launcher_beside_a_command_in_a_terminal_which_takes_its_own_job_alone(tmp_path: Path) -> None:
    with RuntimeProcess(tmp_path / "runtime") as runtime, closing(runtime.start().api) as api:
        api.ask("POST", "/launcher/register", {"hostname": "here", "only_own_jobs": True})
        assert api.ask("GET", "/health")["launchers_alive"] == 0
        up = Up(tmp_path, runtime.url, {"AGENT_RUNTIME_TOKEN": runtime.token, "AGENT_HOST_NAME": "here"})
        said = up.begin()
        up.leave_nothing()

    assert "(its log: " in said["launcher"]


def test_up_starts_what_is_missing_and_ends_it_again(up: Up) -> None:
    said = up.begin()

    again = up.run("up")
    told = json.loads(up.run("up", "--json").out)
    ran = up.run("start", "up", "--agent", "echo", "-p", "Hello", "-d")
    waited = up.run("wait", "up", "--timeout", "60s")
    up.process.terminate()
    up.process.communicate(timeout=60)

    assert set(said) == {"runtime", "launcher", "page", "end"}
    assert again.out.count("runs already") == 2
    assert told["runtime"] == {"url": up.url, "started": False, "log": None}
    assert told["launcher"] == {"started": False, "log": None}
    assert told["page"].startswith(f"{up.url}/")
    assert (ran.exit_code, waited.out, up.process.returncode) == (0, "up: finished\n", 0)
    wait_until(lambda: up.run("ps").exit_code == 5, "the runtime has ended")
