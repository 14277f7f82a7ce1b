"""A keeper that is killed at any moment loses no end, runs nothing twice and leaves nothing that runs on unseen."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from launcher_rig.attempts import living
from launcher_rig.cgroups import places_in
from launcher_rig.commands import CommandProject
from launcher_rig.keeper_under_test import KeeperUnderTest, had

from lib.keeper import process_tree, words
from lib.keeper.journal import DiskFile, Journal
from lib.keeper.verdicts import KEEPER_DIED
from lib.wire.models import Json, JsonObject
from support.waiting import wait_until

pytestmark = pytest.mark.long


def forge(keeper: KeeperUnderTest, **changes: JsonObject | None) -> None:
    """Rewrite a dead keeper's journal: change the records of a kind, or leave them out."""
    journal = Journal(DiskFile(str(keeper.journal_path)))
    records = journal.read()
    told = [{**record, **(changes.get(str(record["kind"])) or {})} for record in records]
    left_out = [kind for kind, change in changes.items() if change is None]
    journal.rewrite(record for record in told if record["kind"] not in left_out)


def kinds(keeper: KeeperUnderTest) -> list[tuple[Json, Json]]:
    """What the journal has about attempts."""
    return [(record["kind"], record["key"]) for record in Journal(DiskFile(str(keeper.journal_path))).read()]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else's, who leads a group and a session."""
    process = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_killed_before_go_what_was_ordered_runs_when_it_is_told_to(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.order("exit-6")
    keeper.replace()
    listed = keeper.listed() or {}
    assert (listed["phase"], listed["job"]) == ("ordered", {"job_id": "job_1"})
    assert keeper.order("exit-6")["say"] == words.ORDERED

    keeper.say(words.GO, key="job_1.1")

    assert keeper.end()["exit_code"] == 6
    assert project.count("start") == 1


def test_killed_while_it_runs_a_command_is_adopted_and_its_collected_code_is_told(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    project.write("ao-start", f"#!/bin/sh\nuntil [ -e {project.root}/go ]; do sleep 0.01; done\nexit 9\n")
    keeper.run("s")
    pid = keeper.pid()
    start_time = process_tree.start_time(pid)
    keeper.replace()
    listed = keeper.listed() or {}
    assert (listed["phase"], listed["pid"]) == ("running", pid)
    keeper.say(words.GO, key="job_1.1")
    project.let_go("go")
    wait_until(lambda: not process_tree.is_living(pid), "the command is over")

    keeper.say(words.COLLECTED, pid=pid, start_time=start_time, code=9)

    verdict = keeper.end()
    assert (verdict["exit_code"], verdict["reason"]) == (9, None)


def test_a_code_that_was_collected_before_the_next_keeper_lived_is_told_too(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("wait-go")
    pid = keeper.pid()
    start_time = process_tree.start_time(pid)
    keeper.kill()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not process_tree.is_living(pid), "the command is over")

    keeper.start()
    keeper.say(words.COLLECTED, pid=pid, start_time=start_time, code=-9)

    assert keeper.end()["signal"] == 9


def test_a_code_of_another_process_of_that_number_is_not_taken_for_the_commands(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("wait-go")
    pid = keeper.pid()
    keeper.replace()
    keeper.say(words.COLLECTED, pid=pid, start_time="1", code=0)
    project.let_go("go")

    verdict = keeper.end()
    assert (verdict["exit_code"], verdict["reason"], verdict["error"]) == (None, "shim_died", KEEPER_DIED)


def test_the_commands_own_outcome_file_tells_a_code_that_nobody_collected(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("wait-go")
    keeper.wait_for("start")
    keeper.replace()
    assert (keeper.listed() or {})["phase"] == "running"
    keeper.outcome('{"exit_code": 17}')
    project.let_go("go")

    verdict = keeper.end()
    assert (verdict["exit_code"], verdict["reason"]) == (17, None)


def test_a_command_that_ended_while_no_keeper_lived_is_told_by_its_outcome_file(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("wait-go")
    keeper.wait_for("start")
    keeper.outcome('{"exit_code": 0}')
    keeper.kill()
    project.let_go("go")
    wait_until(lambda: living(project.pids()) == [], "the command is over")

    keeper.start()
    assert keeper.end()["exit_code"] == 0


def test_a_command_that_died_with_its_keeper_leaves_nothing_that_it_began(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("escape-4")
    keeper.wait_for("leaf", 4)
    pid = keeper.pid()
    keeper.kill()
    os.kill(pid, signal.SIGKILL)
    assert len(set(living(project.pids()))) >= 4

    keeper.start()

    verdict = keeper.end()
    assert (verdict["reason"], verdict["leftovers"]) == ("shim_died", [])
    assert living(project.pids()) == []


@pytest.mark.parametrize("tree", ["tree-5", "escape-5"])
def test_an_adopted_tree_is_stopped_to_the_last_process(
    keeper: KeeperUnderTest, project: CommandProject, tree: str
) -> None:
    keeper.run(tree)
    keeper.wait_for("leaf", 5)
    keeper.replace()

    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=0.1)

    verdict = keeper.end()
    assert (verdict["reason"], verdict["leftovers"]) == ("stopped_by_user", [])
    assert living(project.pids()) == []


def test_an_adopted_command_is_asked_before_it_is_killed(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("cleanup-0")
    keeper.wait_for("ready")
    keeper.replace()

    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=60)

    keeper.end()
    assert project.count("clean") == 1


def test_killed_while_it_ends_an_attempt_the_next_one_goes_on(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("deaf", timeout_seconds=0.5, stop_grace_seconds=600)
    keeper.wait_for("deaf")
    wait_until(lambda: not keeper.heard and keeper.listed(), "it is being ended")
    keeper.replace()

    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=0.1)

    assert keeper.end()["reason"] in ("timed_out", "stopped_by_user")
    assert living(project.pids()) == []


def test_a_stop_goes_on_through_the_death_of_its_keeper_with_its_reason(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("tree-2", stop_grace_seconds=0.1)
    keeper.wait_for("leaf", 2)
    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_parent", grace_seconds=600)
    keeper.hello()

    keeper.replace()

    assert keeper.end()["reason"] == "stopped_by_parent"
    assert living(project.pids()) == []


def test_a_time_limit_counts_on_through_the_death_of_keepers(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("wait-never", timeout_seconds=1.5, stop_grace_seconds=0.1)
    keeper.wait_for("start")
    for _ in range(3):
        keeper.replace()
        keeper.hello()

    assert keeper.end()["reason"] == "timed_out"
    assert living(project.pids()) == []


def test_granted_and_not_spawned_it_never_runs_and_its_end_is_named(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.order("exit-0")
    keeper.kill()
    granted: JsonObject = {"kind": words.RECORD_GRANTED, "key": "job_1.1", "boot": process_tree.boot_id(), "place": {}}
    journal = Journal(DiskFile(str(keeper.journal_path)))
    journal.rewrite([*journal.read(), granted])

    keeper.start()

    assert words.object_of((keeper.listed() or {})["verdict"])["reason"] == "shim_died"
    keeper.say(words.GO, key="job_1.1")
    keeper.hello()
    assert project.ledger() == []


def test_spawned_and_not_recorded_it_does_not_run_on_unseen(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("escape-2")
    keeper.wait_for("leaf", 2)
    keeper.kill()
    forge(keeper, spawned=None)
    assert [kind for kind, _ in kinds(keeper)] == [words.RECORD_ORDERED, words.RECORD_GRANTED]

    keeper.start()

    assert keeper.end()["reason"] == "shim_died"
    assert living(project.pids()) == []


def test_a_record_of_the_spawn_is_proof_of_the_grant(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("wait-go")
    keeper.wait_for("start")
    keeper.kill()
    forge(keeper, granted=None)

    keeper.start()

    assert (keeper.listed() or {})["phase"] == "running"
    keeper.say(words.GO, key="job_1.1")
    project.let_go("go")
    keeper.end()
    assert project.count("start") == 1


def test_killed_at_once_after_go_nothing_runs_twice_and_nothing_runs_on(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    for number in range(12):
        key = f"job_{number}.1"
        keeper.run("tree-1", key)
        if number % 2:
            wait_until(lambda: (words.RECORD_GRANTED, key) in kinds(keeper), "it is granted")  # noqa: B023
        keeper.replace()
        listed = keeper.listed(key)
        if listed is not None and listed["phase"] == "ordered":
            keeper.say(words.GO, key=key)
        keeper.say(words.STOP, key=key, reason="stopped_by_user", grace_seconds=0.1)
        keeper.end(key)

        assert project.count("start", f"job_{number}") <= 1
        assert living(project.pids()) == []


def test_an_end_that_was_not_acknowledged_is_told_by_each_next_keeper_and_no_longer(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("exit-4")
    verdict = keeper.end()
    for _ in range(2):
        keeper.replace()
        assert (keeper.listed() or {})["verdict"] == verdict

    keeper.say(words.ACKNOWLEDGE, key="job_1.1")
    assert keeper.listed() is None
    keeper.replace()
    assert keeper.listed() is None
    assert project.count("start") == 1


def test_a_stranger_who_has_the_commands_number_by_now_is_not_touched(
    keeper: KeeperUnderTest, project: CommandProject, stranger: subprocess.Popen[bytes]
) -> None:
    keeper.run("escape-2")
    keeper.wait_for("leaf", 2)
    keeper.kill()
    forge(keeper, spawned={"pid": stranger.pid, "start_time": "1"})

    keeper.start()

    assert keeper.end()["reason"] == "shim_died"
    assert living(project.pids()) == []
    assert stranger.poll() is None


@pytest.mark.parametrize("is_stopping", [False, True])
def test_a_group_whose_number_is_a_strangers_by_now_is_not_touched(
    project: CommandProject,
    stranger: subprocess.Popen[bytes],
    request: pytest.FixtureRequest,
    is_stopping: bool,
) -> None:
    keeper = KeeperUnderTest(project.root.parent, project, "group").start()
    request.addfinalizer(keeper.leave_nothing)
    keeper.run("deaf", stop_grace_seconds=0.1)
    keeper.wait_for("deaf")
    if is_stopping:
        keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=600)
        keeper.hello()
    keeper.kill()
    forge(keeper, spawned={"pid": stranger.pid, "start_time": "1"})

    keeper.start()

    assert keeper.end()["reason"] == ("stopped_by_user" if is_stopping else "shim_died")
    stranger.send_signal(signal.SIGUSR1)
    assert stranger.wait() == -signal.SIGUSR1  # nothing else had ended it


@pytest.mark.parametrize("phase", ["ordered", "running"])
def test_what_an_earlier_boot_left_is_told_so_and_neither_run_nor_looked_for(
    keeper: KeeperUnderTest, project: CommandProject, phase: str
) -> None:
    keeper.order("wait-never")
    if phase == "running":
        keeper.say(words.GO, key="job_1.1")
        keeper.wait_for("start")
    before = len(project.ledger())
    keeper.kill()
    forge(keeper, ordered={"boot": "another"}, granted={"boot": "another"})

    keeper.start()
    keeper.say(words.GO, key="job_1.1")

    assert keeper.end()["reason"] == "host_rebooted"
    assert len(project.ledger()) == before
    assert len(living(project.pids())) == before  # by its marks it would have been found


@pytest.mark.parametrize(("before", "after"), [("mark", "cgroup"), ("cgroup", "mark"), ("group", "cgroup")])
def test_what_was_begun_one_way_is_kept_another_way(
    project: CommandProject, request: pytest.FixtureRequest, before: str, after: str
) -> None:
    keeper = KeeperUnderTest(project.root.parent, project, had(before)).start()
    request.addfinalizer(keeper.leave_nothing)
    keeper.run("deaf" if before == "group" else "escape-2")
    keeper.wait_for("deaf" if before == "group" else "leaf", 1 if before == "group" else 2)
    keeper.order("escape-1", "job_2.1")
    keeper.way = had(after)
    keeper.replace()
    assert keeper.hello()["way"] == after
    keeper.say(words.GO, key="job_2.1")
    keeper.wait_for("start", 2)
    wait_until(lambda: (keeper.listed("job_2.1") or {})["pid"], "the second runs too")
    assert len(places_in(keeper.group)) == (1 if "cgroup" in (before, after) else 0)

    for key in ("job_1.1", "job_2.1"):
        keeper.say(words.STOP, key=key, reason="stopped_by_user", grace_seconds=0.1)

    assert [keeper.end(key)["leftovers"] for key in ("job_1.1", "job_2.1")] == [[], []]
    assert living(project.pids()) == []


def test_a_torn_journal_still_says_all_that_was_written_before(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    keeper.run("exit-3", "job_1.1")
    verdict = keeper.end("job_1.1")
    keeper.run("wait-go", "job_2.1")
    keeper.wait_for("start", 2)
    keeper.kill()
    whole = keeper.journal_path.read_bytes().rstrip(b"\0")
    keeper.journal_path.write_bytes(whole[:-7])  # the record of the second's spawn

    keeper.start()

    assert (keeper.listed() or {})["verdict"] == verdict
    assert keeper.end("job_2.1")["reason"] == "shim_died"
    assert living(project.pids()) == []
