"""Whatever becomes of a warm parent, and whenever: what was granted runs once, or not at all and is said to be over."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from launcher_rig.attempts import living
from launcher_rig.commands import CommandProject
from launcher_rig.keeper_under_test import KeeperUnderTest

from lib.keeper import process_tree, words
from lib.keeper.journal import DiskFile, Journal
from support.waiting import wait_until

# Each plays a warm parent up to the point at which it fails; what it shares with all of them stands above.
PLAYED = """#!{python} -IS
import array, json, os, signal, socket, sys, time
control = socket.socket(fileno=int(sys.argv[3]))
def ready():
    control.recv(65536)
    control.send(b"{{}}")
    with open("/proc/self/comm", "w") as file:
        file.write("played")
def stay():
    while control.recv(65536): pass
def order():
    return socket.recv_fds(control, 65536, 6)[1]
def let(descriptors, answer):
    gate = socket.socket(fileno=descriptors[0])
    gate.send(answer)
    return gate
{text}
"""
FAILURES = {
    "it cannot be executed": None,
    "it ends before it is ready": "sys.exit(3)",
    "it is ready in words that nobody knows": "control.recv(65536); control.send(b'[1]'); stay()",
    "it ends at the order": "ready(); order(); os._exit(0)",
    "it answers the order with nonsense": "ready(); order(); control.send(b'forty two'); stay()",
    "what it forked is gone": "ready(); kept = order(); control.send(b'forked'); os.close(kept[0]); stay()",
    "what it forked is not there": "ready(); kept = let(order(), b'999999999'); control.send(b'forked'); stay()",
    "what it forked is a stranger": "ready(); kept = let(order(), b'1'); control.send(b'forked'); stay()",
    "what it forked is its own child": "ready(); parent, pid = os.getpid(), os.fork()\n"
    "while pid == 0 and os.getppid() == parent: time.sleep(0.01)\n"
    "kept = let(order(), str(pid).encode()); control.send(b'forked'); stay()",
    "what it forked cannot take it": "ready(); kept = let(order(), b'cannot: no'); control.send(b'forked')\nstay()",
    "it can fork nothing": "ready(); order(); control.send(b'no process'); stay()",
}


def test_a_warm_parent_that_fails_in_any_way_has_its_commands_executed_once(
    marking_keeper: KeeperUnderTest, project: CommandProject, tmp_path: Path
) -> None:
    warm = project.write_warm()
    for number, (name, text) in enumerate(FAILURES.items()):
        played = tmp_path / f"python-{number}"
        if text is not None:
            played.write_text(PLAYED.format(python=sys.executable, text=text), "utf-8")
            played.chmod(0o755)
        marking_keeper.warm = [{**warm, "python": str(played)}]
        marking_keeper.hello()
        if text is not None and "ready()" in text:
            wait_until(lambda: "played" in comms_below(marking_keeper), f"{name}: it is ready")
        key = f"job_{number}.1"
        marking_keeper.run("exit-4", key, warm=marking_keeper.warm[0])

        assert marking_keeper.end(key)["exit_code"] == 4, name
        assert project.count("cold", f"job_{number}") == 1, name
    assert project.count("start") == len(FAILURES)


def comms_below(keeper: KeeperUnderTest) -> list[str]:
    return [process_tree.name(pid).split()[0] for pid in process_tree.children(keeper.process.pid)]


def test_a_killed_warm_parent_costs_no_command_and_another_one_comes(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    warm = project.write_warm()
    parent = keeper.warmed(warm)
    keeper.run("wait-go", "job_1.1", warm=warm)
    keeper.wait_for("start")

    os.kill(parent, signal.SIGKILL)
    keeper.run("exit-5", "job_2.1", warm=warm)
    assert keeper.end("job_2.1")["exit_code"] == 5
    keeper.new_warm_parent(parent)
    keeper.run("exit-6", "job_3.1", warm=warm)

    assert keeper.end("job_3.1")["exit_code"] == 6
    assert (project.count("start"), project.count("warm", "job_3")) == (3, 1)
    project.let_go("go")
    assert keeper.end("job_1.1")["exit_code"] == 0


def test_a_warm_parent_that_has_threads_forks_nothing(marking_keeper: KeeperUnderTest, project: CommandProject) -> None:
    warm = project.write_warm(
        head="import threading; threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    )
    marking_keeper.warmed(warm)

    marking_keeper.run("exit-5", warm=warm)

    assert marking_keeper.end()["exit_code"] == 5
    assert (project.count("cold"), project.count("warm")) == (1, 0)


def test_a_keeper_that_dies_while_a_warm_parent_has_the_order_leaves_nothing_that_runs(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    """The parent stands still as the order comes, and goes on when another keeper has said that all is over."""
    warm = project.write_warm()
    parent = keeper.warmed(warm)
    os.kill(parent, signal.SIGSTOP)
    keeper.run("wait-go", warm=warm)
    wait_until(lambda: has_an_order(keeper), "the order is on its way")

    keeper.replace()
    keeper.hello()
    assert keeper.end()["reason"] == "shim_died"
    os.kill(parent, signal.SIGCONT)

    wait_until(lambda: not process_tree.is_living(parent), "the old warm parent is gone")
    keeper.hello()
    assert project.ledger() == []


def has_an_order(keeper: KeeperUnderTest) -> bool:
    with suppress(FileNotFoundError):  # what is open changes until it waits
        opened = Path(f"/proc/{keeper.process.pid}/fd").iterdir()
        return any("memfd:order" in str(path.readlink()) for path in opened)
    return False


def is_granted(keeper: KeeperUnderTest, key: str) -> bool:
    records = Journal(DiskFile(str(keeper.journal_path))).read()
    return any((record["kind"], record["key"]) == (words.RECORD_GRANTED, key) for record in records)


def test_a_warm_parent_that_stands_still_holds_up_its_keeper_for_seconds_and_runs_nothing_later(
    marking_keeper: KeeperUnderTest, project: CommandProject
) -> None:
    warm = project.write_warm()
    parent = marking_keeper.warmed(warm)
    os.kill(parent, signal.SIGSTOP)

    marking_keeper.run("exit-5", warm=warm)

    assert marking_keeper.end()["exit_code"] == 5
    assert not process_tree.is_living(parent)
    assert (project.count("start"), project.count("cold")) == (1, 1)


@pytest.mark.parametrize("session", ["escape-4", "wait-go"])
def test_a_warm_command_outlives_its_keeper_and_is_adopted_with_all_that_it_began(
    keeper: KeeperUnderTest, project: CommandProject, session: str
) -> None:
    warm = project.write_warm()
    parent = keeper.warmed(warm)
    keeper.run(session, warm=warm)
    keeper.wait_for("leaf" if session == "escape-4" else "start", 4 if session == "escape-4" else 1)
    pid = keeper.pid()

    keeper.replace()
    listed = keeper.listed() or {}
    assert (listed["phase"], listed["pid"]) == ("running", pid)
    wait_until(lambda: not process_tree.is_living(parent), "its warm parent has left with its keeper")
    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=0.1)

    verdict = keeper.end()
    assert (verdict["reason"], verdict["leftovers"]) == ("stopped_by_user", [])
    assert living(project.pids()) == []
    assert project.count("warm") == 1


def test_a_warm_parent_leaves_with_its_keeper_and_when_it_is_no_longer_wished_for(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    warm = project.write_warm()
    parent = keeper.warmed(warm)
    keeper.warm = []
    keeper.hello()
    wait_until(lambda: not process_tree.is_living(parent), "it is gone")
    parent = keeper.warmed(warm)

    keeper.hang_up()

    assert keeper.wait() == 0
    assert not process_tree.is_living(parent)


def test_a_keeper_that_is_killed_as_a_warm_command_begins_runs_nothing_twice_and_nothing_on(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    warm = project.write_warm()
    parent = keeper.warmed(warm)
    for number in range(6):
        key = f"job_{number}.1"
        keeper.run("tree-1", key, warm=warm)
        if number % 2:
            wait_until(lambda: is_granted(keeper, key), "it is granted")  # noqa: B023
        keeper.replace()
        parent = keeper.new_warm_parent(parent) if keeper.hello() else 0
        listed = keeper.listed(key)
        if listed is not None and listed["phase"] == "ordered":
            keeper.say(words.GO, key=key)
        keeper.say(words.STOP, key=key, reason="stopped_by_user", grace_seconds=0.1)
        keeper.end(key)

        assert project.count("start", f"job_{number}") <= 1
        assert living(project.pids()) == []
