"""The agent `repo-report` on folders as they come: none of them may break it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "agents" / "repo-report" / "repo-report"


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ann | Lee", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def commit(folder: Path, message: str, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message, "--date=2026-01-02T03:04:05Z")


def report(folder: Path, prompt: str = "report") -> str:
    done = subprocess.run([str(PROGRAM)], input=prompt.encode(), cwd=folder, capture_output=True, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "first", {"README": "# work\n", "src/main": "#!/usr/bin/env python3\n# TODO: later\n"})
    commit(folder, "second", {"README": "# work\nmore\n", "src/lib.py": "x = 1\n# FIXME and TODO\n"})
    return folder


def test_a_repository_is_told_by_languages_changes_authors_and_work_put_off(repository: Path) -> None:
    page = report(repository)

    assert page.startswith("# Report of work\n")
    assert "| Python | 2 | 4 |" in page
    assert "Branch main, from 2 commits" in page
    assert "- 2026-01-02 second (Ann \\| Lee)" in page
    assert "| Ann \\| Lee | 2 |" in page
    assert "| README | 2 |" in page
    assert "3 marks (TODO, FIXME, XXX, HACK) in 2 files." in page
    assert "| src/lib.py | 2 |\n| src/main | 1 |" in page


def test_the_same_tree_gives_the_same_page(repository: Path) -> None:
    assert report(repository) == report(repository)


def test_a_folder_named_in_the_prompt_is_what_is_looked_at(repository: Path) -> None:
    page = report(repository, "please look at 'src/' only")

    assert page.startswith("# Report of work/src\n")
    assert "README" not in page


@pytest.mark.parametrize("prompt", ["../", "/etc", "look at .. and /", "\0", "", "x" * 300_000, "~", "a/" * 5000])
def test_a_prompt_never_leads_out_of_the_folder(repository: Path, prompt: str) -> None:
    assert report(repository, prompt).startswith("# Report of work\n")


def test_an_empty_folder_without_git_says_so(tmp_path: Path) -> None:
    page = report(tmp_path)

    assert "There are no files here." in page
    assert "No git history here." in page


def test_a_refusal_of_gits_is_told_as_one(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    page = report(repository)

    assert "There is a repository, and git refuses to read it: fatal: detected dubious ownership" in page
    assert "No git history here." not in page


def test_a_missing_git_is_told_as_such(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(programs))

    assert "there is no `git` on this machine" in report(repository)


def test_a_repository_without_commits_says_so(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    assert "There are no commits yet." in report(tmp_path)


def test_loops_pipes_binaries_giants_and_odd_names_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary.py").write_bytes(b"\0\1TODO")
    with (tmp_path / "giant.txt").open("wb") as giant:
        giant.truncate(3_000_000_000)
    (tmp_path / "Grüße 🎉 | x.py").write_text("# TODO\n", encoding="utf-8")
    (tmp_path / os.fsdecode(b"bad\xff.py")).write_text("# TODO\n", encoding="utf-8")
    (tmp_path / "line\nbreak.py").write_text("# TODO\n", encoding="utf-8")

    page = report(tmp_path)

    assert "5 files, 3.0 GB" in page
    assert "1 binary; 1 not read" in page
    assert "| Grüße 🎉 \\| x.py | 1 |" in page
    assert "| line?break.py | 1 |" in page


def test_a_shallow_clone_says_that_history_is_missing(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", "shallow")

    assert "1 commits (merges left out). The clone is shallow" in report(tmp_path / "shallow")


def test_what_git_ignores_is_not_counted(repository: Path) -> None:
    (repository / ".gitignore").write_text("secret.txt\n", encoding="utf-8")
    (repository / "secret.txt").write_text("TODO " * 50, encoding="utf-8")

    assert "secret" not in report(repository)
