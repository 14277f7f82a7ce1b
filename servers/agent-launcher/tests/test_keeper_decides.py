"""What a keeper decides when the machine fails it: no process to give, nothing that dies, a disk that is full."""

from __future__ import annotations

import errno

import pytest
from launcher_rig.made_up_host import KeeperInHand, MadeUpDisk, MadeUpHost

from lib.keeper import words
from lib.keeper.spawn import NoProcessError, SpawnError


@pytest.fixture
def host() -> MadeUpHost:
    return MadeUpHost()


@pytest.fixture
def disk() -> MadeUpDisk:
    return MadeUpDisk()


@pytest.fixture
def keeper(host: MadeUpHost, disk: MadeUpDisk) -> KeeperInHand:
    return KeeperInHand(host, disk)


@pytest.mark.parametrize(("timeout_seconds", "patience_seconds"), [(0, 60), (5.0, 5), (3600.0, 60)])
def test_an_attempt_for_which_the_machine_has_no_process_is_failed_with_the_reason_after_a_while(
    keeper: KeeperInHand, host: MadeUpHost, timeout_seconds: float, patience_seconds: float
) -> None:
    host.refusals = [NoProcessError("cannot start 'x': Resource temporarily unavailable") for _ in range(1000)]
    keeper.order(timeout_seconds=timeout_seconds)
    (waiting,) = keeper.say(words.GO)
    assert waiting["say"] == words.WAITING

    said = keeper.pass_time(patience_seconds - 0.1)
    assert keeper.verdict(said) is None
    verdict = keeper.verdict(keeper.pass_time(6)) or {}

    assert verdict["reason"] == "spawn_failed"
    assert str(verdict["error"]).startswith("cannot start 'x': Resource temporarily unavailable; tried for ")
    assert host.spawned == []


def test_an_attempt_that_waited_for_a_process_runs_once_there_is_one(keeper: KeeperInHand, host: MadeUpHost) -> None:
    host.refusals = [NoProcessError("none") for _ in range(4)]
    keeper.run()
    keeper.pass_time(20)
    assert host.spawned == ["job_1.1"]

    host.ends = [(100, 0)]

    assert (keeper.verdict(keeper.pass_time(0)) or {})["exit_code"] == 0


def test_a_failure_to_go_back_from_an_attempts_place_is_not_taken_for_a_failure_to_start(
    keeper: KeeperInHand, host: MadeUpHost
) -> None:
    host.refusals = [RuntimeError("cannot leave the place of the attempt")]
    keeper.order()

    with pytest.raises(RuntimeError):
        keeper.say(words.GO)

    # This keeper must end. The next one knows that it was granted, and does not run it again.
    heir = keeper.heir()
    told = heir.say(words.HELLO)[-1]["attempts"]
    assert isinstance(told, list)
    assert words.object_of(words.object_of(told[0])["verdict"])["reason"] == "shim_died"
    assert heir.say(words.GO) == []
    assert host.spawned == []


def test_what_cannot_be_ended_is_named_after_five_seconds(keeper: KeeperInHand, host: MadeUpHost) -> None:
    keeper.run()
    host.is_everything_empty = False
    keeper.say(words.STOP, reason="stopped_by_user", grace_seconds=2.0)
    assert (host.asked, host.killed) == (1, 0)
    assert keeper.verdict(keeper.pass_time(6.9)) is None
    assert host.killed > 50

    verdict = keeper.verdict(keeper.pass_time(0.2)) or {}

    assert (verdict["leftovers"], verdict["signal"]) == (["deaf (pid 7)"], 9)
    assert verdict["reason"] == "stopped_by_user"


def test_after_a_stop_what_is_left_of_the_tree_has_the_rest_of_the_time(keeper: KeeperInHand, host: MadeUpHost) -> None:
    keeper.run()
    host.is_everything_empty = False
    keeper.say(words.STOP, reason="stopped_by_user", grace_seconds=10.0)
    host.ends = [(100, 0)]
    keeper.pass_time(9.9)
    assert host.killed == 0

    keeper.pass_time(0.2)
    assert host.killed > 0
    host.is_everything_empty = True
    assert keeper.verdict(keeper.pass_time(1)) is not None


def test_a_stop_that_comes_after_the_command_ended_does_not_change_how_it_ended(
    keeper: KeeperInHand, host: MadeUpHost
) -> None:
    keeper.run()
    host.is_everything_empty = False
    host.ends = [(100, 0)]
    keeper.pass_time(0)
    keeper.say(words.STOP, reason="stopped_by_user", grace_seconds=10.0)
    host.is_everything_empty = True

    verdict = keeper.verdict(keeper.pass_time(1)) or {}
    assert (verdict["exit_code"], verdict["reason"]) == (0, None)


def test_a_code_is_waited_for_three_seconds_and_no_longer(keeper: KeeperInHand, host: MadeUpHost) -> None:
    keeper.run()
    heir = keeper.heir()
    host.ends = [(100, None)]
    assert heir.verdict(heir.pass_time(2.9)) is None

    assert (heir.verdict(heir.pass_time(0.2)) or {})["reason"] == "shim_died"


def test_the_end_of_one_attempt_is_not_lost_when_another_one_had_its_number(
    keeper: KeeperInHand, host: MadeUpHost
) -> None:
    keeper.run("job_1.1")
    heir = keeper.heir()
    host.ends = [(100, None)]
    heir.pass_time(1)  # its code is still waited for
    heir.run("job_2.1")  # and its number is given again
    assert heir.verdict(heir.pass_time(5), "job_1.1") is not None

    host.ends = [(100, 3)]

    assert (heir.verdict(heir.pass_time(0), "job_2.1") or {})["exit_code"] == 3


def test_a_time_limit_and_an_output_limit_are_the_machines_time(keeper: KeeperInHand, host: MadeUpHost) -> None:
    keeper.run(timeout_seconds=100.0, stop_grace_seconds=3.0)
    keeper.pass_time(99.9)
    assert host.asked == 0
    keeper.pass_time(0.2)
    assert (host.asked, host.killed) == (1, 0)
    keeper.pass_time(3)
    assert host.killed > 0

    keeper.run("job_2.1", output_limit_bytes=10.0, stop_grace_seconds=3.0)
    host.output_size = 11
    keeper.pass_time(5)
    assert host.asked == 2


def test_an_order_that_the_disk_does_not_take_is_refused_and_nothing_of_it_is_kept(
    keeper: KeeperInHand, disk: MadeUpDisk, host: MadeUpHost
) -> None:
    disk.room = 0

    (answer,) = keeper.order()

    assert (answer["say"], answer["code"]) == (words.REFUSED, "disk")
    assert answer["error"] == "cannot record the order: No space left on device"
    (end,) = keeper.say(words.GO)
    assert (end["say"], words.object_of(end["verdict"])["reason"]) == (words.ENDED, "spawn_failed")
    assert host.spawned == []
    disk.room = 1 << 30
    assert keeper.say(words.HELLO)[-1]["attempts"] == []
    assert keeper.heir().say(words.HELLO)[-1]["attempts"] == []


def test_an_attempt_that_was_ordered_ends_on_a_disk_that_is_full_since(
    keeper: KeeperInHand, disk: MadeUpDisk, host: MadeUpHost
) -> None:
    for number in range(30):
        keeper.order(f"job_{number}.1")
    disk.room = 0
    for number in range(30):
        host.next_pid = 100 + number
        keeper.say(words.GO, f"job_{number}.1")
    host.ends = [(100 + number, number) for number in range(30)]
    keeper.pass_time(0)

    told = keeper.heir().say(words.HELLO)[-1]["attempts"]
    assert isinstance(told, list)
    assert [words.object_of(words.object_of(one)["verdict"])["exit_code"] for one in told] == list(range(30))


def test_an_end_that_the_disk_does_not_take_is_told_all_the_same_and_written_later(
    keeper: KeeperInHand, disk: MadeUpDisk, host: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.run()
    with monkeypatch.context() as broken:
        broken.setattr(disk, "write", failing)
        host.ends = [(100, 5)]
        assert (keeper.verdict(keeper.pass_time(0)) or {})["exit_code"] == 5
        assert keeper.keeper.seconds_to_wait() is not None  # it tries again although nothing happens
    keeper.pass_time(2)

    told = keeper.heir().say(words.HELLO)[-1]["attempts"]
    assert isinstance(told, list)
    assert words.object_of(words.object_of(told[0])["verdict"])["exit_code"] == 5


def failing(offset: int, content: bytes) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_an_end_is_on_the_disk_for_good_before_it_is_told(
    keeper: KeeperInHand, disk: MadeUpDisk, host: MadeUpHost
) -> None:
    keeper.run()
    assert "sync" not in disk.deeds
    host.ends = [(100, 0)]
    keeper.keeper.look()
    assert "sync" not in disk.deeds

    said = keeper.keeper.answers()

    assert keeper.verdict(said) is not None
    assert disk.deeds[-2:] == ["write", "sync"]


def test_a_stop_is_written_before_it_is_asked_and_asked_although_it_cannot_be(
    keeper: KeeperInHand, disk: MadeUpDisk, host: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bool] = []
    monkeypatch.setattr(host, "ask", lambda *_, **__: written.append(b'"stopping"' in disk.content))
    keeper.run()
    keeper.say(words.STOP, reason="stopped_by_user")
    assert written == [True]
    disk.content.clear()
    heir = keeper.heir()
    host.next_pid = 101
    heir.run("job_2.1")
    with monkeypatch.context() as broken:
        broken.setattr(disk, "write", failing)
        heir.say(words.STOP, "job_2.1", reason="stopped_by_user")

    assert written == [True, False]


def test_nothing_is_spawned_whose_grant_is_not_written(
    keeper: KeeperInHand, disk: MadeUpDisk, host: MadeUpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper.order()
    with monkeypatch.context() as broken:
        broken.setattr(disk, "write", failing)
        (waiting,) = keeper.say(words.GO)
        keeper.pass_time(10)
        assert host.spawned == []
    assert waiting["error"] == "cannot record the grant: Input/output error"

    keeper.pass_time(10)

    assert host.spawned == ["job_1.1"]


def test_a_command_that_cannot_be_started_is_over_at_once(keeper: KeeperInHand, host: MadeUpHost) -> None:
    host.refusals = [SpawnError("project_dir_refused", "x" * 5000)]
    keeper.order()

    verdict = keeper.verdict(keeper.say(words.GO)) or {}

    assert verdict["reason"] == "project_dir_refused"
    assert len(str(verdict["error"])) == 2000  # what the journal has room for


@pytest.mark.parametrize(("collected", "code"), [(1, 1), (None, 0)])
def test_the_code_that_a_launcher_collected_counts_for_more_than_what_the_command_left_about_itself(
    keeper: KeeperInHand, host: MadeUpHost, collected: int | None, code: int
) -> None:
    keeper.run()
    host.outcome = {"exit_code": 0}
    host.ends = [(100, None)]
    said = keeper.pass_time(0)
    if collected is not None:
        said += keeper.say(words.COLLECTED, pid=100, start_time="born-1", code=collected)

    verdict = keeper.verdict([*said, *keeper.pass_time(4)]) or {}

    assert (verdict["exit_code"], verdict["reason"]) == (code, None)


def test_a_code_that_came_while_the_keeper_was_held_up_is_heard_before_it_is_said_to_be_unknown(
    keeper: KeeperInHand, host: MadeUpHost
) -> None:
    keeper.run()
    host.ends = [(100, None)]
    said = keeper.pass_time(0)
    host.clock += 60
    keeper.keeper.look()  # it was writing all the time, and has not listened since
    said += keeper.say(words.COLLECTED, pid=100, start_time="born-1", code=-9)

    verdict = keeper.verdict([*said, *keeper.pass_time(3)]) or {}

    assert (verdict["signal"], verdict["reason"]) == (9, None)


def test_an_heir_makes_durable_what_it_tells_although_the_disk_has_no_room_to_write_it_anew(
    keeper: KeeperInHand, host: MadeUpHost, disk: MadeUpDisk
) -> None:
    # Its keeper may have died between the writing and the sync.
    keeper.run()
    host.ends = [(100, 0)]
    keeper.pass_time(0)
    disk.deeds.clear()
    disk.has_room_for_another = False

    told = keeper.heir().say(words.HELLO)[-1]["attempts"]

    assert isinstance(told, list)
    assert words.object_of(told[0])["phase"] == "ended"
    assert "sync" in disk.deeds
