"""The commit that a project's folder stands on, read from its files: no program is run, and no setting is obeyed."""

import re
from pathlib import Path

_COMMIT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_POINTER_BYTES_MAX = 8192
_PACKED_BYTES_MAX = 64 * 1024 * 1024
_LINKS_MAX = 5


def head_commit(folder: Path) -> str | None:
    """Return the commit that is checked out where a folder is; None outside of a repository, or before its first one.

    It is a note for those who look later: what cannot be read is no trouble of the turn.
    """
    try:
        git_dir = next(filter(None, map(_git_dir_of, (folder, *folder.parents))), None)
        return None if git_dir is None else _commit_of(git_dir)
    except (OSError, ValueError):
        return None


def _git_dir_of(top: Path) -> Path | None:
    place = top / ".git"
    if place.is_dir():
        return place
    if not place.is_file():
        return None
    words = _read(place)
    return top / _path(words.removeprefix(b"gitdir:")) if words.startswith(b"gitdir:") else None


def _commit_of(git_dir: Path) -> str | None:
    common = git_dir / "commondir"
    common_dir = git_dir / _path(_read(common)) if common.is_file() else git_dir
    said = _read(git_dir / "HEAD").strip()
    for _ in range(_LINKS_MAX):
        if not said.startswith(b"ref:"):
            break
        said = _resolved(said.removeprefix(b"ref:").strip(), (git_dir, common_dir))
    return said.decode("ascii") if _COMMIT.fullmatch(said) else None


def _resolved(name: bytes, dirs: tuple[Path, Path]) -> bytes:
    if not name.startswith(b"refs/") or b".." in name:
        return b""
    for place in dirs:
        if (loose := place / _path(name)).is_file():
            return _read(loose).strip()
    packed = dirs[1] / "packed-refs"
    if not packed.is_file() or packed.stat().st_size > _PACKED_BYTES_MAX:
        return b""
    found = re.search(rb"^([0-9a-f]{40,64}) " + re.escape(name) + rb"\r?$", packed.read_bytes(), re.MULTILINE)
    return found[1] if found else b""


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_POINTER_BYTES_MAX)


def _path(words: bytes) -> str:
    return words.strip().decode("utf-8", "surrogateescape")
