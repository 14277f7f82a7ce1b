"""A launcher with failpoints, run like the launcher's own script; LAUNCHER_UNDER_TEST names that script's folder.

Points, each with a `before_` and an `after_`:

- `<call>_sent`, for each call to the runtime: register, poll, started, declined, completed, failed, stopped, log,
  heartbeat, goodbye;
- `<file>_written`, `<file>_renamed`, for `identity` and `prompt`, and `folder_made`;
- `<word>_told`, for each word to a keeper: hello, order, go, stop, drop, acknowledge, collected.

`after_<word>_heard` is reached with each word of a keeper's: hello, ordered, refused, waiting, ended. The points of its
keepers are those of `failing_keeper`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

sys.path.insert(0, os.environ["LAUNCHER_UNDER_TEST"])
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))

from lib.config import Options, load_config
from lib.keeper.words import LOCK_FILE
from lib.launcher import Launcher
from lib.lifecycle import Event, Lifecycle
from lib.machine.disk import Disk
from lib.machine.keeper_lines import Heard
from lib.machine.machine import KeeperLines, Machine
from lib.wire.http_client import HttpClient, http_client
from lib.wire.models import JsonObject
from lib.wire.quick_httpx import httpx
from support.failpoints import LAUNCHER_VARIABLE, Failpoints

KEEPER = Path(__file__).with_name("failing_keeper.py")
SUFFIX_OF_NEW, SUFFIX_OF_JSON = ".new", ".json"


class FailingDisk(Disk):
    """The real disk; what is written to it passes points."""

    def __init__(self, points: Failpoints) -> None:
        self._points = points

    def write(self, path: Path, content: bytes) -> None:
        word = _word(path)
        self._points.reach(f"before_{word}_written")
        super().write(path, content)
        self._points.reach(f"after_{word}_written")

    def replace(self, path: Path, content: bytes) -> None:
        super().replace(path, content)
        self._points.reach(f"after_{_word(path)}_renamed")

    def make_folder(self, path: Path) -> None:
        self._points.reach("before_folder_made")
        super().make_folder(path)
        self._points.reach("after_folder_made")


class FailingLines:
    """The real lines to keepers; each word, told or heard, passes points."""

    def __init__(self, lines: KeeperLines, points: Failpoints) -> None:
        self._lines = lines
        self._points = points

    def send(self, name: str, message: JsonObject) -> None:
        word = str(message["say"])
        self._points.reach(f"before_{word}_told")
        self._lines.send(name, message)
        self._points.reach(f"after_{word}_told")

    def wait(self, seconds: float) -> list[Heard]:
        all_heard = self._lines.wait(seconds)
        for heard in all_heard:
            if heard.message is not None:
                self._points.reach(f"after_{heard.message['say']}_heard")
        return all_heard

    def names(self) -> list[str]:
        return self._lines.names()

    def open(self, name: str) -> bool:
        return self._lines.open(name)

    def close(self, name: str) -> None:
        self._lines.close(name)

    def discard(self, name: str) -> None:
        self._lines.discard(name)

    def wake(self) -> None:
        self._lines.wake()

    def collect(self) -> list[JsonObject]:
        return self._lines.collect()


class FailingMachine(Machine):
    """The real machine with such a disk, such lines, and keepers that fail too."""

    def __init__(self, points: Failpoints) -> None:
        super().__init__()
        self._points = points
        self.disk = FailingDisk(points)
        self.keeper_program = KEEPER

    def keeper_lines(self, folder: Path, way: str, environment: Mapping[str, str]) -> KeeperLines:
        return FailingLines(super().keeper_lines(folder, way, environment), self._points)


class FailingClient:
    """The real client; each call passes points."""

    def __init__(self, client: HttpClient, points: Failpoints) -> None:
        self._client = client
        self._points = points

    def request(
        self,
        method: str,
        url: str,
        *,
        json: JsonObject | None,
        content: bytes | None,
        params: dict[str, str | int | float] | None,
        headers: dict[str, str],
        timeout: httpx.Timeout,
    ) -> httpx.Response:
        call = _call_of(method, url)
        self._points.reach(f"before_{call}_sent")
        answer = self._client.request(
            method, url, json=json, content=content, params=params, headers=headers, timeout=timeout
        )
        self._points.reach(f"after_{call}_sent")
        return answer

    def close(self) -> None:
        self._client.close()


def _call_of(method: str, url: str) -> str:
    parts = urlsplit(url).path.strip("/").split("/")
    if method == "DELETE":
        return "goodbye"
    return "poll" if parts[-1] == "jobs" else parts[-1]


def _word(path: Path) -> str:
    return path.name.removesuffix(SUFFIX_OF_NEW).removesuffix(SUFFIX_OF_JSON)


def keepers_in(state_dir: Path) -> list[int]:
    """The processes of a state folder's keepers."""
    locks = sorted(state_dir.glob(f"keepers/*/{LOCK_FILE}"))
    return [int(text) for lock in locks if (text := lock.read_text(encoding="ascii"))]


def main(environment: Mapping[str, str]) -> None:
    """Run until told to leave, or until a point is reached."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    state_dir = Path(sys.argv[sys.argv.index("--state-dir") + 1])
    project_root = Path(environment[LAUNCHER_VARIABLE]).parents[1]
    config = load_config(Options(state_dir=state_dir), environment, project_root, Path.cwd())
    points = Failpoints.of(environment, lambda: keepers_in(state_dir))
    client = FailingClient(http_client(config.runtime_url, config.ca_file), points)
    launcher = Launcher(config, environment, FailingMachine(points), cast("HttpClient", client))
    _listen_to_signals(launcher.lifecycle)
    os._exit(launcher.run())


def _listen_to_signals(lifecycle: Lifecycle) -> None:
    signal.signal(signal.SIGTERM, lambda *_: lifecycle.tell(Event.INTERRUPT))
    signal.signal(signal.SIGHUP, lambda *_: lifecycle.tell(Event.HANG_UP))


if __name__ == "__main__":
    main(os.environ)
