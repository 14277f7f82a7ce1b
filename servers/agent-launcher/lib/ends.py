"""Waits on the kernel until a process of ours has ended."""

from __future__ import annotations

import selectors
import socket
from typing import Generic, TypeVar

T = TypeVar("T")


class Ends(Generic[T]):
    """Tells of descriptors that became readable; each stands for something that the caller named."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, None)

    def watch(self, fd: int, thing: T) -> None:
        """Tell of this descriptor.

        May be called from any thread: the kernel takes the descriptor into a wait that is under way.

        Errors:  OSError, ValueError, KeyError, for a descriptor that cannot be watched.
        """
        self._selector.register(fd, selectors.EVENT_READ, thing)

    def forget(self, fd: int) -> None:
        """Tell no more of this descriptor.

        Errors:  ValueError, KeyError, for one that is not watched.
        """
        self._selector.unregister(fd)

    def wait(self, seconds: float) -> list[T]:
        """Wait for ends, or for `wake`, and name the things that ended."""
        ended: list[T] = []
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._woken:
                self._woken.recv(4096)
            else:
                ended.append(key.data)
        return ended

    def wake(self) -> None:
        """End the present wait."""
        self._wake.send(b"w")
