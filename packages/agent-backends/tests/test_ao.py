"""`ao`: the same work under one name, said to people, and quiet for scripts."""

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from runtime_client.verbs.all_verbs import VERBS
from runtime_client.version import VERSION
from support import shells
from support.agents import add_agent
from support.commands import COMMANDS, Commands
from support.desk import Desk
from support.marked_processes import processes_with
from support.runtime_process import RuntimeProcess
from support.terminal import Terminal

OWN = ".config/agent-orchestrator"


@pytest.fixture(scope="module", autouse=True)
def agents(runtime: RuntimeProcess) -> None:
    """The agents of these tests."""
    api = runtime.api
    add_agent(api, runtime.folder, "failing", "import sys; sys.exit('no key')")
    api.close()


def _job(commands: Commands, session: str) -> dict[str, Any]:
    """The newest job of a session that waits, as the queue tells it."""
    jobs = json.loads(commands.run("ao", "queue", "--json").out)["jobs"]
    found: dict[str, Any] = next(job for job in jobs if job["session_name"] == session)
    return found


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
    facts = json.loads(commands.run("ao", "show", "fails", "--json").out)

    assert "exited with 1: no key (see: " in facts["why"]
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
    commands.run("ao", "resume", "waits", "-p", "later", "--detach")
    held = commands.run("ao", "hold", "waits")
    queue = json.loads(commands.run("ao", "queue", "--json").out)["jobs"]
    commands.run("ao", "hold", "waits", "--lift")
    commands.run("ao", "stop", "waits")

    assert ["no launcher is connected" in said.out for said in waits] == [True, True]
    assert status.out == "pending\n"
    assert "no launcher is connected" in status.err
    assert (waited.exit_code, waited.err.count("no launcher is connected")) == (6, 1)
    assert (held.out.count("\n"), held.out.endswith("  held\n")) == (1, True)
    assert [job["reason"] for job in queue if job["session_name"] == "waits"] == ["session_busy", "held"]


def test_an_order_says_all_that_the_runtime_can_be_asked(commands: Commands) -> None:
    queue = ("--priority", "-3", "--at", "2150-01-31T03:00Z", "--queue-timeout", "2d", "--stop-grace", "1m")
    tries = ("--retries", "network=2,quota=until_reset", "--retries", "within_seconds=6h", "--max-attempts", "3")
    terms = ("--questions", "expire_seconds=2h,at_expiry=stop", "--questions", "give_way_seconds=never")
    words = ("start", "later", "--agent", "echo", "-p", "x", "-d", *queue, *tries, *terms, "--rerun-lost", "1")

    first, again = (commands.run("ao", *words, "--idempotency-key", "the-one") for _ in range(2))
    job = _job(commands, "later")
    soon = commands.run("ao", "start", "sooner", "--agent", "echo", "-p", "x", "-d", "--in", "10h")
    sooner = _job(commands, "sooner")
    commands.run("ao", "stop", "later", "sooner")

    assert (first.out, soon.exit_code) == (again.out, 0)
    assert (job["priority"], job["stop_grace_seconds"], job["max_attempts"], job["rerun_lost"]) == (-3, 60, 3, 1)
    assert job["not_before"] == "2150-01-31T03:00:00.000000Z"
    assert job["queue_expires_at"] is not None
    retries = job["retries"]
    assert (retries["network"], retries["quota"], retries["within_seconds"]) == (2, "until_reset", 21_600)
    asked = {"expire_seconds": 7200, "at_expiry": "stop", "parent": None, "give_way_seconds": None}
    assert job["questions"] == asked
    assert sooner["reason"] == "not_before"


def test_options_that_cannot_hold_are_refused_with_what_to_do(commands: Commands) -> None:
    start = ("start", "never", "--agent", "echo", "-p", "x")
    for words, said in (
        (("--priority", "5"), "cannot use --priority in the foreground"),
        (("--in", "10m", "--max-attempts", "2"), "cannot use --in and --max-attempts in the foreground"),
        (("-d", "--in", "10m", "--at", "03:00"), "cannot use --in and --at together"),
        (("-d", "--in", "10m", "--idempotency-key", "k"), "said again, these words mean another time"),
        (("-d", "--priority", "101"), "expected a whole number, from -100 to 100"),
        (("-d", "--retries", "network"), "expected CLASS=NUMBER"),
        (("-d", "--retries", "netwrok=5"), "did you mean 'network'?"),
        (("-d", "--questions", "at_expiry"), "expected TERM=VALUE"),
        (("-d", "--questions", "at_expirry=stop"), "did you mean 'at_expiry'?"),
        (("-d", "--idempotency-key", "schlüssel"), "expected 1 to 200 letters, digits and signs of ASCII"),
        (("-d", "--launcher", "nobody"), "no launcher is called 'nobody'"),
        (("-d", "--prioriti", "5"), "did you mean '--priority'?"),
        (("--if-busy", "reject"), "there is no option '--if-busy'"),
    ):
        refused = commands.run("ao", *start, *words)
        assert (refused.exit_code, refused.out, said in refused.err) == (2, "", True), refused.err
    nameless = commands.run("ao", "start", "--agent", "echo", "-p", "x", "-d", "--idempotency-key", "k")
    assert (nameless.exit_code, "without a session's name" in nameless.err) == (2, True)
    assert commands.run("ao", "status", "never").out == "not_existent\n"


def test_a_launcher_is_named_by_its_name(commands: Commands, runtime: RuntimeProcess) -> None:
    api = runtime.api
    told = api.ask("POST", "/launcher/register", {"name": "night-shift"})
    try:
        made = commands.run("ao", "start", "here", "--agent", "echo", "-p", "x", "-d", "--launcher", "night-shift")
        other = commands.run("ao", "start", "not-here", "--agent", "echo", "-p", "x", "-d", "--launcher", "nightshift")
        offered = commands.run("ao", "__complete", "ao", "start", "--launcher", "ni").out
        claimed = api.ask("GET", f"/launcher/jobs?launcher_id={told['launcher_id']}&wait=10")
    finally:
        api.ask("DELETE", f"/launchers/{told['launcher_id']}")
        api.close()
    commands.run("ao", "stop", "here")

    assert made.out.strip() == cast("dict[str, str]", claimed["job"])["job_id"]
    assert "did you mean 'night-shift'?" in other.err
    assert offered == "night-shift\n"


def test_holds_are_listed_extended_and_lifted(commands: Commands, runtime: RuntimeProcess) -> None:
    nothing = commands.run("ao", "holds")
    with Desk(runtime.url, runtime.token) as desk:
        name = desk.use_up_limit("night-machine")
    (hold,) = json.loads(commands.run("ao", "holds", "--json").out)["holds"]
    listed, shown = commands.run("ao", "holds"), commands.run("ao", "ps").out
    half = commands.run("ao", "holds", "--extend", hold["hold_id"])
    longer = commands.run("ao", "holds", "--extend", hold["hold_id"], "--for", "3650d", "--json")
    unknown = commands.run("ao", "holds", "--lift", "hold_" + "0" * 26)
    lifted = commands.run("ao", "holds", "--lift", hold["hold_id"])
    commands.run("ao", "stop", name)

    assert (nothing.exit_code, nothing.out, nothing.err) == (0, "", "ao holds: no account is held\n")
    assert all(word in listed.out for word in (hold["hold_id"], "claude", "5-hour limit"))
    assert name in shown
    assert "5-hour limit" in shown
    assert (half.exit_code, "give --extend HOLD and --for DURATION" in half.err) == (2, True)
    assert json.loads(longer.out)["holds"][0]["until"] > hold["until"]
    assert (unknown.exit_code, "no hold" in unknown.err) == (3, True)
    assert (lifted.exit_code, lifted.out, lifted.err) == (0, "", "ao holds: no account is held\n")


def test_messages_that_wait_are_listed_changed_and_taken_back(commands: Commands) -> None:
    commands.run("ao", "start", "talk", "--agent", "echo", "-p", "first", "-q")
    second, third = (commands.run("ao", "resume", "talk", "-p", word, "-d").out.strip() for word in ("second", "third"))

    listed = commands.run("ao", "messages", "talk")
    several = commands.run("ao", "edit", "talk", "-p", "other")
    busy = commands.run("ao", "resume", "talk", "-p", "x", "-d", "--if-busy", "reject")
    taken_back = commands.run("ao", "withdraw", third)
    edited = commands.run("ao", "edit", "talk", stdin="other words")
    told = json.loads(commands.run("ao", "messages", "talk", "--json").out)["messages"]
    late = commands.run("ao", "withdraw", third)
    attempts = commands.run("ao", "attempts", "talk")
    commands.run("ao", "stop", "talk")

    assert [line.split()[1] for line in listed.out.splitlines()] == ["STATE", "accepted", "accepted", "consumed"]
    assert (several.exit_code, f"{third}, {second}" in several.err) == (2, True)
    assert (busy.exit_code, taken_back.out, edited.out) == (4, f"{third}  withdrawn\n", f"{second}\n")
    assert [(one["state"], one["prompt_preview"]) for one in told] == [
        ("withdrawn", "third"),
        ("accepted", "other words"),
        ("consumed", "first"),
    ]
    assert (late.exit_code, attempts.out) == (4, "")
    assert "no launcher has had job" in attempts.err


def test_each_try_is_listed_with_what_came_of_it(commands: Commands) -> None:
    commands.run("ao", "start", "tried", "--agent", "failing", "-p", "x", "-q")

    listed, told = commands.run("ao", "attempts", "tried"), commands.run("ao", "attempts", "tried", "--json")

    assert "nonzero_exit: " in listed.out
    assert [(one["attempt"], one["status"]) for one in json.loads(told.out)["attempts"]] == [(1, "failed")]


def test_a_program_that_hangs_is_told_of_and_then_stopped_with_all_that_it_started(
    runtime: RuntimeProcess, commands: Commands
) -> None:
    api = runtime.api
    stalls = {"told_after_seconds": 0.5, "stopped_after_seconds": 1}
    hangs = {"name": "hangs", "command": ["sh", "-c", "echo begun; sleep 600 & wait"], "stalls": stalls}
    api.ask("POST", "/agents", hangs)
    ended = commands.run("ao-start", "stuck", "--agent", "hangs", "-p", "x", "--json")
    told = [event for event in api.events("stuck") if event["type"] == "session.stalled"]
    api.close()

    outcome = json.loads(ended.out)
    assert (ended.exit_code, outcome["reason"], outcome["result"]) == (1, "stalled", "begun\n")
    assert "agent 'hangs' has stalled: its program runs" in outcome["error"]
    assert [event["data"]["waits_for"] for event in told] == ["program"]
    assert not processes_with("AGENT_SESSION_NAME", "stuck")


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
    file = commands.folder / OWN / "config.toml"
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
