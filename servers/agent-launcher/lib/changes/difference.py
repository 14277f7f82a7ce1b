"""What differs from a commit on: the files, and the differences as far as there is room for them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lib.changes.git import Git
from lib.changes.repository import NoChangesError, make_own, repository_at
from lib.wire.models import Inquiry, Json, JsonObject

PATCH_BYTES_MAX = 256 * 1024
LIST_BYTES_MAX = 4 * 1024 * 1024
FILES_MAX = 500
FILES_BYTES_MAX = 256 * 1024
UNTRACKED_MAX = 200
SECONDS = 15.0
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# Of a repository inside this one only its commit is compared: to look further Git would use that one's own settings.
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames", "--ignore-submodules=dirty")


@dataclass(frozen=True)
class Found:
    """One file that differs; the lines are None where they were not counted."""

    path: str
    added: int | None
    removed: int | None
    is_untracked: bool


def changes_of(
    inquiry: Inquiry, roots: Sequence[Path], environment: Mapping[str, str], monotonic: Callable[[], float]
) -> JsonObject:
    """Find what differs, in the words of the wire.

    Errors:  NoChangesError, OSError.
    """
    commits = [commit for commit in (inquiry.since_commit, inquiry.until_commit) if commit is not None]
    if not all(_COMMIT.fullmatch(commit) for commit in commits):
        raise NoChangesError("a commit is 40 or 64 hexadecimal digits, and nothing else is looked for")
    repository = repository_at(Path(inquiry.project_dir), roots)
    with tempfile.TemporaryDirectory(prefix="agent-changes-") as folder:
        own = Path(folder)
        make_own(own, repository, inquiry.since_commit)
        git = Git(own, repository.top, environment.get("PATH", ""), monotonic() + SECONDS, monotonic)
        _check_commits(git, commits)
        untracked = _take_in_untracked(git, inquiry.since_commit) if inquiry.until_commit is None else set[str]()
        listed = git.run([*_DIFF, "--numstat", "-z", *commits, "--"], LIST_BYTES_MAX)
        found = [_read(line, untracked) for line in listed.content.split(b"\0")[:-1]]
        patch = git.run([*_DIFF, "--src-prefix=a/", "--dst-prefix=b/", *commits, "--"], PATCH_BYTES_MAX)
    shown = _as_far_as_there_is_room(found)
    files: list[Json] = [dict(vars(one)) for one in shown]
    return {
        "repository": _text(os.fsencode(repository.top)),
        "files": files,
        "files_left_out": len(found) - len(shown),
        # Up to the end of a line: half of one would look like a whole one.
        "patch": _text(patch.content[: patch.content.rfind(b"\n") + 1] if patch.is_cut else patch.content),
        "is_cut": patch.is_cut or listed.is_cut,
    }


def _check_commits(git: Git, commits: Sequence[str]) -> None:
    for commit in commits:
        try:
            git.run(["cat-file", "-e", f"{commit}^{{commit}}"], 0)
        except NoChangesError as error:
            raise NoChangesError(f"the repository '{git.top}' has no commit {commit} any more: {error}") from error


def _take_in_untracked(git: Git, since: str) -> set[str]:
    """Let Git compare new files too, a limited number of them; only our own index knows of it."""
    _make_whole(git, since)
    listed = git.run(["ls-files", "-z", "--others", "--exclude-standard"], LIST_BYTES_MAX)
    # What ends so is a repository of its own.
    names = [name for name in listed.content.split(b"\0")[:-1] if not name.endswith(b"/")][:UNTRACKED_MAX]
    if names:
        words = ["add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul"]
        git.run(words, 0, b"".join(name + b"\0" for name in names))
    return {_text(name) for name in names}


def _make_whole(git: Git, since: str) -> None:
    """Make an index of the commit where there is none that can be read alone; then Git reads each file."""
    index = git.own / "index"
    with suppress(NoChangesError):
        if index.exists():
            git.run(["ls-files", "-z"], 0)
            return
    index.unlink(missing_ok=True)
    git.run(["read-tree", since], 0)


def _read(line: bytes, untracked: set[str]) -> Found:
    added, removed, path = line.split(b"\t", 2)
    name = _text(path)
    return Found(name, _number(added), _number(removed), name in untracked)


def _number(digits: bytes) -> int | None:
    return None if digits == b"-" else int(digits)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").replace("\0", "\ufffd")


def _as_far_as_there_is_room(found: Sequence[Found]) -> Sequence[Found]:
    room = FILES_BYTES_MAX
    for place, one in enumerate(found[:FILES_MAX]):
        room -= len(one.path.encode("utf-8", "replace"))
        if room < 0 or len(one.path) > 4000:
            return found[:place]
    return found[:FILES_MAX]
