"""A repository as it lies on the disk, and one of our own beside it, in which nothing of its settings holds.

Git runs programs that a repository's configuration names: hooks, filters, pagers, `fsmonitor`, drivers for diffs. An
agent may write that configuration. So `git` is given an empty repository that borrows the other one's objects and
index; what the files of the other one's working tree ask for, this one has no program for.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POINTER_BYTES_MAX = 8192
INDEX_BYTES_MAX = 256 << 20


class NoChangesError(Exception):
    """It cannot be told; the text is one sentence for a person."""


@dataclass(frozen=True)
class Repository:
    """Where a repository's parts are.

    Shape:   `git_dir` has the index, and `common_dir` the objects; for a linked working tree they differ.
    """

    top: Path
    git_dir: Path
    common_dir: Path


def repository_at(folder: Path, roots: Sequence[Path]) -> Repository:
    """Find the repository that a folder is in; where there are roots, all of it must be within them.

    Errors:  NoChangesError.
    """
    try:
        real = folder.resolve(strict=True)
    except (OSError, ValueError) as error:
        raise NoChangesError(f"the folder '{folder}' cannot be opened here: {_why(error)}") from error
    for top in (real, *real.parents):
        if (git_dir := _git_dir_of(top)) is not None:
            found = Repository(top, git_dir, _common_dir_of(git_dir))
            _check_roots(found, roots)
            return found
    raise NoChangesError(f"the folder '{folder}' is in no Git repository")


def make_own(own: Path, repository: Repository, commit: str) -> None:
    """Make the repository of our own in an empty folder.

    Errors:  NoChangesError, OSError.
    """
    objects = repository.common_dir / "objects"
    if "\n" in str(objects):
        raise NoChangesError("the path of the repository has a line's end in it, which Git cannot be told")
    (own / "refs").mkdir()
    (own / "objects" / "info").mkdir(parents=True)
    (own / "objects" / "info" / "alternates").write_text(f"{objects}\n", "utf-8", "surrogateescape")
    (own / "info").mkdir()
    (own / "HEAD").write_text("ref: refs/heads/nothing\n", "ascii")
    (own / "config").write_text(_settings(commit), "ascii")
    _copy(repository.git_dir / "index", own / "index", INDEX_BYTES_MAX)
    _copy(repository.common_dir / "info" / "exclude", own / "info" / "exclude", POINTER_BYTES_MAX)


def _settings(commit: str) -> str:
    is_sha256 = len(commit) == 64
    kind = "[extensions]\n\tobjectFormat = sha256\n" if is_sha256 else ""
    return f"[core]\n\trepositoryFormatVersion = {int(is_sha256)}\n\tbare = false\n{kind}"


def _copy(source: Path, target: Path, bytes_max: int) -> None:
    """Copy a plain file that is not too large; without it Git reads what it needs from the commit and the disk."""
    try:
        if source.is_file() and not source.is_symlink() and source.stat().st_size <= bytes_max:
            shutil.copyfile(source, target)
    except OSError:
        target.unlink(missing_ok=True)


def _git_dir_of(top: Path) -> Path | None:
    place = top / ".git"
    try:
        if place.is_dir():
            return place.resolve()
        if not place.is_file():
            return None
        with place.open("rb") as file:
            words = file.read(POINTER_BYTES_MAX).decode("utf-8", "surrogateescape")
    except OSError:
        return None
    named = words.removeprefix("gitdir:").strip()
    return (top / named).resolve() if words.startswith("gitdir:") and named else None


def _common_dir_of(git_dir: Path) -> Path:
    try:
        with (git_dir / "commondir").open("rb") as file:
            named = file.read(POINTER_BYTES_MAX).decode("utf-8", "surrogateescape").strip()
    except OSError:
        return git_dir
    return (git_dir / named).resolve()


def _check_roots(found: Repository, roots: Sequence[Path]) -> None:
    for part in (found.top, found.git_dir, found.common_dir):
        if roots and not any(part.is_relative_to(root) for root in roots):
            named = ", ".join(f"'{root}'" for root in roots)
            raise NoChangesError(f"'{part}' is outside the project roots: this launcher works in {named} only")


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
