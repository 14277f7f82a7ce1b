"""What `make run` prints to be typed can be typed, in a terminal that has no `uv`, and beside another `make run`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from documents.stage import Stage
from support.bubblewrap import why_not


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A terminal on a machine that has only Python and make."""
    if why := why_not():
        pytest.skip(why)
    built = Stage(tmp_path)
    yield built
    built.leave_nothing()


def printed(text: str, before: str) -> str:
    """The rest of the line that has these words."""
    found = re.search(rf"{before} *(.*?)\)?$", text, re.MULTILINE)
    assert found, f"no {before!r} in\n{text}"
    return found[1]


def test_the_advice_for_a_second_house_makes_one_and_both_are_found_by_what_they_print(stage: Stage) -> None:
    first = stage.serve("make run", "Ctrl+C")
    refused = stage.type("make run")
    second = stage.serve(printed(refused.err, "run another beside it:"), "Ctrl+C", beside=True)

    for house in (first, second):
        said = stage.type(printed(house, "  try"))
        assert said.exit_code == 0, said.err
        assert said.out.startswith("# Report of ")
    said = stage.type("commands/ao-list-sessions")
    assert said.out.count("hello") == 1, "each house has a memory of its own"
