"""A machine and a network with failpoints, for tests that end or hurt a launcher at a step of their choice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from lib import run_files
from lib.api_client import HttpClient, http_client
from lib.config import Config
from lib.disk import Disk
from lib.ends import Ends
from lib.errors import ConfigurationError
from lib.failpoints import FailpointError, Failpoints
from lib.launcher import Launcher
from lib.machine import Gate, Machine, Shims
from lib.models import JsonObject
from lib.quick_httpx import httpx

T = TypeVar("T")

# What a file is called in the name of a point.
_WORDS: Final[Mapping[str, str]] = {
    run_files.JOB_FILE: "order",
    run_files.PROMPT_FILE: "prompt",
    run_files.STOP_FILE: "stop",
    run_files.EXIT_FILE: "verdict",
    run_files.ACKED_FILE: "acked",
    "identity.json": "identity",
}
_SUFFIX_OF_NEW = ".new"


def failing_launcher(config: Config, environment: Mapping[str, str], told: str) -> Launcher:
    """Build a launcher whose machine and network fail as told; its shims are told by the same variable.

    Errors:  ConfigurationError.
    """
    try:
        points = Failpoints(told)
    except FailpointError as error:
        raise ConfigurationError(str(error)) from error
    client = FailingClient(http_client(config.runtime_url, config.ca_file), points)
    return Launcher(config, environment, FailingMachine(points), client)


class FailingMachine(Machine):
    """The real machine; what it does to disk and processes passes `before_…` and `after_…` points."""

    def __init__(self, points: Failpoints) -> None:
        super().__init__()
        self._points = points
        self.disk = _FailingDisk(points)

    def shims(self, environment: Mapping[str, str]) -> Shims:
        return _FailingShims(super().shims(environment), self._points)

    def ends(self) -> Ends[T]:
        return _FailingEnds(self._points)


class FailingClient:
    """The real client; each call passes `before_<call>_sent` and `after_<call>_sent`."""

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


class _FailingDisk(Disk):
    def __init__(self, points: Failpoints) -> None:
        self._points = points

    def write(self, path: Path, content: bytes) -> None:
        word = _WORDS.get(path.name.removesuffix(_SUFFIX_OF_NEW), path.name)
        self._points.reach(f"before_{word}_written")
        super().write(path, content)
        self._points.reach(f"after_{word}_written")

    def replace(self, path: Path, content: bytes) -> None:
        super().replace(path, content)
        self._points.reach(f"after_{_WORDS.get(path.name, path.name)}_renamed")

    def make_folder(self, path: Path) -> None:
        self._points.reach("before_folder_made")
        super().make_folder(path)
        self._points.reach("after_folder_made")


class _FailingShims:
    def __init__(self, shims: Shims, points: Failpoints) -> None:
        self._shims = shims
        self._points = points

    def start(self) -> None:
        self._shims.start()

    def stop(self) -> None:
        self._shims.stop()

    def fork_shim(self, run_path: Path) -> Gate:
        self._points.reach("before_shim_forked")
        gate = self._shims.fork_shim(run_path)
        self._points.reach("after_shim_forked")
        return _FailingGate(gate, self._points)


class _FailingGate:
    def __init__(self, gate: Gate, points: Failpoints) -> None:
        self._gate = gate
        self._points = points

    def fileno(self) -> int:
        return self._gate.fileno()

    def settimeout(self, seconds: float) -> None:
        self._gate.settimeout(seconds)

    def setblocking(self, flag: bool, /) -> None:
        self._gate.setblocking(flag)

    def recv(self, count: int, flags: int = 0, /) -> bytes:
        return self._gate.recv(count, flags)

    def send(self, content: bytes, /) -> int:
        self._points.reach("before_gate_opened")
        sent = self._gate.send(content)
        self._points.reach("after_gate_opened")
        return sent

    def close(self) -> None:
        self._gate.close()


class _FailingEnds(Ends[T]):
    def __init__(self, points: Failpoints) -> None:
        super().__init__()
        self._points = points

    def wait(self, seconds: float) -> list[T]:
        ended = super().wait(seconds)
        self._points.reach("after_ends_waited")
        if ended:
            self._points.reach("after_end_noticed")
        return ended
