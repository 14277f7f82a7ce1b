"""The places of attempts where the machine does not do as it is asked: taken, gone, barred."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_rig.cgroups import end_cgroup
from launcher_rig.keeper_under_test import had

from lib.keeper import containment, process_tree
from lib.keeper.containment import Containment, Place, contain, what_can_be_had
from lib.keeper.fork_into import can_fork_into
from support.waiting import wait_until

NAME = f"agent-launcher.test-{os.getpid()}"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for attempts' cgroups, beside the process that tests."""
    had("cgroup")
    folder = Path(f"{containment._own_cgroup()}/{NAME}")
    folder.mkdir()
    yield folder
    end_cgroup(NAME)


@pytest.fixture
def places(folder: Path) -> Iterator[Containment]:
    """A keeper's way to contain, whose home is where the test is: the test itself stays where it was."""
    home = os.open(folder.parent / "cgroup.procs", os.O_WRONLY)
    places = Containment(str(folder), home, is_marking=True)
    yield places
    if places._home is not None:
        os.close(places._home)


def spawn(places: Containment, place: Place) -> int:
    return places.spawn_into(place, lambda _: os.posix_spawn("/bin/sleep", ["sleep", "600"], {}, setsid=True))


def end(pid: int) -> None:
    """End what the test itself spawned."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_place_that_a_stranger_has_already_is_not_shared(
    places: Containment, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unlucky:
        unlucky.setattr(os, "urandom", bytes)
        taken = folder / f"job_1.1.{bytes(4).hex()}"
        taken.mkdir()
        stranger = subprocess.Popen(["/bin/sleep", "600"])
        (taken / "cgroup.procs").write_text(str(stranger.pid))

        place = places.make_place("job_1.1")

    assert (place.cgroup, place.mark) == (None, containment.MARK_MIN)
    pid = spawn(places, place)
    places.kill(place)
    os.waitpid(pid, 0)
    assert places.is_empty(place, is_thorough=True)
    stranger.terminate()
    assert stranger.wait() == -signal.SIGTERM  # nothing else had ended it


def test_a_cgroup_that_was_removed_before_it_was_entered_leaves_the_mark(places: Containment) -> None:
    place = places.make_place("job_1.1")
    assert place.cgroup is not None
    Path(place.cgroup).rmdir()

    pid = spawn(places, place)

    assert place.to_json()["cgroup"] is None
    assert not places.is_empty(place, is_thorough=False)
    assert places.named(place) == [f"sleep (pid {pid})"]
    places.ask(place)
    assert os.waitpid(pid, 0)[1] == signal.SIGTERM
    assert places.is_empty(place, is_thorough=False)


def test_a_cgroup_that_was_removed_while_its_attempt_was_elsewhere_is_no_proof_of_its_end(
    places: Containment, folder: Path
) -> None:
    place = places.make_place("job_1.1")
    pid = spawn(places, place)
    (folder.parent / "cgroup.procs").write_text(str(pid))
    assert place.cgroup is not None
    Path(place.cgroup).rmdir()

    assert not places.is_empty(place, is_thorough=False)
    places.kill(place)

    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_where_the_way_back_is_barred_the_start_does_not_look_like_one_that_failed(
    places: Containment, folder: Path
) -> None:
    place = places.make_place("job_1.1")
    assert places._home is not None
    os.close(places._home)
    places._home = os.open("/dev/null", os.O_RDONLY)

    with pytest.raises(RuntimeError, match="cannot leave the place of an attempt"):
        spawn(places, place)

    (folder.parent / "cgroup.procs").write_text("0")  # the test itself was left there
    assert place.group is not None
    end(place.group)


def test_nothing_stays_of_the_question_what_can_be_had(folder: Path) -> None:
    assert what_can_be_had() == "cgroup"
    assert (what_can_be_had("mark"), what_can_be_had("group")) == ("mark", "group")
    # Other tests have cgroups there; a trial's is named after its process.
    assert [path.name for path in folder.parent.iterdir() if path.name.endswith(f"trial-{os.getpid()}")] == []


def test_the_question_what_can_be_had_waits_for_no_fork_that_hangs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the fork of a process with threads may: it waits for a thread that it does not have.
    monkeypatch.setattr(os, "_exit", lambda _: signal.pause())

    assert can_fork_into(str(folder))
    assert not (folder / "cgroup.procs").read_text()


def test_whoever_spawned_is_back_and_without_a_mark(places: Containment) -> None:
    home = Path("/proc/self/cgroup").read_text()
    mark = process_tree.lock_limit(os.getpid())
    place = places.make_place("job_1.1")

    pid = spawn(places, place)

    assert Path("/proc/self/cgroup").read_text() == home
    assert process_tree.lock_limit(os.getpid()) == mark
    assert process_tree.lock_limit(pid) == place.mark
    places.kill(place)
    os.waitpid(pid, 0)
    wait_until(lambda: places.is_empty(place, is_thorough=True), "the place is empty")


def test_without_a_cgroup_of_its_own_a_machine_has_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containment, "_own_cgroup", lambda: None)
    assert contain("agent-launcher.none").way == "mark"

    monkeypatch.setattr(sys, "platform", "darwin")
    assert contain("agent-launcher.none").way == "group"
    assert what_can_be_had() == "group"


def test_a_process_that_is_not_ours_by_now_is_not_signalled(places: Containment) -> None:
    stranger = subprocess.Popen(["/bin/sleep", "600"])

    containment._signal_in(Place(None, 1 << 41), stranger.pid, signal.SIGKILL)

    stranger.terminate()
    assert stranger.wait() == -signal.SIGTERM  # nothing else had ended it
