"""The commit that a turn notes is the one that Git itself names, however the repository keeps it."""

import os
import subprocess
from pathlib import Path

import pytest

from agent_backends.turn.head_commit import head_commit


def git(folder: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@x", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "below").mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


def test_it_is_read_from_a_branch_a_packed_one_a_bare_commit_and_a_linked_working_tree(project: Path) -> None:
    commit = git(project, "rev-parse", "HEAD")
    assert head_commit(project / "below") == commit
    git(project, "pack-refs", "--all")
    assert head_commit(project) == commit
    git(project, "worktree", "add", "-q", "../linked")
    git(project.parent / "linked", "commit", "-q", "--allow-empty", "-m", "two")
    assert head_commit(project.parent / "linked") == git(project.parent / "linked", "rev-parse", "HEAD") != commit
    git(project, "checkout", "-q", "--detach")
    assert head_commit(project) == commit


def test_where_there_is_none_or_it_leads_elsewhere_nothing_is_noted(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("1" * 40)
    for said in ("ref: refs/../../../secret", "ref: /etc/passwd", "ref: refs/heads/unborn", "nonsense", ""):
        (project / ".git" / "HEAD").write_text(said)
        assert head_commit(project) is None, said
    assert head_commit(tmp_path) is None
