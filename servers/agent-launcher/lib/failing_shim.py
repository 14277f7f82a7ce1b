"""A host whose shims fail at given steps; standard library only."""

from __future__ import annotations

from lib.failpoints import Failpoints
from lib.shim_host import Host


class FailingHost(Host):
    """Knows what every host knows, and stops at the failpoints `shim_<step>`."""

    def __init__(self, told: str) -> None:
        super().__init__()
        self._points = Failpoints(told)

    def reach(self, name: str) -> None:
        self._points.reach(f"shim_{name}")
