"""`ao-start` cannot be started, or dies at once: the job fails with a sentence, and the session shows it."""

import pytest

from faults.bench import Bench

CASES = {
    "not executable": ("#!/bin/sh\n", 0o644, "it is not executable (chmod +x it)"),
    "bad interpreter": ("#!/no/such/program\n", 0o755, "its interpreter '/no/such/program' does not exist"),
    "dies at once": ("#!/bin/sh\necho 'no network here' >&2\nexit 12\n", 0o755, "no network here"),
    "dies silently": ("#!/bin/sh\nexit 12\n", 0o755, "the command ended with code 12 without any output"),
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
