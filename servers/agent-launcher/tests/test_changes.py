"""What a launcher tells of a repository that an agent has had in its hands: all that differs, and nothing is run."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import cast

import pytest

from lib.changes.difference import FILES_MAX, PATCH_BYTES_MAX, UNTRACKED_MAX, changes_of
from lib.changes.repository import NoChangesError
from lib.wire.models import Inquiry, JsonObject

WHO = {f"GIT_{role}_{what}": "a@b.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **WHO}
    done = subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x", "--allow-empty")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    git(folder, "init", "-q")
    (folder / "src" / "a.txt").write_text("one\ntwo\n")
    (folder / "gone.txt").write_text("gone\n")
    (folder / ".gitignore").write_text("*.pyc\n")
    return folder


def told(folder: Path, since: str, until: str | None = None, roots: tuple[Path, ...] = ()) -> JsonObject:
    inquiry = Inquiry("inq_1", str(folder), since, until)
    return changes_of(inquiry, roots, {"PATH": os.environ["PATH"]}, time.monotonic)


def files(answer: JsonObject) -> dict[str, tuple[object, object, object]]:
    rows = cast("list[JsonObject]", answer["files"])
    return {str(row["path"]): (row["added"], row["removed"], row["is_untracked"]) for row in rows}


def test_all_that_differs_is_told_and_the_repository_stays_as_it_is(project: Path) -> None:
    since = commit(project)
    (project / "src" / "a.txt").write_text("one\n2\n")
    git(project, "commit", "-qam", "by the agent")
    between = git(project, "rev-parse", "HEAD")
    (project / "gone.txt").unlink()
    (project / "picture.bin").write_bytes(b"\0\1\2" * 10)
    (project / "näu.txt").write_text("new\n")
    (project / "skipped.pyc").write_text("x")
    before = {path: path.stat().st_mtime_ns for path in (project / ".git").rglob("*")}

    answer = told(project / "src", since)

    assert answer["repository"] == str(project)
    assert files(answer) == {
        "src/a.txt": (1, 1, False),
        "gone.txt": (0, 1, False),
        "picture.bin": (None, None, True),
        "näu.txt": (1, 0, True),
    }
    patch = str(answer["patch"])
    assert "-two\n+2\n" in patch
    assert "+++ b/näu.txt\n@@ -0,0 +1 @@\n+new\n" in patch
    assert "Binary files /dev/null and b/picture.bin differ" in patch
    assert files(told(project, since, between)) == {"src/a.txt": (1, 1, False)}
    assert {path: path.stat().st_mtime_ns for path in (project / ".git").rglob("*")} == before


def test_nothing_that_a_hostile_repository_names_is_run(project: Path, tmp_path: Path) -> None:
    """Filters, drivers, hooks, pagers and monitors, in the repository and in one inside it."""
    trap, ran = tmp_path / "trap", tmp_path / "ran"
    trap.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{ran}'\ncat\n")
    trap.chmod(0o755)
    inner = project / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "in.txt").write_text("one\n")
    commit(inner)
    since = commit(project)
    for place in (project, inner):
        for name in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand", "core.editor", "pager.diff"):
            git(place, "config", name, str(trap))
        for name in ("filter.evil.clean", "filter.evil.process", "diff.evil.command", "diff.evil.textconv"):
            git(place, "config", name, str(trap))
        git(place, "config", "filter.evil.required", "true")
        (place / ".gitattributes").write_text("* filter=evil diff=evil\n")
        (place / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")
        for hook in ("post-index-change", "fsmonitor-watchman", "pre-commit", "post-checkout"):
            (place / ".git" / "hooks" / hook).symlink_to(trap)
    (project / "src" / "a.txt").write_text("changed\n")
    (inner / "in.txt").write_text("two\n")
    (project / "new.txt").write_text("new\n")
    (project / "--output=hurt").write_text("x\n")
    (project / "link").symlink_to("/etc/passwd")

    answer = told(project, since)

    assert not ran.exists(), ran.read_text()
    assert {"src/a.txt", "new.txt", "--output=hurt", "link"} <= files(answer).keys()
    assert "root:" not in str(answer["patch"])
    assert not list(tmp_path.rglob("hurt"))


def test_what_is_too_much_is_cut_with_a_word(project: Path) -> None:
    since = commit(project)
    (project / "src" / "a.txt").write_text("".join(f"line {number}\n" for number in range(60_000)))
    (project / "huge.txt").write_text("x" * (3 << 20))
    for number in range(UNTRACKED_MAX + 300):
        (project / f"new-{number:04}.txt").write_text("x\n")

    answer = told(project, since)

    assert answer["is_cut"] is True
    assert PATCH_BYTES_MAX - 200 < len(str(answer["patch"]).encode()) <= PATCH_BYTES_MAX
    assert str(answer["patch"]).endswith("\n")
    assert len(files(answer)) <= FILES_MAX
    assert files(answer)["huge.txt"] == (None, None, True)


@pytest.mark.parametrize(("part", "words"), [("folder", "in no Git repository"), ("commit", "has no commit 1111")])
def test_why_it_cannot_be_told_is_one_sentence(project: Path, tmp_path: Path, part: str, words: str) -> None:
    commit(project)
    with pytest.raises(NoChangesError, match=words):
        told(tmp_path if part == "folder" else project, "1" * 40)


def test_a_repository_outside_the_project_roots_is_not_looked_at(project: Path, tmp_path: Path) -> None:
    since = commit(project)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / ".git").write_text(f"gitdir: {project / '.git'}\n")

    assert told(project, since, roots=(tmp_path,))["files"] == []
    for folder in (project, inside):
        with pytest.raises(NoChangesError, match="outside the project roots"):
            told(folder, since, roots=(inside,))


def test_a_linked_working_tree_and_an_index_of_two_parts_are_read(project: Path, tmp_path: Path) -> None:
    since = commit(project)
    git(project, "worktree", "add", "-q", str(tmp_path / "linked"))
    (tmp_path / "linked" / "gone.txt").write_text("back\n")
    git(project, "update-index", "--split-index")
    (project / "gone.txt").unlink()

    assert files(told(tmp_path / "linked", since)) == {"gone.txt": (1, 1, False)}
    assert files(told(project, since)) == {"gone.txt": (0, 1, False)}
