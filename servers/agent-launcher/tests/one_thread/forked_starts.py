"""A command that is forked into its cgroup begins as one that is executed there, and says the same if it cannot."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from launcher_rig.cgroups import end_cgroup
from launcher_rig.keeper_under_test import had

from lib.keeper import containment, spawn
from lib.keeper.containment import Containment
from lib.keeper.spawn import Launch, SpawnError
from lib.keeper.words import JsonObject

NAME = f"agent-launcher.forks-{os.getpid()}"
ALL_SIGNALS = [int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}]
TELL = """
echo "$@"; env | sort; pwd; umask; ulimit -a; cat
grep -E '^(Sig(Blk|Ign)|NoNewPrivs|Seccomp)' /proc/self/status
cut -d' ' -f4-6 /proc/$$/stat | sed "s/$$/own/g; s/$PPID/parent/"
for fd in /proc/$$/fd/*; do echo "${fd##*/}"; done
sed 's/.*agent-launcher/agent-launcher/' /proc/self/cgroup | grep -o 'job_[^.]*.1'
"""


@pytest.fixture
def places() -> Iterator[Containment]:
    """A keeper's way to contain that forks, whose home is where the test is."""
    had("cgroup")
    assert threading.active_count() == 1, "a fork would miss the other threads: run by test_forked_starts.py"
    own = Path(str(containment._own_cgroup()))
    (own / NAME / "keeper").mkdir(parents=True)
    home = os.open(own / "cgroup.procs", os.O_WRONLY)
    yield Containment(str(own / NAME), home, is_marking=True)
    os.close(home)
    end_cgroup(NAME)


def launch_in(folder: Path, *argv: str) -> Launch:
    (folder / "prompt").write_text("from the prompt\n", encoding="utf-8")
    told: JsonObject = {"argv": [*argv], "environment": {"ONE": "1 ü"}, "folder": str(folder)}
    return Launch(str(folder), {**told, "is_prompt_on_stdin": True})


def run(places: Containment, launch: Launch) -> str:
    """Run a command to its end in a place of its own, and give what it printed."""
    place = places.make_place("job_told.1")
    pid = places.spawn_into(place, partial(spawn.start, launch, {"BASE": "2", "PATH": os.environ["PATH"]}, ALL_SIGNALS))
    assert os.waitpid(pid, 0)[1] == 0, Path(launch.output_path).read_text(encoding="utf-8")
    assert places.is_empty(place, is_thorough=False)
    return Path(launch.output_path).read_text(encoding="utf-8")


def comparable(text: str) -> list[str]:
    """Leave out the mark, which is another one for each attempt, and glibc's own two signals, which it alone has."""
    glibcs = 0b11 << 31
    text = re.sub(r"(?<=SigIgn:\t)[0-9a-f]{16}", lambda found: f"{int(found[0], 16) & ~glibcs:016x}", text)
    return [line for line in text.splitlines() if not line.startswith(("locks", "file locks"))]


def test_a_command_that_is_forked_begins_as_one_that_is_executed(
    places: Containment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert places._is_forking, "this kernel forks into cgroups"
    told: list[str] = []
    ignored = [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGHUP)]
    for way in ("forked", "executed"):
        (tmp_path / way).mkdir()
        monkeypatch.setattr(places, "_spawned_at", 0.0)
        monkeypatch.setattr(places, "_is_forking", way == "forked")
        launch = launch_in(tmp_path / way, "/bin/sh", "-c", TELL, "sh", "a b", "--", "")
        told.append(run(places, launch).replace(f"/{way}", "/WAY"))
    for number, before in zip((signal.SIGTERM, signal.SIGHUP), ignored, strict=True):
        signal.signal(number, before)
    forked, executed = map(comparable, told)
    assert forked == executed
    assert "job_told.1" in forked, "it was in its cgroup"


def children() -> set[int]:
    """The test's own, also those that have ended and that nobody has collected."""
    return {child.pid for child in psutil.Process().children()}


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (("/nowhere/ao-start",), "the file does not exist, and there is no command of that name on PATH"),
        (("/etc/passwd",), "it is not executable"),
        (("/bin/true", "a\0b"), "embedded null byte"),
        (("/bin/true", "x" * (1 << 18)), "larger than this system allows"),
    ],
)
def test_what_cannot_begin_says_why_and_leaves_no_process(
    argv: tuple[str, ...], sentence: str, places: Containment, tmp_path: Path
) -> None:
    place = places.make_place("job_1.1")
    before = children()
    with pytest.raises(SpawnError, match=sentence):
        places.spawn_into(place, partial(spawn.start, launch_in(tmp_path, *argv), {}, ALL_SIGNALS))
    assert children() <= before
    assert places.is_empty(place, is_thorough=False)


def test_where_the_cgroup_is_gone_the_command_runs_without_one(places: Containment, tmp_path: Path) -> None:
    place = places.make_place("job_1.1")
    fork = places._fork_for(place)
    assert fork is not None
    Path(str(place.cgroup)).rmdir()
    assert fork() is None
    assert place.cgroup is None
    pid = places.spawn_into(place, partial(spawn.start, launch_in(tmp_path, "/bin/true"), {}, ALL_SIGNALS))
    assert os.waitpid(pid, 0)[1] == 0


def test_of_a_crowd_only_the_first_one_is_forked(places: Containment, monkeypatch: pytest.MonkeyPatch) -> None:
    place = places.make_place("job_1.1")
    assert places._fork_for(place) is not None
    monkeypatch.setattr("lib.keeper.containment.time.monotonic", lambda: places._spawned_at)
    assert places._fork_for(place) is None
    assert places.is_empty(place, is_thorough=False)
