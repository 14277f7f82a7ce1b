"""What a command finds when it begins, and the sentence for each way in which it cannot."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from launcher_rig.commands import CommandProject
from launcher_rig.keeper_under_test import KeeperUnderTest

from lib.keeper import words
from lib.wire.models import JsonObject

# `PARALLEL_STARTS=1000` in the environment does it a thousand times.
PARALLEL_STARTS = int(os.environ.get("PARALLEL_STARTS", "64"))


def end_of(keeper: KeeperUnderTest, argv: list[str] | None = None, **launch: str) -> JsonObject:
    keeper.run("s", argv=argv, **launch)
    return keeper.end()


def test_a_command_that_does_not_exist_is_a_sentence(keeper: KeeperUnderTest, project: CommandProject) -> None:
    (project.commands / "ao-start").unlink()

    verdict = end_of(keeper)
    assert (verdict["reason"], verdict["error"]) == (
        "spawn_failed",
        (
            f"cannot start '{project.commands / 'ao-start'}': the file does not exist, "
            "and there is no command of that name on PATH"
        ),
    )


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        ("#!/bin/sh\n", 0o644, "it is not executable (chmod +x it)"),
        ("#!/no/such/interpreter\n", 0o755, "its interpreter '/no/such/interpreter' does not exist"),
        ("just text\n", 0o755, "it is neither a program nor a script with a '#!' line"),
    ],
)
def test_a_command_that_cannot_be_started_is_a_sentence(
    keeper: KeeperUnderTest, project: CommandProject, text: str, mode: int, why: str
) -> None:
    path = project.write("ao-start", text, mode)

    verdict = end_of(keeper)
    assert (verdict["reason"], verdict["error"]) == ("spawn_failed", f"cannot start '{path}': {why}")


def test_a_folder_and_a_circle_of_links_are_no_commands(keeper: KeeperUnderTest, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")

    assert "it is a folder, and a program is needed" in str(end_of(keeper, [str(tmp_path)])["error"])
    keeper.say(words.ACKNOWLEDGE, key="job_1.1")
    assert keeper.listed() is None
    assert "its path is a circle of links" in str(end_of(keeper, [str(tmp_path / "circle")])["error"])


def test_too_many_arguments_are_a_sentence(keeper: KeeperUnderTest) -> None:
    verdict = end_of(keeper, ["/bin/true", "x" * (1 << 18)])

    assert verdict["reason"] == "spawn_failed"
    why = "its arguments and environment are larger than this system allows"
    assert verdict["error"] == f"cannot start '/bin/true': {why}"


def test_a_nul_in_an_argument_is_a_sentence(keeper: KeeperUnderTest) -> None:
    verdict = end_of(keeper, ["/bin/true", "a\0b"])

    assert verdict["reason"] == "invalid_parameters"
    assert verdict["error"] == "cannot start '/bin/true': embedded null byte in its arguments"


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("/no/such/folder", "there is no such folder on this machine"),
        ("/etc/passwd", "it is a file, and a folder is needed"),
    ],
)
def test_a_project_folder_that_is_not_one_is_a_sentence(
    keeper: KeeperUnderTest, project: CommandProject, folder: str, why: str
) -> None:
    verdict = end_of(keeper, folder=folder)

    assert (verdict["reason"], verdict["error"]) == ("invalid_parameters", f"cannot work in '{folder}': {why}")
    assert project.ledger() == []


def test_a_link_where_the_output_belongs_is_not_followed(keeper: KeeperUnderTest, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (keeper.runs / "job_1.1").mkdir()
    (keeper.runs / "job_1.1" / words.OUTPUT_FILE).symlink_to(victim)
    refused = keeper.order("exit-0")
    assert (refused["say"], refused["code"]) == (words.REFUSED, "disk")
    assert keeper.listed() is None

    keeper.order("exit-0", "job_2.1")
    output = keeper.runs / "job_2.1" / words.OUTPUT_FILE
    output.unlink()
    output.symlink_to(victim)
    keeper.say(words.GO, key="job_2.1")

    assert keeper.end("job_2.1")["reason"] == "spawn_failed"
    assert victim.read_text() == "precious"


def test_a_prompt_that_is_too_long_for_an_argument_is_standard_input(keeper: KeeperUnderTest) -> None:
    keeper.order("s", argv=["/bin/cat"], is_prompt_on_stdin=True)
    (keeper.runs / "job_1.1" / words.PROMPT_FILE).write_text("ü" * 100_000, "utf-8")
    keeper.say(words.GO, key="job_1.1")

    assert keeper.end()["exit_code"] == 0
    assert keeper.output() == "ü" * 100_000


def test_without_a_prompt_of_its_own_standard_input_is_empty(keeper: KeeperUnderTest) -> None:
    assert end_of(keeper, ["/bin/cat"])["exit_code"] == 0
    assert keeper.output() == ""


def test_a_command_begins_as_after_an_exec(keeper: KeeperUnderTest, project: CommandProject) -> None:
    project.write(
        "ao-start",
        "#!/bin/sh\nls /proc/self/fd | tr '\\n' ' '; echo\ngrep -E 'Sig(Blk|Ign)' /proc/self/status\numask\npwd\n"
        "echo $$ $(ps -o sid= -p $$)\nulimit -n\ncat /proc/$$/oom_score_adj\n",
    )
    end_of(keeper)

    descriptors, blocked, ignored, mask, folder, session, files, oom = keeper.output().splitlines()
    assert descriptors == "0 1 2 3 "  # the fourth is the folder that `ls` reads
    settable = sum(1 << (number - 1) for number in signal.valid_signals())
    assert [int(line.split()[1], 16) & settable for line in (blocked, ignored)] == [0, 0]
    os.umask(own := os.umask(0))
    assert int(mask, 8) == own
    assert folder == str(project.root)
    assert len(set(session.split())) == 1  # it leads a session
    assert int(files) > 0
    assert int(oom) == 500  # the kernel takes it before its keeper


def test_many_starts_at_once_leak_no_descriptor(keeper: KeeperUnderTest, project: CommandProject) -> None:
    project.write("ao-start", "#!/bin/sh\nread -r word\nls /proc/self/fd\n")
    keys = [f"job_{number}.1" for number in range(PARALLEL_STARTS)]
    for key in keys:
        assert keeper.order("s", key)["say"] == words.ORDERED
    for key in keys:
        keeper.say(words.GO, key=key)

    assert {keeper.end(key)["exit_code"] for key in keys} == {0}
    assert [keeper.output(key).split() for key in keys] == [["0", "1", "2", "3"]] * PARALLEL_STARTS


def test_a_program_that_is_just_being_written_is_waited_for(keeper: KeeperUnderTest, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    with program.open("r+b"):
        keeper.order("s", argv=[str(program)])
        keeper.say(words.GO, key="job_1.1")
        waiting = keeper.hear(lambda said: said["say"] == words.WAITING)
        assert waiting["error"] == f"cannot start '{program}': someone is writing it"
        assert (keeper.listed() or {})["phase"] == "running"

    assert keeper.end()["exit_code"] == 0


def test_what_waits_for_a_process_can_be_stopped_and_never_runs(keeper: KeeperUnderTest, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    with program.open("r+b"):
        keeper.run("s", argv=[str(program)])
        keeper.hear(lambda said: said["say"] == words.WAITING)
        keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user")

        assert keeper.end()["reason"] == "stopped_by_user"
    assert (keeper.listed() or {})["pid"] is None


def test_what_the_launcher_says_of_the_environment_is_all_there_is(
    keeper: KeeperUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_of(keeper, ["/usr/bin/env"])

    names = {line.partition("=")[0] for line in keeper.output().splitlines()}
    assert names == {"PATH", "AGENT_JOB_ID", "AGENT_JOB_ATTEMPT", "AGENT_OUTCOME_FILE"}
