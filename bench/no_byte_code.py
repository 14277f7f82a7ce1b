"""The same bench where no byte code of ours can be written or read: a read-only image, a user without rights."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support.project import REPOSITORY

NOT_COPIED = ("__pycache__", ".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tools")


def run_again(words: Sequence[str]) -> int:
    """Run the bench from a copy of this checkout and its packages; Python itself keeps its byte code."""
    with tempfile.TemporaryDirectory(prefix="bench-copy-") as scratch:
        copy = Path(scratch) / "checkout"
        ignored = shutil.ignore_patterns(*NOT_COPIED)
        shutil.copytree(REPOSITORY, copy, symlinks=True, ignore=ignored, copy_function=_link_or_copy)
        for path in (*copy.glob(".venv/lib/python*/site-packages/*.pth"), *copy.glob(".venv/bin/*")):
            _point_to(copy, path)
        for folder in {path.parent for path in copy.rglob("*.py")}:
            # A file of that name lets no folder of that name be made, whoever tries.
            (folder / "__pycache__").touch()
        environment = {**os.environ, "PYTHONPATH": "tests", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [str(copy / ".venv/bin/python"), "-m", "bench", *words]
        return subprocess.run(command, cwd=copy, env=environment, check=False).returncode


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _point_to(copy: Path, path: Path) -> None:
    """Let a file that names this checkout name its copy."""
    if path.is_symlink():
        return
    content = path.read_bytes()
    changed = content.replace(str(REPOSITORY).encode(), str(copy).encode())
    if changed != content:
        mode = path.stat().st_mode
        path.unlink()  # it may be the same file as in the checkout
        path.write_bytes(changed)
        path.chmod(mode)
