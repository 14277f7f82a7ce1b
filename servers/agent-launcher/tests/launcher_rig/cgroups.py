"""The cgroups that a test's keepers make, seen and removed from outside."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from lib.keeper import containment
from support.waiting import wait_until


def cgroup_of(name: str) -> Path | None:
    """The folder of a keeper's cgroups; None where there is none."""
    own = containment._own_cgroup()
    folder = Path(f"{own}/{name}") if own is not None else None
    return folder if folder is not None and folder.is_dir() else None


def places_in(name: str) -> list[Path]:
    """The cgroups of a keeper's attempts."""
    folder = cgroup_of(name)
    if folder is None:
        return []
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name != "keeper"]


def end_cgroup(name: str) -> None:
    """Kill all that is in a keeper's cgroups and remove them."""
    folder = cgroup_of(name)
    if folder is None:
        return
    (folder / "cgroup.kill").write_text("1", "ascii")

    def is_removed() -> bool:
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()
        return not folder.exists()

    wait_until(is_removed, "the cgroups are gone")
