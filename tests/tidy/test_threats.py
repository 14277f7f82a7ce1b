"""Each threat of the threat model names a test that is there, and no table row goes without one."""

import re
from collections.abc import Iterator

from tidy.tree import ROOT

PAGE = ROOT / "docs" / "security.md"
SECTION = "## What is done about it"
TEST = re.compile(r"`([\w./-]+\.py)::(\w+)`")


def threats(text: str) -> Iterator[str]:
    """The rows of the tables that say what is done about which threat."""
    _, _, rest = text.partition(SECTION)
    section, _, _ = rest.partition("\n## ")
    for line in section.splitlines():
        if line.startswith("| ") and not line.startswith("| threat |"):
            yield line


def unproved(row: str) -> Iterator[str]:
    """Why a row proves nothing: it names no test, or one that is not there."""
    named = TEST.findall(row.split("|")[3])
    if not named:
        yield f"no test is named: {row[:60]}"
    for path, name in named:
        file = ROOT / path
        if not file.is_file() or f"def {name}(" not in file.read_text(encoding="utf-8"):
            yield f"there is no '{path}::{name}'"


def test_every_threat_names_a_test_that_exists() -> None:
    rows = list(threats(PAGE.read_text(encoding="utf-8")))

    assert rows
    assert [problem for row in rows for problem in unproved(row)] == []


def test_a_threat_without_a_test_is_found() -> None:
    assert list(unproved("| a threat | a hope | |"))
    assert list(unproved("| a threat | a hope | `tests/tidy/test_threats.py::test_that_is_not_there` |"))
    assert not list(
        unproved(f"| a | b | `tests/tidy/test_threats.py::{test_a_threat_without_a_test_is_found.__name__}` |")
    )
