"""Which tests may be skipped, and why: a skip for any other reason fails the run."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Allowed:
    """A reason that may be given, as a pattern, and why it may; `also_root` if it is no want of rights."""

    reason: str
    because: str
    also_root: bool = True


ALLOWED = (
    Allowed("there is no 'bwrap' here", "make test installs it, if it may", also_root=False),
    Allowed("there is no '(zsh|fish)' here", "make test installs it, if it may", also_root=False),
    Allowed("bwrap cannot make a sandbox here", "some containers allow no namespaces"),
    Allowed("this user may not mount a small disk", "mounting takes CAP_SYS_ADMIN, which most containers lack"),
    Allowed("this system cannot limit the files of a mounted disk", "a kernel's tmpfs may not count them"),
    Allowed("this user cannot have a (cgroup|mark) for each attempt here", "the other way is tested"),
    Allowed("no cgroup can be had here", "the hierarchy is read-only in most containers"),
    Allowed("this user may not limit memory with a cgroup", "the memory controller must be delegated"),
    Allowed("this root may not become another user", "a user namespace may have one user only"),
    Allowed("only root can give a folder to another user", "the same is tested where root is", also_root=False),
    Allowed("this system does not tell how much waits", "Linux may be built without pressure stall information"),
    Allowed("systemd is not installed here", "the unit is then checked by its text alone"),
    Allowed("systemd's place", "macOS has launchd"),
    Allowed("a command of a page is not run here", "tests/documents/table.py has each, and why"),
    Allowed("the real clients are not installed here", "npm or its registry may be out of reach, which is said loudly"),
    Allowed("there is no disk that is always full here", "macOS has no /dev/full"),
)


def is_allowed(reason: str, *, is_root: bool | None = None) -> bool:
    """Tell whether a test may be skipped for a reason."""
    root = os.geteuid() == 0 if is_root is None else is_root
    return any(re.match(one.reason, reason) and (one.also_root or not root) for one in ALLOWED)


def not_allowed(skips: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Name the skips, as test and reason, that may not be."""
    for test, reason in skips:
        if not is_allowed(reason):
            yield f"{test}: {reason}"
