"""Any program is an agent: what goes in, what comes out, and that nothing of it stays."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from agent_backends.blueprint import Blueprint
from agent_backends.client.private_files import private_folder
from agent_backends.command.backend import CommandBackend
from agent_backends.command.output_lines import (
    HEAD_CHARACTERS_MAX,
    LINE_CHARACTERS_MAX,
    SINGLE_LINES_MAX,
    TAIL_CHARACTERS_MAX,
    OutputLines,
)
from agent_backends.protocol import AgentEvent, Ending, Message, Outcome, Started, Turn
from runtime_client.reasons import Reason
from runtime_client.sending.shortening import cut_to_bytes, left_out_note
from support.waiting import wait_until


def turn(folder: Path, program: str, prompt: str = "hello", *, resumed: bool = False, **options: bool) -> Turn:
    script = folder / "agent.py"
    script.write_text(program, encoding="utf-8")
    blueprint = Blueprint("tester", "command", command=(sys.executable, str(script)), options=options)
    environment = {"PATH": os.environ["PATH"], "AGENT_JOB_ID": "job_1"}
    return Turn("one", "ses_1", prompt, folder, blueprint, None, resumed, environment)


def run(asked: Turn, events: list[AgentEvent] | None = None) -> Outcome:
    emit: Callable[[AgentEvent], None] = (lambda _: None) if events is None else events.append
    return asyncio.run(CommandBackend().run(asked, emit, asyncio.Event()))


async def stopped_when(asked: Turn, is_time: Callable[[], bool]) -> Outcome:
    """Run a turn and stop it as soon as the condition holds."""
    stop = asyncio.Event()
    running = asyncio.create_task(CommandBackend().run(asked, lambda _: None, stop))
    await asyncio.to_thread(wait_until, is_time, "the agent is at work")
    stop.set()
    return await running


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_the_output_is_the_result_and_each_line_a_message(tmp_path: Path) -> None:
    events: list[AgentEvent] = []

    outcome = run(turn(tmp_path, "print('one')\nprint()\nprint('two')"), events)

    assert outcome == Outcome(Ending.COMPLETED, result_text="one\n\ntwo\n")
    assert events == [Started(), Message("one"), Message("two")]


@pytest.mark.parametrize("prompt", ["hello", "Grüße 🎉\n\ttabs", "-rf --help $HOME `id` 'q' \"q\"", "x" * 5_000_000])
def test_the_prompt_arrives_whole_on_standard_input_and_in_the_file(tmp_path: Path, prompt: str) -> None:
    program = (
        "import os, sys, pathlib\n"
        "said = sys.stdin.buffer.read()\n"
        "assert said == pathlib.Path(os.environ['AGENT_PROMPT_FILE']).read_bytes()\n"
        "pathlib.Path('said').write_bytes(said)\n"
        "print('ok')\n"
    )

    outcome = run(turn(tmp_path, program, prompt))

    assert outcome.ending is Ending.COMPLETED
    assert (tmp_path / "said").read_text("utf-8") == prompt


def test_a_program_that_reads_nothing_of_a_long_prompt_ends_as_it_likes(tmp_path: Path) -> None:
    assert run(turn(tmp_path, "print('done')", "x" * 5_000_000)).result_text == "done\n"


def test_the_program_knows_its_session_its_folder_and_whether_it_is_resumed(tmp_path: Path) -> None:
    program = (
        "import os\n"
        "names = ('AGENT_SESSION_NAME', 'AGENT_SESSION_ID', 'AGENT_RESUMED', 'AGENT_JOB_ID')\n"
        "print(*[os.environ[name] for name in names], os.getcwd())\n"
    )

    outcome = run(turn(tmp_path, program, resumed=True))

    assert outcome.result_text == f"one ses_1 true job_1 {tmp_path}\n"


def test_the_prompt_file_is_gone_after_the_turn(tmp_path: Path) -> None:
    outcome = run(turn(tmp_path, "import os; print(os.environ['AGENT_PROMPT_FILE'])"))

    assert not Path(outcome.result_text.strip()).parent.exists()


def test_a_failing_program_is_told_with_its_status_and_its_last_words(tmp_path: Path) -> None:
    outcome = run(turn(tmp_path, "import sys; print('half'); print('no disk', file=sys.stderr); sys.exit(3)"))

    assert outcome == Outcome(
        Ending.FAILED,
        result_text="half\n",
        reason=Reason.NONZERO_EXIT,
        error="agent 'tester' exited with 3: no disk",
        exit_code=3,
    )


def test_a_program_that_a_signal_ended_is_told_with_the_signals_name(tmp_path: Path) -> None:
    outcome = run(turn(tmp_path, "import os; os.kill(os.getpid(), 9)"))

    assert (outcome.reason, outcome.signal, outcome.error) == (
        Reason.SIGNAL,
        9,
        (
            "agent 'tester' was ended by SIGKILL and said nothing on standard error"
            " (killed from outside, most often because the memory ran out)"
        ),
    )


@pytest.mark.parametrize("program", ["", "print('  ')"])
def test_saying_nothing_is_a_failure(tmp_path: Path, program: str) -> None:
    outcome = run(turn(tmp_path, program))

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.EMPTY_RESULT)
    assert outcome.error is not None
    assert "'allow_empty_result'" in outcome.error


def test_saying_nothing_is_fine_where_the_blueprint_says_so(tmp_path: Path) -> None:
    assert run(turn(tmp_path, "", allow_empty_result=True)) == Outcome(Ending.COMPLETED)


def test_an_option_that_nobody_knows_is_refused_with_the_one_that_was_meant(tmp_path: Path) -> None:
    outcome = run(turn(tmp_path, "", allow_empty_results=True))

    assert outcome.reason is Reason.INVALID_PARAMETERS
    assert "no 'allow_empty_results' in its 'options' (did you mean 'allow_empty_result'?)" in str(outcome.error)


def test_a_program_that_is_not_there_is_a_missing_backend(tmp_path: Path) -> None:
    blueprint = Blueprint("tester", "command", command=("./no-such-program",))

    outcome = run(Turn("one", "ses_1", "x", tmp_path, blueprint, None, False, {}))

    assert (outcome.reason, outcome.error) == (
        Reason.BACKEND_MISSING,
        (
            f"cannot start agent 'tester': command './no-such-program' in '{tmp_path}': there is no such file"
            " (check 'command' in its agent.json)"
        ),
    )


def test_a_blueprint_without_a_command_is_a_missing_backend(tmp_path: Path) -> None:
    outcome = run(Turn("one", "ses_1", "x", tmp_path, Blueprint("tester", "command"), None, False, {}))

    assert (outcome.reason, outcome.error) == (
        Reason.BACKEND_MISSING,
        "cannot run agent 'tester': its agent.json names no 'command'",
    )


def test_bytes_that_are_no_text_are_replaced_and_lose_nothing_else(tmp_path: Path) -> None:
    outcome = run(turn(tmp_path, "import sys; sys.stdout.buffer.write(b'a\\xff\\xfeb \\xf0\\x9f\\x8e\\x89\\n')"))

    assert outcome.result_text == "a\ufffd\ufffdb 🎉\n"


def test_a_stopped_program_and_all_that_it_started_are_gone(tmp_path: Path) -> None:
    program = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    noted = tmp_path / "child"

    outcome = asyncio.run(stopped_when(turn(tmp_path, program), lambda: noted.exists() and bool(noted.read_text())))

    assert outcome.ending is Ending.STOPPED
    wait_until(lambda: not is_running(int(noted.read_text())), "the child is gone")


def test_a_stop_lets_the_program_say_its_last_words(tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n    print('saved', flush=True)\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path('ready').touch()\n"
        "time.sleep(600)\n"
    )

    outcome = asyncio.run(stopped_when(turn(tmp_path, program), (tmp_path / "ready").exists))

    assert outcome == Outcome(Ending.STOPPED, result_text="saved\n")


def test_a_child_that_keeps_the_output_open_does_not_keep_the_turn_open(tmp_path: Path) -> None:
    program = (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('child').write_text(str(child.pid))\n"
        "print('done', flush=True)\n"
    )

    outcome = run(turn(tmp_path, program))

    wait_until(lambda: not is_running(int((tmp_path / "child").read_text())), "the child is gone")
    assert outcome == Outcome(Ending.COMPLETED, result_text="done\n")


def test_a_long_line_is_told_in_parts_and_kept_whole() -> None:
    told: list[str] = []
    lines = OutputLines(told.append)

    lines.feed(b"x" * (LINE_CHARACTERS_MAX * 2 + 5))
    whole = lines.finish()

    assert [len(part) for part in told] == [LINE_CHARACTERS_MAX, LINE_CHARACTERS_MAX, 5]
    assert len(whole) == LINE_CHARACTERS_MAX * 2 + 5


def test_of_a_long_output_the_beginning_and_the_end_are_kept_and_what_is_missing_is_told() -> None:
    lines = OutputLines(lambda _: None)

    for piece in (
        b"HEAD",
        b"x" * (HEAD_CHARACTERS_MAX - 4),
        b"y" * 7_000_000,
        b"z" * (TAIL_CHARACTERS_MAX - 4),
        b"TAIL",
    ):
        lines.feed(piece)
    whole = lines.finish()
    shown = cut_to_bytes(whole, 1000)

    assert len(whole) == HEAD_CHARACTERS_MAX + TAIL_CHARACTERS_MAX + len(left_out_note(7_000_000))
    assert left_out_note(7_000_000) in whole
    assert (shown[:5], shown[-5:]) == ("HEADx", "zTAIL")
    kept = len(re.sub(r"\n.*\n", "", shown))
    assert left_out_note(HEAD_CHARACTERS_MAX + 7_000_000 + TAIL_CHARACTERS_MAX - kept) in shown


def test_one_limit_holds_for_standard_output_and_standard_error_together(tmp_path: Path) -> None:
    program = "import sys\nwhile True: print('out' * 20); print('err' * 20, file=sys.stderr)"
    asked = turn(tmp_path, program)
    events: list[AgentEvent] = []

    outcome = run(Turn(**{**vars(asked), "output_limit_bytes": 200_000}), events)

    assert (outcome.ending, outcome.reason) == (Ending.FAILED, Reason.OUTPUT_LIMIT)
    assert "wrote more than it may, 200000 bytes on standard output and standard error together" in str(outcome.error)
    assert 50_000 < len(outcome.result_text) < 200_000
    assert sum(len(event.text) for event in events if isinstance(event, Message)) < 200_000


def test_a_character_cut_by_a_read_is_put_together_again() -> None:
    told: list[str] = []
    lines = OutputLines(told.append)

    for byte in "ä🎉\n".encode():
        lines.feed(bytes([byte]))

    assert (told, lines.finish()) == (["ä🎉"], "ä🎉\n")


def test_a_program_that_never_stops_printing_is_told_in_blocks() -> None:
    told: list[str] = []
    lines = OutputLines(told.append)

    lines.feed(b"line\n" * SINGLE_LINES_MAX)
    lines.feed(b"more\n" * 1000)

    assert told[SINGLE_LINES_MAX:] == ["more\n" * 999 + "more"]


SCRIPTS = {
    "Windows line ends": ("#!/bin/sh\r\necho hi\r\n", 0o755, "its lines end as on Windows"),
    "no interpreter": ("#!/no/such/program -x\n", 0o755, "its interpreter '/no/such/program' is not there"),
    "not executable": ("#!/bin/sh\n", 0o644, "it is not executable (chmod +x it)"),
    "no program": ("echo hi\n", 0o755, "it is neither a program nor a script with a '#!' line"),
}


@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_script_that_cannot_be_started_is_told_by_its_cause(tmp_path: Path, kind: str) -> None:
    text, mode, why = SCRIPTS[kind]
    (tmp_path / "script").write_bytes(text.encode())
    (tmp_path / "script").chmod(mode)
    asked = turn(tmp_path, "")

    outcome = run(replace(asked, blueprint=replace(asked.blueprint, command=("./script",))))

    assert outcome.reason is Reason.BACKEND_MISSING
    assert f"cannot start agent 'tester': command './script' in '{tmp_path}': {why}" in str(outcome.error)


@pytest.mark.parametrize(("status", "hint"), [(137, "the memory ran out"), (127, "did not find a program")])
def test_a_status_with_a_meaning_of_its_own_is_explained(tmp_path: Path, status: int, hint: str) -> None:
    outcome = run(turn(tmp_path, f"import sys; sys.exit({status})"))

    assert (outcome.reason, hint in str(outcome.error)) == (Reason.NONZERO_EXIT, True), outcome.error


@pytest.mark.parametrize("told", ["", "missing", "relative"])
def test_what_an_agent_is_given_lies_where_temporary_files_go_and_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: str
) -> None:
    place = told if told == "relative" else str(tmp_path / told)
    for name, value in (("TMPDIR", place), ("TEMP", str(tmp_path)), ("TMP", "")):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)

    with private_folder("agent-prompt-") as folder:
        assert folder.is_absolute()
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "left").mkdir()

    assert not folder.exists()
