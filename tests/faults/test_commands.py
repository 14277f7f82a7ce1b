"""`ao-start` cannot be started, or dies at once: the job fails with a sentence, and the session shows it."""

import sys
from pathlib import Path

import pytest

from faults.bench import Bench
from support.agents import add_agent
from support.project import REPOSITORY

CASES = {
    "not executable": ("#!/bin/sh\n", 0o644, "it is not executable (chmod +x it)"),
    "bad interpreter": ("#!/no/such/program\n", 0o755, "its interpreter '/no/such/program' does not exist"),
    "dies at once": ("#!/bin/sh\necho 'no network here' >&2\nexit 12\n", 0o755, "no network here"),
    "dies silently": ("#!/bin/sh\nexit 12\n", 0o755, "the command ended with code 12 without any output"),
    "Windows line ends": ("#!/bin/sh\r\nexit 0\r\n", 0o755, "its lines end as on Windows"),
    "is killed": ("#!/bin/sh\nkill -9 $$\n", 0o755, "the command was ended by signal 9 without any output"),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_command_that_does_not_work_is_a_failed_job_with_a_sentence(bench: Bench, kind: str) -> None:
    text, mode, sentence = CASES[kind]
    bench.project.put_command("ao-start", text, mode)
    bench.launcher.start()
    ended = bench.end_of(bench.order())

    assert ended["status"] == "failed"
    assert sentence in str(ended["error"])
    assert bench.api.session_status(ended["session_id"]) == "failed"


def test_a_missing_command_is_a_failed_job_with_a_sentence(bench: Bench) -> None:
    bench.launcher.environment["PATH"] = "/usr/bin:/bin"
    (bench.project.commands / "ao-start").unlink()
    bench.launcher.start()
    ended = bench.end_of(bench.order())

    assert (ended["status"], ended["reason"]) == ("failed", "spawn_failed")
    assert "the file does not exist, and there is no command of that name on PATH" in str(ended["error"])
    assert bench.api.session_status(ended["session_id"]) == "failed"


OURS = f"{sys.executable} {REPOSITORY / 'commands/ao-start'}"
WRAPPERS = {
    "passes all on": (f'exec {OURS} "$@"', ("completed", None)),
    "asks for help instead": (f'{OURS} --help "$@"', ("failed", "unwitnessed")),
    "swallows a wrong call": (f'{OURS} --nonsense "$@" || true', ("failed", "unwitnessed")),
    "is somebody else's": ("echo done", ("completed", "exit_status_only")),
}


@pytest.mark.parametrize("kind", WRAPPERS)
def test_an_exit_status_of_0_is_a_success_only_if_the_agent_ran_to_its_end(bench: Bench, kind: str) -> None:
    line, expected = WRAPPERS[kind]
    bench.project.put_command("ao-start", f"#!/bin/sh\n{line}\n")
    bench.launcher.start()
    ended = bench.end_of(bench.order("hello", agent_name="echo"))

    assert (ended["status"], ended["reason"]) == expected, ended
    assert (ended["reason_detail"] is not None) == (ended["reason"] == "exit_status_only")
    assert bench.api.session_status(ended["session_id"]) == ("finished" if ended["status"] == "completed" else "failed")


SWALLOWED = {
    "failure": ("print('no disk', file=sys.stderr); sys.exit(3)", "nonzero_exit", 3, "exited with 3: no disk"),
    "death": ("os.kill(os.getppid(), 9)", "unwitnessed", 0, "did not say that its agent ran to its end"),
}


@pytest.mark.parametrize("kind", SWALLOWED)
def test_what_a_wrapper_swallows_is_no_success(bench: Bench, tmp_path: Path, kind: str) -> None:
    act, reason, code, sentence = SWALLOWED[kind]
    add_agent(bench.api, tmp_path, f"breaks-by-{kind}", f"import os, sys\n{act}")
    bench.project.put_command("ao-start", f'#!/bin/sh\n{OURS} "$@" || true\n')
    bench.launcher.start()
    ended = bench.end_of(bench.order("hello", agent_name=f"breaks-by-{kind}"))

    assert (ended["status"], ended["reason"], ended["exit_code"]) == ("failed", reason, code)
    assert sentence in str(ended["error"])
