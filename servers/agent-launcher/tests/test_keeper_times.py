"""Times are the process's: counted by the clock that nobody sets, up to the command's own end."""

from __future__ import annotations

import os
import subprocess

import pytest
from launcher_rig.made_up_host import KeeperInHand, MadeUpDisk, MadeUpHost

from lib.keeper import words
from lib.keeper.containment import Containment
from lib.keeper.held import Held
from lib.keeper.host import Host
from lib.keeper.keeper import CODE_COMES_WITHIN_SECONDS, HEAR_ONCE_MORE_SECONDS
from lib.keeper.spawn import Launch
from lib.keeper.verdicts import host_rebooted
from lib.wire.models import JsonObject

RUN = "/r"
GIVEN_UP_SECONDS = CODE_COMES_WITHIN_SECONDS + HEAR_ONCE_MORE_SECONDS
"""So long after the end a code that nobody told is taken for unknown."""


@pytest.fixture
def host() -> MadeUpHost:
    return MadeUpHost()


@pytest.fixture
def keeper(host: MadeUpHost) -> KeeperInHand:
    return KeeperInHand(host, MadeUpDisk())


def end(keeper: KeeperInHand, host: MadeUpHost, *, wait: float = 0.0) -> JsonObject:
    """Let the command end, and give the verdict."""
    host.ends = [(100, 0)]
    verdict = keeper.verdict(keeper.pass_time(wait))
    assert verdict is not None
    return verdict


@pytest.mark.parametrize("jump_seconds", [-3600.0, 3600.0])
def test_a_clock_that_is_set_while_a_command_runs_does_not_change_how_long_it_ran(
    keeper: KeeperInHand, host: MadeUpHost, jump_seconds: float
) -> None:
    keeper.run()
    keeper.pass_time(5)
    host.wall_offset += jump_seconds

    assert end(keeper, host)["seconds"] == 5.0


def test_what_a_command_leaves_behind_is_ended_on_nobodys_time(keeper: KeeperInHand, host: MadeUpHost) -> None:
    keeper.run()
    keeper.pass_time(5)
    ended_at = host.wall_time()
    host.is_everything_empty = False

    verdict = end(keeper, host, wait=30)

    assert (verdict["seconds"], verdict["ended_at"]) == (5.0, ended_at)


def test_a_command_that_nobody_saw_end_ran_until_it_left_its_note(keeper: KeeperInHand, host: MadeUpHost) -> None:
    keeper.run()
    keeper.pass_time(5)
    host.start_times.clear()
    host.outcome, host.written = {"exit_code": 0}, {f"{RUN}/{words.OUTCOME_FILE}": host.wall_time()}
    noted_at = host.wall_time()
    host.clock += 33

    heir = keeper.heir()
    heir.pass_time(GIVEN_UP_SECONDS)
    verdict = heir.keeper._held["job_1.1"].verdict or {}

    assert (verdict["seconds"], verdict["ended_at"]) == (5.0, noted_at)


def test_one_that_nobody_saw_begin_or_end_ended_when_it_left_its_note(host: MadeUpHost) -> None:
    disk = MadeUpDisk()
    keeper = KeeperInHand(host, disk)
    keeper.run()
    _forget_that_it_began(disk)
    host.outcome, host.written = {"exit_code": 0}, {f"{RUN}/{words.OUTCOME_FILE}": host.wall_time()}
    noted_at = host.wall_time()
    host.clock += 33

    verdict = keeper.heir().keeper._held["job_1.1"].verdict or {}

    assert (verdict["exit_code"], verdict["seconds"], verdict["ended_at"]) == (0, None, noted_at)


def _forget_that_it_began(disk: MadeUpDisk) -> None:
    """Leave of the journal what stands before the record of its process."""
    record = disk.content.index(b'"kind": "spawned"')
    del disk.content[disk.content.rindex(b"\n", 0, record) + 1 :]


def test_a_first_note_is_no_word_about_an_end_that_nobody_saw(keeper: KeeperInHand, host: MadeUpHost) -> None:
    keeper.run()
    host.outcome, host.written = {"ending": None}, {f"{RUN}/{words.OUTCOME_FILE}": host.wall_time()}
    keeper.pass_time(5)
    host.start_times.clear()

    heir = keeper.heir()
    heir.pass_time(GIVEN_UP_SECONDS)
    verdict = heir.keeper._held["job_1.1"].verdict or {}

    assert verdict["seconds"] == 5.0 + GIVEN_UP_SECONDS


@pytest.mark.parametrize(("noted_after", "seconds"), [(-60.0, 0.0), (7200.0, 38.0 + GIVEN_UP_SECONDS)])
def test_a_note_whose_time_cannot_be_is_believed_as_far_as_it_can(
    keeper: KeeperInHand, host: MadeUpHost, noted_after: float, seconds: float
) -> None:
    keeper.run()
    keeper.pass_time(5)
    host.start_times.clear()
    host.outcome = {"exit_code": 0}
    host.written = {f"{RUN}/{words.OUTCOME_FILE}": host.wall_time() - 5 + noted_after}
    host.clock += 33

    heir = keeper.heir()
    heir.pass_time(GIVEN_UP_SECONDS)
    verdict = heir.keeper._held["job_1.1"].verdict or {}

    assert verdict["seconds"] == seconds


def test_the_time_that_the_machine_was_off_is_not_the_commands() -> None:
    held = Held("job_1.1", {}, Launch(RUN, {"argv": ["a"]}), "an earlier boot")
    held.started_at = 1000.0

    assert host_rebooted(held, 9000.0, 1007.5)["seconds"] == 7.5
    assert host_rebooted(held, 9000.0, 500.0)["seconds"] == 0.0
    assert host_rebooted(held, 9000.0, None)["ended_at"] == 9000.0


def test_what_never_ran_took_no_time(keeper: KeeperInHand) -> None:
    keeper.order()

    assert (keeper.verdict(keeper.say(words.STOP)) or {})["seconds"] == 0.0


def test_a_command_that_ended_before_its_next_keeper_came_is_not_adopted_though_nobody_collected_it() -> None:
    keepers = Host(Containment(None, None, is_marking=False))
    read, write = os.pipe()
    command = subprocess.Popen(["/bin/cat"], stdin=read)
    os.close(read)
    start_time = keepers.start_time(command.pid)
    assert keepers.adopt(command.pid, start_time), "it lives"

    os.close(write)
    os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)

    assert keepers.start_time(command.pid) == start_time, "it is a zombie"
    assert not Host(Containment(None, None, is_marking=False)).adopt(command.pid, start_time)
    assert command.wait() == 0
