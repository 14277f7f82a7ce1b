"""A keeper with failpoints, run in the place of the keeper's own program; LAUNCHER_UNDER_TEST says where that is.

Points, each with a `keeper_before_` and a `keeper_after_`:

- `<record>_written`, for each kind of record: ordered, granted, spawned, ended, acknowledged;
- `synced`, `journal_read`, `rewritten`, `room_reserved`;
- `output_made`, `place_made`, `spawn`, `adopted`, `asked`, `killed`, `place_emptied`, `outcome_read`, `ends_collected`;
- `<word>_told`, for each word to the launcher: hello, ordered, refused, waiting, ended;
- `warm_asked`, `warm_answered` and `warm_let_through`, the steps of a warm start. The same points without `keeper_`,
  such as `warm_before_asked`, have the warm parent for their other side.

Standard library only, as the keeper's own program.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, TypeVar

sys.path.insert(0, os.environ["LAUNCHER_UNDER_TEST"])
sys.path.insert(1, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120

# Found only after the lines above: `python -I` knows no folder of ours.
from lib.keeper import containment, program, warm
from lib.keeper.containment import Containment
from lib.keeper.host import Host
from lib.keeper.journal import DiskFile
from lib.keeper.warm_line import WarmLine
from support.failpoints import Failpoints

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from lib.keeper.containment import Place
    from lib.keeper.spawn import Launch
    from lib.keeper.words import JsonObject

T = TypeVar("T")

POINTS = Failpoints.of(os.environ, lambda: [os.getppid()] if os.getppid() > 1 else [])


def passing(name: str, act: Callable[[], T]) -> T:
    """Do something between its two points."""
    POINTS.reach(f"keeper_before_{name}")
    done = act()
    POINTS.reach(f"keeper_after_{name}")
    return done


def passing_all(names: list[str], act: Callable[[], T]) -> T:
    """Do something between the points of several names."""
    for name in names:
        POINTS.reach(f"keeper_before_{name}")
    done = act()
    for name in names:
        POINTS.reach(f"keeper_after_{name}")
    return done


class FailingFile(DiskFile):
    """The real file under a journal."""

    def read(self) -> bytes:
        return passing("journal_read", super().read)

    def reserve(self, size: int) -> None:
        passing("room_reserved", lambda: super(FailingFile, self).reserve(size))

    def write(self, offset: int, content: bytes) -> None:
        names = [f"{kind}_written" for kind in kinds_in(content)]
        passing_all(names, lambda: super(FailingFile, self).write(offset, content))

    def sync(self) -> None:
        passing("synced", super().sync)

    def replace(self, content: bytes) -> None:
        passing("rewritten", lambda: super(FailingFile, self).replace(content))


class FailingHost(Host):
    """The real host."""

    def make_output(self, launch: Launch) -> None:
        passing("output_made", lambda: super(FailingHost, self).make_output(launch))

    def spawn(self, launch: Launch, place: Place) -> int:
        return passing("spawn", lambda: super(FailingHost, self).spawn(launch, place))

    def adopt(self, pid: int, start_time: str) -> bool:
        return passing("adopted", lambda: super(FailingHost, self).adopt(pid, start_time))

    def ended(self) -> list[tuple[int, int | None]]:
        POINTS.reach("keeper_before_ends_collected")
        found = super().ended()
        if found:
            POINTS.reach("keeper_after_ends_collected")
        return found

    def read_outcome(self, launch: Launch) -> JsonObject:
        return passing("outcome_read", lambda: super(FailingHost, self).read_outcome(launch))


class FailingWarmLine(WarmLine):
    """The real line to a warm parent."""

    def fork(self, script: str, order: bytes, passed: list[int]) -> int | None:
        return self._passing("asked", lambda: super(FailingWarmLine, self).fork(script, order, passed))

    def hear_who_begins(self, gate: socket.socket) -> int | None:
        return self._passing("answered", lambda: super(FailingWarmLine, self).hear_who_begins(gate))

    def let_through(self, gate: socket.socket) -> None:
        self._passing("let_through", lambda: super(FailingWarmLine, self).let_through(gate))

    def _passing(self, name: str, act: Callable[[], T]) -> T:
        of_the_parent = Failpoints.of(os.environ, lambda: [self.pid])
        of_the_parent.reach(f"warm_before_{name}")
        done = passing(f"warm_{name}", act)
        of_the_parent.reach(f"warm_after_{name}")
        return done


class FailingPlaces(Containment):
    """The real places of attempts."""

    def make_place(self, key: str) -> Place:
        return passing("place_made", lambda: super(FailingPlaces, self).make_place(key))

    def ask(self, place: Place) -> None:
        passing("asked", lambda: super(FailingPlaces, self).ask(place))

    def kill(self, place: Place) -> None:
        passing("killed", lambda: super(FailingPlaces, self).kill(place))

    def is_empty(self, place: Place, *, is_thorough: bool) -> bool:
        look = super().is_empty
        return passing("place_emptied", lambda: look(place, is_thorough=is_thorough))


class FailingLine(program.Line):
    """The real line to a launcher."""

    def send(self, content: bytes) -> None:
        names = [f"{json.loads(line)['say']}_told" for line in content.splitlines()]
        passing_all(names, lambda: super(FailingLine, self).send(content))


def kinds_in(content: bytes) -> list[str]:
    """The kinds of the records in what is written, each once."""
    records = [json.loads(line.partition(b" ")[2]) for line in content.splitlines() if line]
    return list(dict.fromkeys(str(record["kind"]) for record in records))


def main() -> None:
    """Run the keeper's own program on a machine that fails."""
    vars(program).update(DiskFile=FailingFile, Host=FailingHost, Line=FailingLine)
    vars(containment).update(Containment=FailingPlaces)
    vars(warm).update(WarmLine=FailingWarmLine)
    program.main(sys.argv[1:])


if __name__ == "__main__":
    main()
