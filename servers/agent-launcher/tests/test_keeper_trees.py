"""Stop, limits and ends leave no process behind, whatever the tree of an attempt forks, detaches or forgets."""

from __future__ import annotations

import os
import signal

import pytest
from launcher_rig.attempts import living
from launcher_rig.cgroups import cgroup_of, places_in
from launcher_rig.commands import CommandProject
from launcher_rig.keeper_under_test import KeeperUnderTest, had

from lib.keeper import process_tree, words
from support.waiting import wait_until

# Their count never grows, and each ends by itself: a test must not be able to flood the machine.
_HOP = """#!/usr/bin/env python3
import os, signal, time
end = time.monotonic() + 90
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in range(80):
    if os.fork() == 0:
        os.setsid()
        time.sleep(number * 0.005)
        while time.monotonic() < end:
            if os.fork(): os._exit(0)
            time.sleep(0.4)
        os._exit(0)
print("up", flush=True)
time.sleep(90)
"""


def stop(keeper: KeeperUnderTest, grace_seconds: float = 0.2) -> None:
    keeper.say(words.STOP, key="job_1.1", reason="stopped_by_user", grace_seconds=grace_seconds)


@pytest.mark.parametrize("tree", ["tree-20", "escape-20"])
def test_a_stop_leaves_no_process_of_a_tree_that_escapes(
    keeper: KeeperUnderTest, project: CommandProject, tree: str
) -> None:
    keeper.run(tree)
    keeper.wait_for("leaf", 20)

    stop(keeper)

    assert keeper.end()["leftovers"] == []
    assert len(project.pids()) >= 20
    assert living(project.pids()) == []


@pytest.mark.parametrize(
    ("timeout_seconds", "output_limit_bytes", "reason"), [(0.7, 1 << 30, "timed_out"), (0.0, 100, "output_limit")]
)
def test_a_limit_leaves_no_process_either(
    keeper: KeeperUnderTest, project: CommandProject, timeout_seconds: float, output_limit_bytes: int, reason: str
) -> None:
    leaf = "setsid -f env -i /bin/sh -c 'echo leaf hidden.0 $$ >>\"$0\"; while :; do read x; sleep 60; done' "
    project.write(
        "ao-start",
        f"#!/bin/sh\ntrap '' TERM\n{leaf}{project.ledger_path}\n"
        # It is ended the moment that it prints far too much.
        f"until grep -qs hidden {project.ledger_path}; do sleep 0.02; done\nhead -c 1000 /dev/zero\nwait\nsleep 60\n",
    )
    keeper.run("s", stop_grace_seconds=0.1, timeout_seconds=timeout_seconds, output_limit_bytes=output_limit_bytes)
    keeper.wait_for("leaf")

    assert keeper.end()["reason"] == reason
    assert living(project.pids()) == []


def test_a_normal_end_leaves_no_process_either(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("orphan-7")

    assert keeper.end()["exit_code"] == 7
    assert living(project.pids()) == []


def test_a_stop_wins_against_processes_that_keep_changing_their_numbers(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    project.write("ao-start", _HOP)
    keeper.run("s")
    wait_until(lambda: "up" in keeper.output(), "many processes run")
    mark = process_tree.lock_limit(keeper.pid())
    assert mark is not None
    wait_until(lambda: len(process_tree.marked(mark)) > 40, "a look that takes its time still finds most of them")

    stop(keeper, 0.1)

    assert keeper.end()["leftovers"] == []
    assert process_tree.marked(mark) == []


def test_descendants_in_other_sessions_hear_sigterm_before_they_are_killed(
    keeper: KeeperUnderTest, project: CommandProject
) -> None:
    project.write(
        "ao-start",
        "#!/bin/sh\ntrap 'exit 0' TERM\nsetsid sh -c 'trap \"echo tool cleaned up; exit 0\" TERM; echo up; "
        "while :; do sleep 0.02; done' &\nwait\nwait\n",
    )
    keeper.run("s")
    wait_until(lambda: "up" in keeper.output(), "the tool is up")

    stop(keeper, 60)
    keeper.end()

    assert "tool cleaned up" in keeper.output()


def test_suspended_descendants_are_ended_too(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("tree-3")
    keeper.wait_for("leaf", 3)
    for pid in project.pids():
        os.kill(pid, signal.SIGSTOP)

    stop(keeper)

    keeper.end()
    assert living(project.pids()) == []


def test_the_end_of_one_attempt_does_not_touch_another(keeper: KeeperUnderTest, project: CommandProject) -> None:
    keeper.run("tree-2")
    keeper.run("escape-2", "job_2.1")
    keeper.wait_for("leaf", 4)

    stop(keeper)
    keeper.end()

    others = {int(line[2]) for line in project.ledger() if line[1] in ("hidden.0", "job_2.1")}
    assert len(living([*others])) == 3
    keeper.say(words.STOP, key="job_2.1", reason="stopped_by_user", grace_seconds=0.1)
    keeper.end("job_2.1")
    assert living(project.pids()) == []


class TestWithCgroups:
    """What only cgroups have: folders that can be moved out of, made below, refused and left behind."""

    @pytest.fixture
    def way(self) -> str:
        return had("cgroup")

    def test_an_attempts_cgroup_goes_with_it(self, keeper: KeeperUnderTest, project: CommandProject) -> None:
        keeper.run("wait-go")
        keeper.wait_for("start")
        (place,) = places_in(keeper.group)
        assert (place / "cgroup.procs").read_text().split() == [str(keeper.pid())]

        project.let_go("go")
        keeper.end()

        assert places_in(keeper.group) == []

    def test_cgroups_that_were_made_below_are_ended_and_removed_too(
        self, keeper: KeeperUnderTest, project: CommandProject
    ) -> None:
        keeper.run("tree-3")
        keeper.wait_for("leaf", 3)
        (place,) = places_in(keeper.group)
        below = place / "of-its-own"
        below.mkdir()
        for pid in project.pids():
            (below / "cgroup.procs").write_text(str(pid))

        stop(keeper)

        assert keeper.end()["leftovers"] == []
        assert living(project.pids()) == []
        assert places_in(keeper.group) == []

    def test_what_root_moved_out_of_its_cgroup_is_ended_by_a_stop_all_the_same(
        self, keeper: KeeperUnderTest, project: CommandProject
    ) -> None:
        keeper.run("escape-3")
        keeper.wait_for("leaf", 3)
        (place,) = places_in(keeper.group)
        for pid in project.pids():
            (place.parents[1] / "cgroup.procs").write_text(str(pid))

        stop(keeper)

        assert keeper.end()["leftovers"] == []
        assert living(project.pids()) == []

    def test_where_no_further_cgroup_can_be_made_the_mark_alone_holds_an_attempt(
        self, keeper: KeeperUnderTest, project: CommandProject
    ) -> None:
        base = cgroup_of(keeper.group)
        assert base is not None
        (base / "cgroup.max.descendants").write_text("1")
        keeper.run("escape-3")
        keeper.wait_for("leaf", 3)
        assert places_in(keeper.group) == []

        stop(keeper)

        assert keeper.end()["leftovers"] == []
        assert living(project.pids()) == []

    def test_a_keepers_own_cgroup_goes_when_it_leaves(self, keeper: KeeperUnderTest) -> None:
        assert cgroup_of(keeper.group) is not None
        keeper.hang_up()

        assert keeper.wait() == 0
        assert cgroup_of(keeper.group) is None
