"""`ao`: the same work under one name, said to people, and quiet for scripts."""

import json
import os
from pathlib import Path

import pytest

from runtime_client.verbs.all_verbs import VERBS
from runtime_client.version import VERSION
from support import shells
from support.agents import add_agent
from support.commands import COMMANDS, Commands
from support.runtime_process import RuntimeProcess
from support.terminal import Terminal
from support.waiting import wait_until


@pytest.fixture(scope="module", autouse=True)
def agents(runtime: RuntimeProcess) -> None:
    """The agents of these tests."""
    api = runtime.api
    add_agent(api, runtime.folder, "failing", "import sys; sys.exit('no key')")
    api.close()


def test_nothing_yet_is_said_in_words_and_data_stays_empty(commands: Commands) -> None:
    for word, said in (("queue", "nothing waits"), ("launchers", "no launchers yet"), ("cost", "nothing has run")):
        done = commands.run("ao", word)
        assert (done.exit_code, done.out, said in done.err) == (0, "", True)
    assert commands.run("ao", "ps", "--query", "nothing-like-it").err == "ao ps: no session is like that\n"


@pytest.mark.parametrize("word", VERBS)
def test_every_word_says_what_it_does_and_its_version(commands: Commands, word: str) -> None:
    long, short, version = (commands.run("ao", word, flag) for flag in ("--help", "-h", "--version"))

    assert long.out.startswith(f"Usage: ao {word} [OPTIONS]")
    assert long.out == short.out
    assert version.out == f"ao {word} {VERSION}\n"


def test_a_word_that_is_mistyped_is_answered_with_the_one_that_was_meant(commands: Commands) -> None:
    said = commands.run("ao", "statsu", "x")

    assert (said.exit_code, said.out, said.err) == (
        2,
        "",
        "ao: there is no command 'statsu' (did you mean 'status'?)\n",
    )


def test_a_start_without_a_name_makes_one_and_shows_what_happens(commands: Commands) -> None:
    started = commands.run("ao", "start", "--agent", "echo", "-p", "Hello")
    quiet = commands.run("ao", "start", "--agent", "echo", "-p", "Hello", "--quiet")
    old = commands.run("ao-start", "--agent", "echo", "-p", "Hello")
    names = [one["session_name"] for one in json.loads(commands.run("ao", "ps", "--json").out)["sessions"]]

    assert started.out == quiet.out == old.out == "Hello\n"
    assert quiet.err == old.err == ""
    assert "assistant: Hello" in started.err
    assert "finished: " in started.err
    assert "ao-start" not in commands.run("ao", "launchers").out
    assert "ao-start  gone" in commands.run("ao", "launchers", "--all").out
    assert len([name for name in names if name.startswith("echo-") and f"'{name}'" in started.err]) == 1


def test_a_start_that_is_refused_tells_of_no_session(commands: Commands) -> None:
    said = commands.run("ao", "start", "no name", "--agent", "echo", "-p", "x")

    assert (said.exit_code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "found 'no name'" in said.err


def test_a_failure_says_its_cause_and_what_helps_in_every_place(commands: Commands) -> None:
    started = commands.run("ao", "start", "fails", "--agent", "failing", "-p", "x")
    listed, status, waited, shown = (
        commands.run("ao", *words) for words in (("ps",), ("status", "fails"), ("wait", "fails"), ("show", "fails"))
    )

    assert (started.exit_code, status.out, waited.out) == (1, "failed\n", "fails: failed\n")
    for said in (started.err, listed.out, status.err, waited.err, shown.out):
        assert "exited with 1: no key (see: " in said
        assert "retry fails)" in said


def test_what_a_terminal_ran_can_be_run_again_by_any_launcher(commands: Commands) -> None:
    commands.run("ao", "start", "again", "--agent", "failing", "-p", "x", "-q")

    retried = commands.run("ao", "retry", "again")
    status = commands.run("ao", "status", "again")
    commands.run("ao", "stop", "again")

    assert retried.out.startswith("job_")
    assert (status.out, "no launcher is connected" in status.err) == ("pending\n", True)


def test_what_waits_says_why_and_can_be_held(commands: Commands) -> None:
    commands.run("ao", "start", "waits", "--agent", "echo", "-p", "x", "--detach")

    waits = [commands.run("ao", *words) for words in (("ps",), ("queue",))]
    status = commands.run("ao", "status", "waits")
    waited = commands.run("ao", "wait", "waits", "--timeout", "0s")
    held = commands.run("ao", "hold", "waits")
    queue = json.loads(commands.run("ao", "queue", "--json").out)["jobs"]
    commands.run("ao", "hold", "waits", "--lift")
    commands.run("ao", "stop", "waits")

    assert ["no launcher is connected" in said.out for said in waits] == [True, True]
    assert status.out == "pending\n"
    assert "no launcher is connected" in status.err
    assert (waited.exit_code, waited.err.count("no launcher is connected")) == (6, 1)
    assert held.out.endswith("  held\n")
    assert [job["reason"] for job in queue if job["session_name"] == "waits"] == ["held"]


def test_logs_can_begin_late(commands: Commands) -> None:
    commands.run("ao-start", "long", "--agent", "echo", "-p", "x")
    whole = commands.run("ao", "logs", "long").out.splitlines()

    assert commands.run("ao", "logs", "long", "--tail", "2").out.splitlines() == whole[-2:]
    assert commands.run("ao", "logs", "long", "--tail", "2", "-f").out.splitlines() == whole[-2:]
    assert commands.run("ao", "logs", "long", "--since", "1h").out.splitlines() == whole
    assert commands.run("ao", "logs", "long", "--since", "0s").out == ""


def test_a_shell_is_offered_words_options_sessions_and_agents(commands: Commands) -> None:
    commands.run("ao-start", "completed-one", "--agent", "echo", "-p", "x")

    def offered(*words: str) -> list[str]:
        return commands.run("ao", "__complete", *words).out.splitlines()

    assert offered("ao", "sta") == ["start", "status"]
    assert offered("ao", "logs", "completed") == ["completed-one"]
    assert offered("ao-logs", "completed") == ["completed-one"]
    assert offered("ao", "start", "--agent", "ech") == ["echo"]
    assert offered("ao", "logs", "--fo") == ["--follow"]
    assert offered("ao", "stop", "completed-one", "comp") == ["completed-one"]


@pytest.mark.parametrize("shell", shells.BEGIN)
def test_each_shell_completes_a_session_where_a_person_presses_tab(commands: Commands, shell: str) -> None:
    if reason := shells.why_not(shell):
        pytest.skip(reason)
    commands.run("ao-start", f"typed-in-{shell}", "--agent", "echo", "-p", "x")
    environment = commands.environment({"PATH": f"{COMMANDS}:{os.environ['PATH']}", "TERM": "xterm"})

    with Terminal(shells.BEGIN[shell], environment, commands.folder) as terminal:
        # A terminal shows what is typed, so that no line may hold its own answer.
        terminal.type(f"{shells.LOAD[shell]}; echo lo''aded\r")
        terminal.wait_for("loaded\r\n")
        terminal.type(f"ao stat\ttyped-in-{shell[0]}\t\r")
        terminal.wait_for("finished\r\n")


def test_completion_says_nothing_where_there_is_no_runtime(tmp_path: Path) -> None:
    said = Commands("http://127.0.0.1:9", tmp_path).run("ao", "__complete", "ao", "logs", "x")

    assert (said.out, said.err) == ("", "")


def test_logs_that_are_followed_do_not_wait_for_a_runtime_that_never_was(tmp_path: Path) -> None:
    said = Commands("http://127.0.0.1:9", tmp_path).run("ao", "logs", "x", "--follow")

    assert (said.exit_code, said.out) == (5, "")


def test_a_setting_says_where_it_came_from_and_a_secret_is_not_shown(commands: Commands) -> None:
    file = commands.folder / ".config/agent-orchestrator/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[start]\nagent = "echo"\n[runtime]\ndatabase_url = "postgresql://me:hush@x/y"\n')
    file.chmod(0o600)

    shown = json.loads(commands.run("ao", "config", "--json").out)["settings"]
    rows = {row["setting"]: (row["value"], row["from"]) for row in shown}
    started = commands.run("ao", "start", "-p", "by the file", "-q")

    assert rows["start.agent"] == ("echo", str(file))
    assert rows["connection.url"] == (commands.url, "AGENT_RUNTIME_URL")
    assert rows["connection.token"] == ("(hidden)", "AGENT_RUNTIME_TOKEN")
    assert rows["runtime.database_url"] == ("(hidden)", str(file))
    assert rows["runtime.port"] == ("8765", "default")
    assert started.out == "by the file\n"


def test_up_starts_what_is_missing_and_ends_it_again(tmp_path: Path, free_port: int) -> None:
    alone = Commands(f"http://localhost:{free_port}", tmp_path)
    own = {"AGENT_RUNTIME_DATA_DIR": str(tmp_path / "data")}
    process = alone.start("ao", "up", environment=own)
    assert process.stdout is not None
    lines = iter(process.stdout.readline, b"")
    said = {line.split()[0]: line.decode() for line in (next(lines) for _ in range(4))}

    again = alone.run("ao", "up", environment=own)
    told = json.loads(alone.run("ao", "up", "--json", environment=own).out)
    ran = alone.run("ao", "start", "up", "--agent", "echo", "-p", "Hello", "-d", environment=own)
    waited = alone.run("ao", "wait", "up", "--timeout", "60s", environment=own)
    process.terminate()
    process.communicate(timeout=60)

    assert set(said) == {b"runtime", b"launcher", b"page", b"end"}
    assert again.out.count("runs already") == 2
    assert told["runtime"] == {"url": alone.url, "started": False, "log": None}
    assert told["launcher"] == {"started": False, "log": None}
    assert told["page"].startswith(f"{alone.url}/")
    assert (ran.exit_code, waited.out, process.returncode) == (0, "up: finished\n", 0)
    wait_until(lambda: alone.run("ao", "ps", environment=own).exit_code == 5, "the runtime has ended")
