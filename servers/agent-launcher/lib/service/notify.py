"""Tell a service manager (systemd) that we are up, that we still live, and that we leave."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger("agent-launcher")


class ServiceWatch:
    """Speaks to `NOTIFY_SOCKET`; without one every call is a word to nobody.

    Our number is told with the first word: `uv run` stands between the manager and us, and it is we who matter.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))

    def ready(self) -> None:
        """Say that jobs are taken from now on."""
        self._tell(f"MAINPID={os.getpid()}\nREADY=1\n")

    def alive(self) -> None:
        """Say that no thread is deaf; the manager restarts whoever is silent for too long."""
        self._tell("WATCHDOG=1\n")

    def leaving(self) -> None:
        """Say that we end by ourselves."""
        self._tell("STOPPING=1\n")

    def _tell(self, words: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto(words.encode(), self._address)
        except OSError as error:
            log.debug("the service manager was not told error=%s", error)


def _address(told: str) -> str | None:
    if not told:
        return None
    return "\0" + told[1:] if told.startswith("@") else told
