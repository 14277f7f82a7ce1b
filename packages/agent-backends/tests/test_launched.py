"""`ao-start` as a launcher starts it: the agent runs, its events arrive, its end is told by status and note."""

import contextlib
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.commands import Commands
from support.stand_in_runtime import Json, Reply, StandInRuntime, stand_in_runtime
from support.waiting import wait_until

ROOT = Path(__file__).parents[3]
SESSION = {
    "session_id": "ses_1",
    "session_name": "one",
    "status": "running",
    "agent_name": "tester",
    "backend_session_id": None,
}


@pytest.fixture
def runtime() -> Iterator[StandInRuntime]:
    with stand_in_runtime() as started:
        started.route("GET", "/sessions/ses_1", Reply({"session": SESSION}))
        started.route("POST", "/sessions/ses_1/events", Reply({"events": []}))
        started.route("PATCH", "/sessions/ses_1/metadata", Reply({"session": SESSION}))
        yield started


@pytest.fixture
def commands(runtime: StandInRuntime, tmp_path: Path) -> Commands:
    return Commands(runtime.url, tmp_path, token="session-token")


def serve_agent(runtime: StandInRuntime, folder: Path, program: str) -> None:
    script = folder / "agent.py"
    script.write_text(program, encoding="utf-8")
    runtime.route(
        "GET",
        "/agents/tester",
        Reply({"name": "tester", "backend": "command", "command": ["python3", str(script)], "active": True}),
    )


def launched(folder: Path) -> dict[str, str]:
    return {
        "AGENT_JOB_ID": "job_1",
        "AGENT_SESSION_NAME": "one",
        "AGENT_SESSION_ID": "ses_1",
        "AGENT_OUTCOME_FILE": str(folder / "outcome.json"),
    }


def start_arguments(folder: Path) -> list[str]:
    return ["one", "--agent", "tester", "--prompt", "do it", "--project-dir", str(folder)]


def recorded(runtime: StandInRuntime) -> list[tuple[str, dict[str, object]]]:
    calls = [json.loads(json.dumps(asked.body)) for asked in runtime.of("POST", "/sessions/ses_1/events")]
    return [(event["type"], event["data"]) for call in calls for event in call["events"]]


def test_a_launched_start_runs_the_agent_and_tells_all_of_it(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    serve_agent(runtime, tmp_path, "import sys; print('got', sys.stdin.read())")

    said = commands.run("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))

    types = [kind for kind, _ in recorded(runtime)]
    assert (said.exit_code, said.out, said.err) == (0, "got do it\n", "")
    assert types == ["session_start", "message", "message", "result", "session_stop"]
    assert dict(recorded(runtime))["result"]["text"] == "got do it\n"
    assert runtime.of("PATCH", "/sessions/ses_1/metadata")[0].body["backend"] == "command"
    assert runtime.of("POST", "/jobs") == []
    assert {asked.headers["authorization"] for asked in runtime.asked} == {"Bearer session-token"}
    # For a keeper that did not see the end.
    assert json.loads((tmp_path / "outcome.json").read_text("utf-8")) == {
        "ending": "completed",
        "exit_code": 0,
    }


def test_a_failing_agent_leaves_a_note_with_its_reason_and_status_1(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    serve_agent(runtime, tmp_path, "import sys; print('no disk', file=sys.stderr); sys.exit(3)")

    said = commands.run("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))

    note = json.loads((tmp_path / "outcome.json").read_text("utf-8"))
    assert (said.exit_code, said.out) == (1, "")
    assert note == {
        "ending": "failed",
        "exit_code": 1,
        "agent_exit_code": 3,
        "reason": "nonzero_exit",
        "error": "agent 'tester' exited with 3: no disk",
    }
    assert said.err == "no disk\nao-start: agent 'tester' exited with 3: no disk\n"


@pytest.mark.parametrize("arguments", [["--help"], ["one", "--help"], ["-h"], ["one", "--no-such-option"], []])
def test_a_command_that_runs_no_agent_tells_its_launcher_nothing_of_an_end(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path, arguments: list[str]
) -> None:
    serve_agent(runtime, tmp_path, "print('ran')")

    commands.run("ao-start", *arguments, environment=launched(tmp_path))

    assert json.loads((tmp_path / "outcome.json").read_text("utf-8")) == {"ending": None}


def test_a_command_that_is_not_the_launchers_job_leaves_the_launcher_no_note(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    runtime.route("POST", "/jobs", Reply({"job_id": "job_2", "status": "pending", "session_name": "two"}, 201))

    said = commands.run("ao-start", "two", "--agent", "x", "-p", "x", "-d", environment=launched(tmp_path))

    assert (said.exit_code, (tmp_path / "outcome.json").exists()) == (0, False)


def test_an_unknown_kind_of_agent_is_a_missing_backend(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    runtime.route("GET", "/agents/tester", Reply({"name": "tester", "backend": "psychic"}))

    said = commands.run("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))

    assert said.exit_code == 1
    assert json.loads((tmp_path / "outcome.json").read_text("utf-8"))["reason"] == "backend_missing"


@pytest.mark.parametrize(("folder", "found"), [("nothing-here", "nothing"), ("agent.py", "a file")])
def test_a_project_folder_that_is_none_is_told_before_anything_runs(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path, folder: str, found: str
) -> None:
    serve_agent(runtime, tmp_path, "print('ran')")

    said = commands.run(
        "ao-start", "one", "-p", "x", "--project-dir", str(tmp_path / folder), environment=launched(tmp_path)
    )

    assert (said.exit_code, said.out) == (1, "")
    assert f"to be an existing folder on this machine, found {found}" in said.err


def test_sigterm_stops_the_agent_and_ends_with_143_and_what_it_printed_was_printed_as_it_came(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    serve_agent(runtime, tmp_path, "import time; print('half\\na line', end='', flush=True); time.sleep(600)")
    process = commands.start("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))
    assert process.stdout is not None
    came = process.stdout.read(len(b"half\na line"))

    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=30)

    assert (process.returncode, came, rest) == (143, b"half\na line", b"\n")
    assert json.loads((tmp_path / "outcome.json").read_text("utf-8")) == {"ending": "stopped", "exit_code": 143}
    assert recorded(runtime)[-1] == ("session_stop", {"reason": "stopped", "exit_code": 143, "error": None})


def test_an_outage_while_the_agent_runs_loses_nothing(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    program = (
        "import pathlib, sys, time\n"
        "print('before', flush=True)\n"
        "while not pathlib.Path('go').exists(): time.sleep(0.01)\n"
        "print('after', flush=True)\n"
    )
    serve_agent(runtime, tmp_path, program)
    process = commands.start("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))
    wait_until(lambda: ("message", {"role": "assistant", "text": "before"}) in recorded(runtime), "a first event came")

    runtime.stop()
    (tmp_path / "go").touch()
    wait_until(lambda: b"kept until the runtime is back" in read_line(process), "the outage is noticed")
    runtime.start()
    out, _ = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, b"before\nafter\n")
    assert dict(recorded(runtime))["result"]["text"] == "before\nafter\n"


def test_the_log_has_output_and_errors_in_the_order_in_which_they_were_written(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    """The launcher gives both the same file; each line is written when the one before stands there."""
    log = tmp_path / "output.log"
    program = (
        "import pathlib, sys, time\n"
        f"log = pathlib.Path({str(log)!r})\n"
        "for number, stream in enumerate([sys.stdout, sys.stderr, sys.stdout, sys.stderr, sys.stdout]):\n"
        "    print(f'line {number}', file=stream, flush=True)\n"
        "    while number < 4 and f'line {number}' not in log.read_text(): time.sleep(0.002)\n"
        "print('the end', end='', flush=True)\n"
    )
    serve_agent(runtime, tmp_path, program)

    with log.open("ab") as to:
        line = commands.command("ao-start", *start_arguments(tmp_path))
        done = subprocess.run(
            line,
            stdin=subprocess.DEVNULL,
            stdout=to,
            stderr=to,
            env=commands.environment(launched(tmp_path)),
            timeout=60,
        )

    assert done.returncode == 0
    assert log.read_text("utf-8") == "line 0\nline 1\nline 2\nline 3\nline 4\nthe end\n"
    assert dict(recorded(runtime))["result"]["text"] == "line 0\nline 2\nline 4\nthe end"


def read_line(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stderr is not None
    return process.stderr.readline()


def test_a_runtime_that_is_away_at_the_start_is_waited_for(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    serve_agent(runtime, tmp_path, "print('ok')")
    runtime.stop()
    process = commands.start("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))
    wait_until(lambda: b"waiting for the runtime" in read_line(process), "the wait is told")

    runtime.start()
    out, _ = process.communicate(timeout=30)

    assert (process.returncode, out) == (0, b"ok\n")


def test_a_resume_hands_the_backends_session_on_and_says_so(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    serve_agent(runtime, tmp_path, "import os; print('resumed', os.environ['AGENT_RESUMED'], os.getcwd())")
    runtime.route("GET", "/sessions/ses_1", Reply({"session": {**SESSION, "project_dir": str(tmp_path)}}))

    said = commands.run("ao-resume", "one", stdin="more", environment=launched(tmp_path))

    assert (said.exit_code, said.out) == (0, f"resumed true {tmp_path}\n")
    assert dict(recorded(runtime))["session_start"]["resumed"] is True


def test_the_agents_own_commands_do_not_take_its_job_for_theirs(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    serve_agent(
        runtime,
        tmp_path,
        "import os; print(os.environ['AGENT_RUN_BY_JOB'], os.environ.get('AGENT_OUTCOME_FILE'))",
    )

    said = commands.run("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))

    assert said.out == "job_1 None\n"


def test_a_child_started_inside_a_session_names_its_parent(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    created = {"job_id": "job_2", "status": "pending", "session_id": "ses_2", "session_name": "two"}
    runtime.route("POST", "/jobs", Reply(created, 201))

    said = commands.run(
        "ao-start", "two", "--agent", "tester", "-p", "x", "-d", "--callback", environment=launched(tmp_path)
    )

    body = runtime.of("POST", "/jobs")[0].body
    assert (said.exit_code, said.out) == (0, "job_2\n")
    assert (body["parent_session_name"], body["callback"]) == ("one", True)


def documented_for_agents() -> set[str]:
    section = (ROOT / "docs/reference/settings.md").read_text("utf-8").partition("## What an agent's process finds")[2]
    return set(re.findall(r"^\| `(\w+)` \|", section.partition("\n\nThe `ao-start`")[0], re.MULTILINE))


@pytest.mark.parametrize(("command", "resumed"), [("ao-start", "false"), ("ao-resume", "true")])
def test_an_agent_finds_every_variable_with_the_value_that_the_document_says(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path, command: str, resumed: str
) -> None:
    program = "import json, os; json.dump([dict(os.environ), os.getcwd()], open('found.json', 'w')); print('ok')"
    serve_agent(runtime, tmp_path, program)
    runtime.route("GET", "/sessions/ses_1", Reply({"session": {**SESSION, "project_dir": str(tmp_path)}}))

    commands.run(command, "one", "-p", "do it", environment={**launched(tmp_path), "AGENT_JOB_ATTEMPT": "2"})

    found, folder = json.loads((tmp_path / "found.json").read_text("utf-8"))
    expected = {
        "AGENT_SESSION_NAME": "one",
        "AGENT_SESSION_ID": "ses_1",
        "AGENT_JOB_ID": "job_1",
        "AGENT_JOB_ATTEMPT": "2",
        "AGENT_RUN_BY_JOB": "job_1",
        "AGENT_RUNTIME_URL": runtime.url,
        "AGENT_RUNTIME_TOKEN": "session-token",
        "AGENT_ORCHESTRATOR_ROOT": str(ROOT),
        "AGENT_ORCHESTRATOR_MCP": str(ROOT / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py"),
        "AGENT_HOST_NAME": socket.gethostname(),
        "AGENT_RESUMED": resumed,
        "AGENT_PROMPT_FILE": found["AGENT_PROMPT_FILE"],
    }
    assert {name: found.get(name) for name in expected} == expected
    # A client that is driven over its own protocol is given one more, to be found by.
    assert {*expected, "AGENT_CLIENT_MARK"} == documented_for_agents()
    assert (found["PWD"], folder) == (str(tmp_path), str(tmp_path))
    assert "AGENT_OUTCOME_FILE" not in found


def test_what_a_project_folder_holds_is_never_imported_by_the_command(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    for module in ("secrets", "json", "typing", "typer", "asyncio", "runtime_client", "agent_backends"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('the module of the project')", encoding="utf-8")
    told = ["sh", "-c", 'echo "$PYTHONPATH"']
    agent: dict[str, Json] = {"name": "tester", "backend": "command", "command": told, "active": True}
    runtime.route("GET", "/agents/tester", Reply(agent))

    said = commands.run(
        "ao-start", *start_arguments(tmp_path), environment={**launched(tmp_path), "PYTHONPATH": ":/opt/x"}
    )

    assert (said.exit_code, said.out, said.err) == (0, f"{tmp_path}:/opt/x\n", "")


def lives(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def test_what_an_agent_put_out_of_reach_ends_with_its_run(
    runtime: StandInRuntime, commands: Commands, tmp_path: Path
) -> None:
    # No signal to a group reaches it, and its parent is gone before it is looked for.
    leaving = "subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=subprocess.DEVNULL, stderr=-3).pid"
    serve_agent(runtime, tmp_path, f"import subprocess; print({leaving})")

    said = commands.run("ao-start", *start_arguments(tmp_path), environment=launched(tmp_path))

    assert said.exit_code == 0
    assert not lives(int(said.out))
