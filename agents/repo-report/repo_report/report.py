"""Puts folder, contents and history into a page of Markdown."""

import re
import sys
from collections import Counter
from pathlib import Path

from repo_report.contents import Contents, read_contents
from repo_report.folder import FILES_MAX, list_files
from repo_report.history import COMMITS_MAX, History, NoHistoryError, read_history

ROWS = 8
MONTHS = 6


def main(root: Path, prompt: str) -> int:
    """Print the report of `root`, or of the sub-folder that the prompt names."""
    focus = focus_of(root, prompt)
    listing = list_files(root, focus)
    contents = read_contents(root, listing.files)
    history = _history_lines(root, focus)
    sections = [
        _title(root, focus),
        _summary(contents, is_cut=listing.is_cut),
        _languages(contents),
        *history,
        _put_off(contents),
    ]
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    print("\n\n".join(section for section in sections if section))
    return 0


def focus_of(root: Path, prompt: str) -> str:
    """Return the first word of the prompt that is a folder below `root`, as a relative path; empty if none is."""
    words: list[str] = re.findall(r"[^\s'\"`]+", prompt[:100_000])
    for word in words:
        candidate = word.rstrip(".,;:!?)")
        if candidate.strip("./") and _is_folder_below(root, candidate):
            return (root / candidate).resolve().relative_to(root.resolve()).as_posix()
    return ""


def _is_folder_below(root: Path, candidate: str) -> bool:
    try:
        folder = (root / candidate).resolve()
        return folder.is_dir() and root.resolve() in folder.parents
    except (OSError, ValueError, RuntimeError):
        return False


def _title(root: Path, focus: str) -> str:
    where = f"{root.resolve().name or root}/{focus}" if focus else root.resolve().name or str(root)
    return f"# Report of {_plain(where)}"


def _summary(contents: Contents, *, is_cut: bool) -> str:
    if not contents.files:
        return "There are no files here."
    lines = sum(language.lines for language in contents.languages.values())
    words = [f"{contents.files:,} files, {_size(contents.size_bytes)}, {lines:,} lines of text"]
    if contents.binary:
        words.append(f"{contents.binary:,} binary")
    if contents.not_read:
        words.append(f"{contents.not_read:,} not read (too large, or not readable)")
    if is_cut:
        words.append(f"only the first {FILES_MAX:,} files were looked at")
    return "; ".join(words) + "."


def _languages(contents: Contents) -> str:
    ranked = sorted(contents.languages.items(), key=lambda item: (-item[1].size_bytes, item[0]))
    rows = [f"| {name} | {of.files:,} | {of.lines:,} | {_size(of.size_bytes)} |" for name, of in ranked[:ROWS]]
    if len(ranked) > ROWS:
        rows.append(f"| and {len(ranked) - ROWS} more | | | |")
    return _section("Languages", "| language | files | lines | size |\n|---|---:|---:|---:|", rows)


def _history_lines(root: Path, focus: str) -> list[str]:
    try:
        return _of_history(read_history(root, focus))
    except NoHistoryError as error:
        return [str(error)]


def _of_history(history: History) -> list[str]:
    if not history.commits:
        return ["There are no commits yet."]
    window = f"the last {COMMITS_MAX:,} commits" if history.is_cut else f"{history.commits:,} commits"
    note = " The clone is shallow: older commits are not here." if history.is_shallow else ""
    months = sorted(history.by_month.items(), reverse=True)[:MONTHS]
    activity = ", ".join(f"{month}: {count:,}" for month, count in months)
    newest = "\n".join(f"- {_plain(line)}" for line in history.newest)
    head = f"Branch {_plain(history.branch)}, from {window} (merges left out).{note}"
    return [
        f"## Activity\n\n{head}\n\n{activity}\n\n{newest}",
        _section("Authors", "| author | commits |\n|---|---:|", _counts(history.authors)),
        _section("Most changed files", "| file | commits |\n|---|---:|", _counts(history.changes)),
    ]


def _put_off(contents: Contents) -> str:
    if not contents.put_off:
        return "## Work put off\n\nNo TODO, FIXME, XXX or HACK." if contents.files else ""
    total = sum(contents.put_off.values())
    head = (
        f"{total:,} marks (TODO, FIXME, XXX, HACK) in {len(contents.put_off):,} files.\n\n| file | marks |\n|---|---:|"
    )
    return _section("Work put off", head, _counts(contents.put_off))


def _counts(counted: "Counter[str]") -> list[str]:
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [f"| {_plain(name)} | {count:,} |" for name, count in ranked[:ROWS]]


def _section(title: str, head: str, rows: list[str]) -> str:
    return "\n".join([f"## {title}\n\n{head}", *rows]) if rows else ""


def _plain(text: str) -> str:
    """Return a name or a subject so that it cannot break out of its cell."""
    visible = "".join(character if character.isprintable() else "?" for character in text)
    return visible.replace("\\", "\\\\").replace("|", "\\|")


def _size(size_bytes: int) -> str:
    size = float(size_bytes)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
