"""What git remembers: who worked here, when, and on which files."""

import os
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

COMMITS_MAX = 2000
GIT_SECONDS = 60


@dataclass
class History:
    """The last commits, counted.

    Shape:   `by_month` has keys such as `2026-01`; `is_cut` is true if there are more than COMMITS_MAX commits,
             `is_shallow` if the clone does not have them all.
    """

    branch: str
    commits: int = 0
    newest: list[str] = field(default_factory=list)
    authors: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    by_month: Counter[str] = field(default_factory=Counter)
    is_cut: bool = False
    is_shallow: bool = False


class NoHistoryError(Exception):
    """There is no history to read; the text says why, in one sentence."""


def read_history(root: Path, focus: str) -> History:
    """Read the last COMMITS_MAX commits below `focus`.

    Errors:  NoHistoryError, if there is no repository, no git, or git refuses to read it.
    """
    _expect_a_repository(root)
    branch = (_git(root, "symbolic-ref", "--short", "-q", "HEAD") or "no branch").strip()
    history = History(branch, is_shallow=(_git(root, "rev-parse", "--is-shallow-repository") or "").strip() == "true")
    log = _git(
        root, "log", f"--max-count={COMMITS_MAX + 1}", "--no-merges", "--no-renames", "--relative", "--name-only", "-z",
        "--date=short", "--format=%x01%an%x02%ad%x02%s%x03", "--", focus or ".",
    )  # fmt: skip
    for entry in (log or "").split("\x01")[1:]:
        if history.commits == COMMITS_MAX:
            history.is_cut = True
            break
        _count(history, entry)
    return history


def _count(history: History, entry: str) -> None:
    head, _, files = entry.partition("\x03")
    author, date, subject = [*head.split("\x02"), "", ""][:3]
    history.commits += 1
    history.authors[author] += 1
    history.by_month[date[:7]] += 1
    if len(history.newest) < 5:
        history.newest.append(f"{date} {subject} ({author})")
    history.changes.update(path for path in files.replace("\n", "\0").split("\0") if path)


def _expect_a_repository(root: Path) -> None:
    try:
        done = _run_git(root, "rev-parse", "--git-dir")
    except FileNotFoundError as error:
        raise NoHistoryError("The history was not read: there is no `git` on this machine.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoHistoryError(f"The history was not read: {error}.") from error
    if done.returncode == 0:
        return
    said = " ".join(done.stderr.decode("utf-8", errors="replace").split())
    if "not a git repository" in said:
        raise NoHistoryError("No git history here.")
    raise NoHistoryError(f"There is a repository, and git refuses to read it: {said or f'status {done.returncode}'}")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = _run_git(root, *arguments)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 else None


def _run_git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    # No prompt, no pager, nobody's hooks: a report only reads.
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
    command = ["git", "-C", str(root), "--no-pager", "-c", "core.fsmonitor=false", *arguments]
    return subprocess.run(command, capture_output=True, check=False, timeout=GIT_SECONDS, env=environment)
