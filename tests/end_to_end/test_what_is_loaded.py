"""A command loads what it needs and no more: each import is paid for at every start."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import COMMANDS, Commands
from support.project import REPOSITORY
from support.stand_in_runtime import Json, Reply, StandInRuntime, stand_in_runtime

PYTHON_ITSELF = "http.client json dataclasses optparse ipaddress pathlib threading typing encodings.idna"
"""What every command takes of Python, with all that these load themselves. It is half of a start: think before you add.

`http.client` brings `ssl`, of which nothing is used for plain HTTP.
"""
CALLS = {
    *(
        "address",
        "client",
        "configured",
        "connection",
        "connections",
        "errors",
        "exit_codes",
        "how_called",
        "models",
        "proxies",
        "transport",
    ),
    *("trust", "unreachable", "way", "wire"),
    *(f"terminal.{name}" for name in ("arguments", "command_line", "output", "parser", "plain_text")),
}
SHOWS = {"terminal.clock", "terminal.showing", "why"}
VERBS = {"verbs.all_verbs", "verbs.calling", "verbs.loading"}
WATCHES = {"retry", "watching.stream"}
ORDERS = {"job.chosen_agent"}
JOB = {"installation", "turn.request"}
JOB |= {
    f"job.{name}" for name in ("launchers_words", "note", "options", "question_terms", "queue_options", "wanted_checks")
}

FILE = {"settings_file", *(f"settings_file.{part}" for part in ("key", "known", "reader"))}
UNSAID = {"start_defaults", *FILE}

MCP_SERVER = REPOSITORY / "interfaces/agent-orchestrator-mcp-server/agent-orchestrator-mcp.py"

LOADED = {
    "ao-status one": CALLS | {"terminal.causes", "why"},
    "ao-stop one": CALLS,
    "ao-show-config": CALLS,
    "ao-delete one --yes": CALLS | {"terminal.asking"},
    "ao-delete-all --yes": CALLS | {"terminal.asking"},
    "ao-list-sessions": CALLS | SHOWS | {"terminal.tables"},
    "ao ps": CALLS | SHOWS | {"terminal.tables"} | VERBS,
    "ao status one": CALLS | {"terminal.causes", "why"} | VERBS,
    "ao start one --agent echo --detach --prompt x": CALLS | JOB | ORDERS | VERBS | UNSAID,
    "ao-list-blueprints": CALLS | {"terminal.tables"},
    "ao-get-result one": CALLS | WATCHES | {"watching.waiting", "why"},
    "ao-wait one": CALLS | WATCHES | {"watching.waiting", "terminal.causes", "why"},
    "ao-logs one": CALLS | SHOWS | WATCHES | {"watching.following"},
    "ao-logs one --output": CALLS | SHOWS | WATCHES | {"watching.following"},
    "ao-start one --agent echo --detach --prompt x": CALLS | JOB | ORDERS | UNSAID,
    "ao-resume one --detach --prompt x": CALLS | JOB | ORDERS,
}


@pytest.fixture(scope="module")
def runtime() -> Iterator[StandInRuntime]:
    """A runtime with one session, which is over, or what looks like it."""
    session: Json = {"session_id": "ses_1", "session_name": "one", "status": "finished"}
    job: Json = {"job_id": "job_1", "status": "completed", "session_name": "one"}
    event: Json = {"seq": 1, "type": "message", "at": "2026-01-01T00:00:00.000000Z", "data": {"text": "x"}}
    with stand_in_runtime() as started:
        started.route("GET", "/health", Reply({"status": "ok"}))
        started.route("GET", "/sessions", Reply({"sessions": [session]}))
        started.route("GET", "/sessions/one", Reply({"session": session}))
        started.route("GET", "/sessions/one/status", Reply({"status": "finished"}))
        started.route("GET", "/sessions/one/result", Reply({"result": "x", "status": "finished"}))
        started.route("GET", "/sessions/one/events", Reply({"events": [event]}))
        started.route("POST", "/sessions/one/stop", Reply({"sessions": []}))
        started.route("DELETE", "/sessions/one", Reply({}))
        started.route("DELETE", "/sessions", Reply({"deleted": 0, "kept": 0}))
        started.route("GET", "/agents", Reply({"agents": [{"name": "echo", "backend": "command"}]}))
        started.route("GET", "/jobs", Reply({"jobs": [job]}))
        started.route("POST", "/jobs", Reply(job, 201))
        started.route("GET", "/jobs/job_1/log", Reply(b"", headers={"X-Log-Complete": "1"}))
        yield started


@pytest.fixture(scope="module")
def python_itself() -> set[str]:
    """All modules of a Python that has loaded what the commands take of it."""
    return loaded_by("-c", f"import {PYTHON_ITSELF.replace(' ', ', ')}")


def loaded_by(*arguments: str, environment: dict[str, str] | None = None, told: str = "") -> set[str]:
    """The modules that a Python loads from its start to its end, which is a good one."""
    done = subprocess.run(
        [sys.executable, "-I", "-X", "importtime", *arguments],
        env=environment, input=told, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("command", LOADED)
def test_a_command_loads_what_stands_here_and_nothing_else(
    runtime: StandInRuntime, python_itself: set[str], tmp_path: Path, command: str
) -> None:
    name, *words = command.split()
    environment = Commands(runtime.url, tmp_path, "token").environment()

    loaded = loaded_by(str(COMMANDS / name), *words, environment=environment) - python_itself

    rooms = {"runtime_client", "runtime_client.terminal", "runtime_client.verbs", "runtime_client.watching"}
    rooms |= {"agent_backends", "agent_backends.job", "agent_backends.turn"}
    assert loaded - rooms == {f"{_package_of(part)}{part}" for part in LOADED[command]}


def _package_of(part: str) -> str:
    if part in FILE:
        return ""
    return "agent_backends." if part in JOB | ORDERS else "runtime_client."


def test_the_mcp_server_on_standard_input_loads_no_sdk_and_no_event_loop(
    runtime: StandInRuntime, python_itself: set[str], tmp_path: Path
) -> None:
    environment = Commands(runtime.url, tmp_path, "token").environment()
    asked = "".join(f'{{"jsonrpc":"2.0","id":1,"method":"{method}"}}\n' for method in ("initialize", "tools/list"))

    loaded = loaded_by(str(MCP_SERVER), environment=environment, told=asked) - python_itself

    assert "asyncio" not in loaded
    packages = {module.partition(".")[0] for module in loaded if not module.startswith("_")}
    assert packages - set(sys.stdlib_module_names) == {
        *("orchestrator_mcp", "runtime_client"),
        *("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"),
    }


PYTHON_OF_A_RUN = f"{PYTHON_ITSELF} asyncio.subprocess ctypes importlib.util secrets shutil socket tempfile"
"""What a run takes of Python beside that; a warm parent keeps it for all runs, and each pays for what it touches."""
SENDS = {f"sending.{name}" for name in ("event_sender", "facts", "shortening", "spool")}
RUNS = {
    "command": {"client.private_files", *(f"command.{name}" for name in ("backend", "output_lines", "sentences"))},
    "claude": {
        *(f"client.{name}" for name in ("changes", "failures", "inherited", "permission", "private_files", "process")),
        *(f"claude.{name}" for name in ("backend", "conversation", "events", "failures", "launch", "messages")),
        *(f"claude.{name}" for name in ("options", "questions", "stream", "transcripts", "usage")),
    },
}
OF_EVERY_RUN = {
    *("blueprint", "installation", "kind", "printed", "protocol", "redaction", "registry"),
    *("client.permission", "processes.signals", "processes.tree"),
    *(f"job.{name}" for name in ("launched", "launchers_words", "note", "options", "queue_options", "run", "start")),
    *("job.question_terms", "job.wanted_checks"),
    *(f"sandbox.{name}" for name in ("command_prefix", "settings")),
    *(
        f"turn.{name}"
        for name in ("bounded_events", "build", "environment", "head_commit", "inherited", "local_blueprint")
    ),
    *(f"turn.{name}" for name in ("patience", "people", "permissions", "project_folder", "recording", "references")),
    *(f"turn.{name}" for name in ("request", "run", "watch")),
}
CLIENT = """#!/bin/sh
echo '{"type": "system", "subtype": "init", "session_id": "b-1"}'
echo '{"type": "result", "subtype": "success", "is_error": false, "result": "done", "num_turns": 1}'
cat >/dev/null
"""


@pytest.mark.parametrize("backend", RUNS)
def test_a_launched_run_loads_what_stands_here_and_nothing_else(
    runtime: StandInRuntime, tmp_path: Path, backend: str
) -> None:
    program = tmp_path / "program"
    program.write_text(CLIENT if backend == "claude" else "#!/bin/sh\nexec cat\n", encoding="utf-8")
    program.chmod(0o755)
    own: Json = {"options": {"client_path": str(program)}} if backend == "claude" else {"command": [str(program)]}
    assert isinstance(own, dict)
    session: Json = {"session_id": "ses_1", "session_name": "one", "status": "running", "agent_name": "tester"}
    agent: Json = {"name": "tester", "backend": backend, "active": True, **own}
    runtime.route("GET", "/sessions/ses_1", Reply({"session": session, "agent": agent}))
    runtime.route("POST", "/sessions/ses_1/events", Reply({"events": [], "metadata_set": True}))
    job = {"AGENT_JOB_ID": "job_1", "AGENT_SESSION_NAME": "one", "AGENT_SESSION_ID": "ses_1", "IS_SANDBOX": "1",
           "AGENT_OUTCOME_FILE": str(tmp_path / "outcome.json")}  # fmt: skip
    environment = Commands(runtime.url, tmp_path, "token").environment(job)

    words = ("one", "--agent", "tester", "--prompt", "do it", "--project-dir", str(tmp_path))
    loaded = loaded_by(str(COMMANDS / "ao-start"), *words, environment=environment)
    loaded -= loaded_by("-c", f"import {PYTHON_OF_A_RUN.replace(' ', ', ')}")

    ours = {f"runtime_client.{part}" for part in CALLS | SENDS | {"question_calls", "reasons", "retry", "this_host"}}
    ours |= {f"agent_backends.{part}" for part in OF_EVERY_RUN | RUNS[backend]}
    rooms = {module.rpartition(".")[0] for module in ours}
    assert loaded - rooms == ours
