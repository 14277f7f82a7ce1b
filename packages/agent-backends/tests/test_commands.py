"""The `ao-*` commands against a real runtime: data on standard output, sentences on standard error, exit statuses."""

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from agent_backends.client.accounts import fingerprint
from agent_backends.job.run import has_asked
from runtime_client.address import RuntimeAddress, find_runtime
from runtime_client.client import RuntimeClient
from support.agents import add_agent
from support.commands import COMMANDS, Commands
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

NAMES = sorted(path.name for path in COMMANDS.iterdir() if path.name.startswith("ao-") and path.suffix != ".lock")

BOTH = ("stdout", "stderr")


def test_a_session_is_started_read_resumed_and_deleted(commands: Commands) -> None:
    started = commands.run("ao-start", "life", "--agent", "echo", "-p", "hello 🎉")
    status = commands.run("ao-status", "life")
    resumed = commands.run("ao-resume", "life", "--json", stdin="second")
    result = commands.run("ao-get-result", "life", "--json")
    logs = commands.run("ao-logs", "life", "--json", "--follow")
    deleted = commands.run("ao-delete", "life", "--yes")
    gone = commands.run("ao-status", "life", "--json")

    types = [json.loads(line)["type"] for line in logs.out.splitlines()]
    assert (started.exit_code, started.out, started.err) == (0, "hello 🎉\n", "")
    assert (status.exit_code, status.out) == (0, "finished\n")
    assert json.loads(resumed.out)["result"] == "second"
    assert json.loads(result.out)["result"] == "second"
    assert [types.count(kind) for kind in ("session_start", "result", "session_stop", "job.completed")] == [2, 2, 2, 2]
    assert (deleted.exit_code, deleted.out) == (0, "life\n")
    assert (gone.exit_code, json.loads(gone.out)) == (3, {"status": "not_existent"})


def test_a_prompt_of_five_megabytes_goes_in_and_comes_out(commands: Commands) -> None:
    prompt = "0123456789abcde\n" * 327_680

    said = commands.run("ao-start", "giant", "--agent", "repo-report", stdin=prompt)

    assert (said.exit_code, said.err) == (0, "")


def test_a_broken_blueprint_is_listed_with_its_sentence_beside_the_good_ones(
    runtime: RuntimeProcess, commands: Commands
) -> None:
    folder = runtime.folder / ".agent-orchestrator" / "agents" / "brk"
    folder.mkdir(parents=True)
    (folder / "agent.json").write_text('{"name":"brk","backend":"command","command":["true"],}')

    table = commands.run("ao-list-blueprints")
    listed = commands.run("ao-list-blueprints", "--json")
    refused = commands.run("ao-start", "of-broken", "--agent", "brk", "-p", "x")

    errors = {agent["name"]: agent["error"] for agent in json.loads(listed.out)["agents"]}
    assert (table.exit_code, table.err, listed.exit_code, listed.err) == (0, "", 0, "")
    assert [line.split()[:3] for line in table.out.splitlines() if line.startswith("brk")] == [["brk", "-", "broken"]]
    assert "is not JSON" in errors["brk"]
    assert errors["echo"] is None
    assert (refused.exit_code, "is not JSON" in refused.err) == (4, True)


def test_a_failing_agent_ends_the_command_with_1_and_its_sentence(
    runtime: RuntimeProcess, commands: Commands, tmp_path: Path
) -> None:
    with_token = runtime.api
    add_agent(with_token, tmp_path, "failing", "import sys; sys.exit('broken for good')")
    with_token.close()

    started = commands.run("ao-start", "fails", "--agent", "failing", "-p", "x", "--json")
    result = commands.run("ao-get-result", "fails")
    waited = commands.run("ao-wait", "fails", "--json")

    told = json.loads(started.out)
    assert (started.exit_code, told["status"], told["reason"]) == (1, "failed", "nonzero_exit")
    assert "exited with 1: broken for good" in told["error"]
    assert (result.exit_code, result.out) == (1, "")
    assert waited.exit_code == 1
    assert json.loads(waited.out)["sessions"][0]["reason"] == "nonzero_exit"


def test_an_agent_asks_by_a_command_and_goes_on_with_the_answer(
    runtime: RuntimeProcess, commands: Commands, tmp_path: Path
) -> None:
    ask = "['ao-ask', 'Which colour?', '--choice', 'red', '--choice', 'blue']"
    with_token = runtime.api
    add_agent(with_token, tmp_path, "asker", f"import subprocess; print(subprocess.check_output({ask}, text=True))")
    with_token.close()
    asking = commands.start("ao-start", "asks", "--agent", "asker", "-p", "x")
    wait_until(lambda: "asks" in commands.run("ao-questions").out, "the question is listed")

    (listed,) = json.loads(commands.run("ao-questions", "asks", "--json").out)["questions"]
    shown = commands.run("ao-questions", "asks")
    status = commands.run("ao-status", "asks")
    client = RuntimeClient(find_runtime(commands.environment()))
    cannot_stall = has_asked(client, "asks")
    refused = commands.run("ao-answer", listed["question_id"], "green")
    answered = commands.run("ao-answer", listed["question_id"], "red")
    again = commands.run("ao-answer", listed["question_id"], "red")
    otherwise = commands.run("ao-answer", listed["question_id"], "blue")
    out, _ = asking.communicate(timeout=60)

    assert "Which colour? [red | blue]" in shown.out
    assert status.out == "waiting_input\n"
    assert (refused.exit_code, "one of 'red', 'blue' is expected, found 'green'" in refused.err) == (2, True)
    assert (answered.exit_code, again.exit_code, otherwise.exit_code) == (0, 0, 4)
    assert "was answered already, and otherwise" in otherwise.err
    assert out.strip() == b"red"
    assert (cannot_stall, has_asked(client, "asks")) == (True, False)
    client.close()
    assert has_asked(RuntimeClient(RuntimeAddress("http://127.0.0.1:9", None)), "asks")


def test_ctrl_c_stops_the_agent_and_the_runtime_knows(
    runtime: RuntimeProcess, commands: Commands, tmp_path: Path
) -> None:
    with_token = runtime.api
    program = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(600)"
    add_agent(with_token, tmp_path, "sleeper", program)
    with_token.close()
    process = commands.start("ao-start", "interrupted", "--agent", "sleeper", "-p", "x")
    wait_until((tmp_path / "ready").exists, "the agent is at work")

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert process.returncode == 130
    assert commands.run("ao-status", "interrupted").out == "stopped\n"


@pytest.mark.parametrize(("program", "exit_code"), [("print('done')", 0), ("import sys; print('x'); sys.exit(3)", 1)])
def test_the_exit_status_is_the_agents_although_nothing_can_be_printed(
    runtime: RuntimeProcess, commands: Commands, tmp_path: Path, program: str, exit_code: int
) -> None:
    with_token = runtime.api
    add_agent(with_token, tmp_path, f"unheard-{exit_code}", program)
    with_token.close()

    for to, kept in ((("stdout",), b"No space left on device (the session has the result: ao-get-result"), (BOTH, b"")):
        name = f"unheard-{exit_code}-{len(to)}"
        done = commands.run_into_full(to, "ao-start", name, "--agent", f"unheard-{exit_code}", "-p", "x")
        assert done.returncode == exit_code
        assert kept in done.stderr
        assert b"Traceback" not in done.stderr


def test_data_that_cannot_be_printed_is_a_sentence_and_exit_code_74(commands: Commands) -> None:
    listed = commands.run_into_full(("stdout",), "ao-list-blueprints")
    helped = commands.run_into_full(("stdout",), "ao-list-blueprints", "--help")
    ordered = commands.run_into_full(("stdout",), "ao-start", "ordered-unheard", "--agent", "echo", "-p", "x", "-d")

    assert (listed.returncode, helped.returncode, ordered.returncode) == (74, 74, 74)
    assert (
        listed.stderr
        == helped.stderr
        == b"ao-list-blueprints: cannot write to standard output: No space left on device\n"
    )
    assert b" is created, but cannot write to standard output" in ordered.stderr


def test_a_command_that_is_killed_takes_its_agent_and_all_that_it_started_along(
    runtime: RuntimeProcess, commands: Commands, tmp_path: Path
) -> None:
    with_token = runtime.api
    program = """
        import os, pathlib, subprocess, time
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        pathlib.Path("pids.new").write_text(f"{os.getpid()} {child.pid}")
        os.rename("pids.new", "pids")
        time.sleep(600)
        """
    add_agent(with_token, tmp_path, "orphan", program)
    with_token.close()
    process = commands.start("ao-start", "killed", "--agent", "orphan", "-p", "x")
    wait_until((tmp_path / "pids").exists, "the agent is at work")
    pids = [int(word) for word in (tmp_path / "pids").read_text().split()]

    process.kill()
    process.communicate(timeout=30)

    wait_until(lambda: not any(_lives(pid) for pid in pids), "the agent and its child are gone")


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_command_in_the_foreground_is_never_given_the_job_of_somebody_else(
    runtime: RuntimeProcess, commands: Commands
) -> None:
    commands.run("ao-start", "foreign", "--agent", "echo", "-p", "x", "--detach")
    started = commands.run("ao-start", "typed", "--agent", "echo", "-p", "hello")
    with_token = runtime.api
    moves = [event["type"] for event in with_token.events("foreign")]
    with_token.close()
    commands.run("ao-stop", "foreign")

    assert (started.exit_code, started.out, started.err) == (0, "hello\n", "")
    assert "job.claimed" not in moves


def test_a_foreground_job_can_be_stopped_by_somebody_else(
    runtime: RuntimeProcess, commands: Commands, tmp_path: Path
) -> None:
    with_token = runtime.api
    program = "import pathlib, time; pathlib.Path('ready').touch(); time.sleep(600)"
    add_agent(with_token, tmp_path, "sleeper-two", program)
    key = {"ANTHROPIC_API_KEY": "sk-ant-of-a-test"}
    process = commands.start("ao-start", "halted", "--agent", "sleeper-two", "-p", "x", environment=key)
    wait_until((tmp_path / "ready").exists, "the agent is at work")
    told = {one["client"]: one for launcher in with_token.launchers() for one in launcher["clients"] or ()}
    with_token.close()

    stopped = commands.run("ao-stop", "halted", "--json")
    process.communicate(timeout=30)
    waited = commands.run("ao-wait", "halted", "--timeout", "20")

    assert len(json.loads(stopped.out)["sessions"][0]["stopped_jobs"]) == 1
    assert (process.returncode, waited.exit_code, waited.out) == (7, 7, "halted: stopped\n")
    # If it runs into the account's limit, launchers with the same account need not.
    assert told["claude"]["account"] == fingerprint("sk-ant-of-a-test", None)


def test_a_timeout_is_a_failure_with_its_own_reason(
    runtime: RuntimeProcess, commands: Commands, tmp_path: Path
) -> None:
    with_token = runtime.api
    add_agent(with_token, tmp_path, "slow", "import time; time.sleep(600)")
    with_token.close()

    said = commands.run("ao-start", "late", "--agent", "slow", "-p", "x", "--timeout", "0.5", "--json")

    assert (said.exit_code, json.loads(said.out)["reason"]) == (1, "timed_out")


def test_a_detached_start_is_a_job_that_waits_until_it_is_stopped(commands: Commands) -> None:
    started = commands.run("ao-start", "later", "--agent", "echo", "-p", "x", "--detach", "--json")
    waiting = commands.run("ao-wait", "later", "--timeout", "0")
    result = commands.run("ao-get-result", "later")
    busy = commands.run("ao-delete", "later", "--yes")
    stopped = commands.run("ao-stop", "later")
    both = commands.run("ao-wait", "later", "--any")

    job_id = json.loads(started.out)["job_id"]
    assert [waiting.exit_code, result.exit_code, busy.exit_code] == [6, 6, 4]
    assert stopped.out == f"later  {job_id}  withdrawn: x\n"
    assert both.exit_code == 7


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (("ao-start", "x1", "--agent", "nobody", "-p", "x"), 3, "agent_unknown"),
        (("ao-resume", "nobody", "-p", "x"), 3, "session_unknown"),
        (("ao-get-result", "nobody"), 3, "session_unknown"),
        (("ao-wait", "nobody"), 3, "session_unknown"),
        (("ao-delete", "nobody", "--yes"), 3, "session_unknown"),
        (("ao-stop", "nobody"), 3, "session_unknown"),
        (("ao-start", "name with spaces", "--agent", "echo", "-p", "x"), 2, "invalid_parameters"),
        (("ao-start", "n" * 61, "--agent", "echo", "-p", "x"), 2, "invalid_parameters"),
        (("ao-start", "Grüße", "--agent", "echo", "-p", "x"), 2, "invalid_parameters"),
        (("ao-start", "x2", "--agent", "echo", "-p", " "), 2, "invalid_parameters"),
        (("ao-start", "x3", "--agent", "echo", "-p", "x", "--label", "nonsense"), 2, "invalid_parameters"),
        (("ao-start", "x4", "--agent", "echo", "-p", "x", "--callback"), 2, "invalid_parameters"),
        (("ao-start", "x5", "--agent", "echo", "-p", "x", "--parent", "x5"), 2, "invalid_parameters"),
    ],
)
def test_a_mistake_gets_one_sentence_one_code_and_its_exit_status(
    commands: Commands, arguments: tuple[str, ...], exit_code: int, code: str
) -> None:
    said = commands.run(*arguments, "--json")

    told = json.loads(said.err)
    assert (said.exit_code, told["code"]) == (exit_code, code)
    assert "\n" not in told["detail"]


@pytest.mark.parametrize(
    ("stdin", "sentence"),
    [(b"a\0b", "found a NUL character"), (b"\xff", "expected UTF-8, found byte 0xff"), (b"", "the prompt is empty")],
)
def test_a_prompt_that_is_no_text_is_refused_before_anything_is_sent(
    commands: Commands, stdin: bytes, sentence: str
) -> None:
    said = commands.run("ao-start", "never", "--agent", "echo", stdin=stdin)

    assert (said.exit_code, said.out) == (2, "")
    assert sentence in said.err
    assert commands.run("ao-status", "never").exit_code == 3


def test_a_name_that_is_taken_is_a_conflict(commands: Commands) -> None:
    commands.run("ao-start", "taken", "--agent", "echo", "-p", "x")

    assert commands.run("ao-start", "taken", "--agent", "echo", "-p", "x").exit_code == 4


def test_lists_are_tables_for_people_and_json_for_programs(commands: Commands) -> None:
    commands.run("ao-start", "listed", "--agent", "echo", "-p", "x")

    table = commands.run("ao-list-sessions")
    listed = commands.run("ao-list-sessions", "--json", "--agent", "echo")
    agents = commands.run("ao-list-blueprints", "--json")
    config = commands.run("ao-show-config", "--json")

    assert table.out.startswith("NAME ")
    assert "listed" in {session["session_name"] for session in json.loads(listed.out)["sessions"]}
    assert {"echo", "repo-report"} <= {agent["name"] for agent in json.loads(agents.out)["agents"]}
    assert (json.loads(config.out)["runtime"], json.loads(config.out)["access"]) == ("ok", "granted")
    assert str(commands.token) not in config.out


# One shows that it is away, the other one waits until it is back.
@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"ao-show-config", "ao-ask"}])
def test_without_a_runtime_every_command_ends_with_5_and_says_how_to_start_it(name: str, tmp_path: Path) -> None:
    alone = Commands("http://127.0.0.1:9", tmp_path)
    listing = {"ao-list-sessions", "ao-list-blueprints", "ao-delete-all", "ao-questions"}
    others = {"ao-answer": ["some", "allow"], "ao-notify": ["list"]}
    arguments = [] if name in listing else others.get(name, ["some"])
    prompt = ["-p", "x"] if name in {"ao-start", "ao-resume"} else ["--yes"] if name.startswith("ao-delete") else []

    said = alone.run(name, *arguments, *prompt)

    assert (said.exit_code, said.out) == (5, "")
    assert "cannot reach the Agent Runtime at 'http://127.0.0.1:9'" in said.err
    assert "uv run agent-runtime" in said.err


@pytest.mark.parametrize("name", NAMES)
def test_wrong_usage_ends_with_2(name: str, tmp_path: Path) -> None:
    assert Commands("http://127.0.0.1:9", tmp_path).run(name, "--no-such-option").exit_code == 2


def test_a_wrong_token_is_shown_as_one(runtime: RuntimeProcess, tmp_path: Path) -> None:
    said = Commands(runtime.url, tmp_path, "wrong").run("ao-show-config", "--json")

    shown = json.loads(said.out)
    assert (shown["runtime"], shown["access"]) == ("ok", "refused")
    assert "did not accept the token from AGENT_RUNTIME_TOKEN" in shown["error"]


@pytest.mark.parametrize("arguments", [("ao-delete", "kept"), ("ao-delete-all",)])
def test_nothing_is_deleted_without_a_yes(commands: Commands, arguments: tuple[str, ...]) -> None:
    commands.run("ao-start", "kept", "--agent", "echo", "-p", "x")

    said = commands.run(*arguments, stdin="y\n")

    assert (said.exit_code, said.out) == (2, "")
    assert "nothing was deleted" in said.err
    assert "--yes" in said.err
    assert commands.run("ao-status", "kept").out == "finished\n"


@pytest.mark.parametrize(("answer", "status", "left"), [("n", 1, "finished"), ("", 1, "finished"), ("y", 0, "gone")])
def test_a_person_is_asked_before_a_session_is_deleted(commands: Commands, answer: str, status: int, left: str) -> None:
    name = f"asked-{answer}"
    commands.run("ao-start", name, "--agent", "echo", "-p", "x")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        commands.command("ao-delete", name), env=commands.environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(ours, 1000)
    os.write(ours, answer.encode() + b"\n")

    assert process.wait(60) == status
    os.close(ours)
    assert f"Delete '{name}' with all that was recorded there?" in seen.decode()
    assert (commands.run("ao-status", name).exit_code == 3) == (left == "gone")


def test_a_start_that_failed_before_its_agent_ran_is_started_again_under_its_name(
    commands: Commands, tmp_path: Path
) -> None:
    start = ("ao-start", "typo", "--agent", "echo", "-p", "x", "--project-dir")

    failed = commands.run(*start, str(tmp_path / "no-such-folder"))
    mended = commands.run(*start, str(tmp_path))
    taken = commands.run(*start, str(tmp_path))

    assert (failed.exit_code, mended.exit_code, taken.exit_code) == (1, 0, 4), failed.err + mended.err
