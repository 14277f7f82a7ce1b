"""The files of a project folder, found so that loops, devices and huge trees do no harm."""

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILES_MAX = 200_000
# Folders that hold what was fetched or made, not what was written.
NOT_OURS = frozenset(
    {".git", ".hg", ".svn", ".tox", ".venv", "__pycache__", "build", "dist", "node_modules", "target", "venv"}
)


@dataclass(frozen=True)
class Listing:
    """The regular files below a folder, as sorted paths relative to it.

    Shape:   `is_cut` is true if there were more than FILES_MAX.
    """

    files: list[str]
    is_cut: bool


def list_files(root: Path, focus: str) -> Listing:
    """List the files below `root`/`focus`: those that git knows or would, else all that are not in NOT_OURS."""
    paths = _files_of_git(root, focus)
    found: list[str] = []
    for path in _walk(root, focus) if paths is None else iter(paths):
        if len(found) == FILES_MAX:
            return Listing(sorted(found), is_cut=True)
        if _is_regular(root, path):
            found.append(path)
    return Listing(sorted(found), is_cut=False)


def _files_of_git(root: Path, focus: str) -> list[str] | None:
    command = [
        "git",
        "-C",
        str(root),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        focus or ".",
    ]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    # A folder that the repository around it ignores has no files for git, and may have many for us.
    return sorted({os.fsdecode(path) for path in done.stdout.split(b"\0") if path}) or None


def _walk(root: Path, focus: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root / focus, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in NOT_OURS)
        for name in sorted(files):
            yield os.path.relpath(Path(folder) / name, root)


def _is_regular(root: Path, path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(root / path).st_mode)
    except (OSError, ValueError):
        return False
