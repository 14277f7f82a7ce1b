"""What a keeper promises: nothing runs before it is granted, limits are kept, and how it ended is told and recorded."""

from __future__ import annotations

import os
import signal

import pytest
from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
from launcher_rig.keeper_under_test import KeeperUnderTest, had

from lib.keeper import words
from lib.wire.models import objects_of
from support.waiting import wait_until


@pytest.fixture(params=["cgroup", "mark", "group"])
def way(request: pytest.FixtureRequest) -> str:
    """All three ways: what this file promises needs no tree to be held together."""
    return had(str(request.param))


def test_nothing_runs_before_go(keeper: KeeperUnderTest, project: CommandProject) -> None:
    assert keeper.order("exit-0") == {"say": words.ORDERED, "key": "job_1.1"}
    listed = keeper.listed() or {}

    assert (listed["phase"], listed["pid"], project.ledger()) == ("ordered", None, [])
    keeper.say(words.GO, key="job_1.1")
    assert keeper.end()["exit_code"] == 0
    assert project.count("start") == 1


def test_words_that_are_said_twice_change_nothing(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.order("wait-go")
    assert keeper.order("wait-go")["say"] == words.ORDERED
    for _ in range(2):
        keeper.say(words.GO, key="job_1.1")
    keeper.wait_for("start")
    assert keeper.order("wait-go") == {"say": words.REFUSED, "key": "job_1.1", "code": "here"}
    project.let_go("go")
    keeper.end()
    assert keeper.order("wait-go")["say"] == words.REFUSED  # ended, and not forgotten

    for say in (words.GO, words.GO, words.ACKNOWLEDGE, words.ACKNOWLEDGE):
        keeper.say(say, key="job_1.1")

    assert keeper.listed() is None
    assert project.count("start") == 1
    assert not [said for said in keeper.heard if said["say"] == words.ENDED]


def test_words_about_attempts_that_are_not_here_change_nothing(keeper: KeeperUnderTest) -> None:
    for say in (words.DROP, words.ACKNOWLEDGE, words.COLLECTED, "sing"):
        keeper.say(say, key="job_9.1", reason="stopped_by_user")

    assert keeper.hello()["attempts"] == []
    assert keeper.heard == []


@pytest.mark.parametrize("say", [words.GO, words.STOP])
def test_whoever_wants_something_of_an_attempt_that_is_not_here_is_told_that_nothing_of_it_ran(
    keeper: KeeperUnderTest, project: CommandProject, say: str
) -> None:
    keeper.say(say, key="job_1.1", reason="stopped_by_user")

    verdict = keeper.end()
    assert verdict["reason"] == "spawn_failed"
    assert verdict["error"] == "cannot start it: the keeper of jobs has no order of this attempt, and nothing of it ran"
    assert (keeper.listed(), project.ledger()) == (None, [])


def test_words_in_the_wrong_order_change_nothing(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.order("wait-go")
    keeper.say(words.ACKNOWLEDGE, key="job_1.1")
    assert (keeper.listed() or {})["phase"] == "ordered"  # what has not ended cannot be acknowledged
    keeper.say(words.GO, key="job_1.1")
    keeper.wait_for("start")
    for say in (words.DROP, words.ACKNOWLEDGE, words.GO):
        keeper.say(say, key="job_1.1")
    assert (keeper.listed() or {})["phase"] == "running"  # nor what runs be dropped

    project.let_go("go")

    assert keeper.end()["exit_code"] == 0
    keeper.say(words.DROP, key="job_1.1")
    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user")
    listed = keeper.listed() or {}
    assert (listed["phase"], words.object_of(listed["verdict"])["reason"]) == ("ended", None)
    assert project.count("start") == 1


def test_what_is_dropped_never_runs_and_may_be_ordered_anew(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.order("exit-0")
    keeper.say(words.DROP, key="job_1.1")
    keeper.say(words.GO, key="job_1.1")
    assert keeper.end()["reason"] == "spawn_failed"
    assert keeper.listed() is None
    assert project.ledger() == []

    keeper.run("exit-3")
    assert keeper.end()["exit_code"] == 3


def test_what_is_stopped_before_go_never_runs(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.order("exit-0")
    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_parent")
    keeper.say(words.GO, key="job_1.1")

    verdict = keeper.end()
    assert (verdict["reason"], verdict.get("exit_code")) == ("stopped_by_parent", None)
    assert project.ledger() == []


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_is_what_the_command_said(keeper: KeeperUnderTest, code: int) -> None:
    keeper.run(f"exit-{code}")

    verdict = keeper.end()
    assert (verdict["exit_code"], verdict["signal"], verdict["reason"]) == (code, None, None)
    assert verdict["leftovers"] == []


def test_a_command_that_dies_of_a_signal_is_told_so(keeper: KeeperUnderTest) -> None:
    keeper.run(f"signal-{int(signal.SIGSEGV)}")

    verdict = keeper.end()
    assert (verdict["exit_code"], verdict["signal"]) == (None, int(signal.SIGSEGV))


def test_output_and_errors_are_in_one_file_in_the_order_they_came(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    project.write("ao-start", "#!/bin/sh\necho one\necho two >&2\necho three\n")
    keeper.run("s")
    keeper.end()

    assert keeper.output() == "one\ntwo\nthree\n"


def test_a_time_limit_ends_the_command(keeper: KeeperUnderTest) -> None:
    keeper.run("wait-never", timeout_seconds=0.2, stop_grace_seconds=0.1)

    assert keeper.end()["reason"] == "timed_out"


def test_a_time_limit_ends_a_command_that_is_deaf(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("deaf", timeout_seconds=1.0, stop_grace_seconds=0.1)

    verdict = keeper.end()
    assert (verdict["reason"], verdict["signal"]) == ("timed_out", int(signal.SIGKILL))
    assert living(project.pids()) == []


def test_too_much_output_ends_the_command(keeper: KeeperUnderTest) -> None:
    keeper.run("flood", output_limit_bytes=1_000_000, stop_grace_seconds=0.1)

    assert keeper.end()["reason"] == "output_limit"


def test_a_stop_gives_the_command_its_time_to_clean_up(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("cleanup-0_3", stop_grace_seconds=30)
    keeper.wait_for("ready")

    for _ in range(2):
        keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user")

    verdict = keeper.end()
    assert (verdict["exit_code"], verdict["reason"]) == (0, "stopped_by_user")
    assert project.count("clean") == 1


def test_a_command_that_ignores_sigterm_is_killed_after_the_grace(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("deaf")
    keeper.wait_for("deaf")

    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=0.1)

    verdict = keeper.end()
    assert (verdict["signal"], verdict["reason"]) == (int(signal.SIGKILL), "stopped_by_user")


def test_a_second_stop_can_only_bring_the_end_nearer(keeper: KeeperUnderTest) -> None:
    keeper.run("deaf")
    keeper.wait_for("deaf")

    for grace_seconds in (6000.0, 0.1, 6000.0):
        keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=grace_seconds)

    assert keeper.end()["signal"] == int(signal.SIGKILL)


def test_a_command_that_was_suspended_hears_the_stop(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("cleanup-0", stop_grace_seconds=60)
    keeper.wait_for("ready")
    os.kill(project.pids()[0], signal.SIGSTOP)

    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user")

    assert keeper.end()["exit_code"] == 0


def test_a_launcher_that_reads_nothing_does_not_hold_up_its_keeper(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.order("wait-go")
    long_key = "x" * 200
    keeper.order("exit-0", long_key)
    # More answers than any socket's buffer takes, and none of them is read.
    for _ in range(8000):
        keeper.say(words.ORDER, key=long_key)
    keeper.say(words.GO, key="job_1.1")

    wait_until(lambda: project.count("start"), "its command runs")

    keeper.reach()
    assert len(objects_of(keeper.hello(), "attempts")) == 2


def test_half_a_message_of_a_launcher_that_died_says_nothing(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("wait-go")
    keeper.order("exit-0", "job_2.1")
    keeper.wait_for("start")
    keeper.send(b'{"say": "go", "key": "job_2.1"')
    keeper.reach()
    keeper.send(b'}\n[1, 2]\nnonsense\n{"say": 7}\n\xff\xfe\n')

    assert (keeper.listed("job_2.1") or {})["phase"] == "ordered"
    project.let_go("go")
    assert keeper.end()["exit_code"] == 0
    assert project.count("start") == 1


def test_a_second_keeper_on_a_folder_leaves_and_touches_nothing(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("wait-go")
    keeper.wait_for("start")
    before = keeper.journal_path.read_bytes()
    keeper.start()

    assert keeper.wait() == 4
    assert keeper.journal_path.read_bytes() == before
    assert len(living(project.pids())) == 1
    keeper.reach()
    project.let_go("go")
    assert keeper.end()["exit_code"] == 0


def test_a_keeper_leaves_when_nobody_is_connected_and_nothing_runs(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("wait-go")
    keeper.order("exit-0", "job_2.1")
    keeper.wait_for("start")
    keeper.hang_up()
    project.let_go("go")

    assert keeper.wait() == 0
    keeper.start()
    ended, ordered = keeper.listed() or {}, keeper.listed("job_2.1") or {}
    assert (ended["phase"], words.object_of(ended["verdict"])["exit_code"]) == ("ended", 0)
    assert ordered["phase"] == "ordered"


def test_what_asks_others_to_leave_does_not_end_a_keeper(keeper: KeeperUnderTest) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        keeper.process.send_signal(number)

    keeper.run("exit-5")
    assert keeper.end()["exit_code"] == 5


def test_a_keepers_folder_is_closed_to_others(keeper: KeeperUnderTest) -> None:
    keeper.run("exit-0", argv=["/bin/echo", "hi"])
    keeper.end()

    files = [*keeper.folder.iterdir(), *(keeper.runs / "job_1.1").iterdir()]
    assert {path.name for path in files} >= {words.JOURNAL_FILE, words.LOCK_FILE, words.SOCKET_FILE, words.OUTPUT_FILE}
    assert [path.name for path in files if path.name != words.TRACE_FILE and path.stat().st_mode & 0o077] == []
