"""Tables as people see them: no wider than the terminal, each thing in its place, and the cause always there."""

import pytest

from runtime_client.how_called import called
from runtime_client.terminal.tables import columns, cut, table
from runtime_client.why import HELP, why

HEADINGS = ("NAME", "STATUS", "PROJECT", "WHY")
WHY = "the one connected launcher is not labelled gpu=yes (start one that is)"
ROWS = [
    ("one", "pending", "/home/somebody/a/long/way/down", WHY),
    ("漢字漢字", "failed", "/x", "Größe\n\x1b[31m👩‍💻 wide"),
    ("n" * 60, "finished", "/y", ""),
]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_the_cause_is_whole(width: int) -> None:
    lines = table(HEADINGS, ROWS, width).splitlines()

    assert max(map(columns, lines)) <= width
    assert WHY.replace(" ", "") in "".join("".join(lines).split())
    assert "\x1b" not in "".join(lines)


def test_in_a_pipe_each_row_is_one_line_and_nothing_is_cut() -> None:
    lines = table(HEADINGS, ROWS).splitlines()

    assert len(lines) == 1 + len(ROWS)
    assert WHY in lines[1]
    assert "n" * 60 in lines[3]


def test_columns_stand_below_each_other_whatever_the_script() -> None:
    lines = table(HEADINGS, ROWS, 120).splitlines()
    at = columns(lines[0].split("STATUS")[0])

    for word in ("pending", "failed", "finished"):
        (line,) = (one for one in lines if word in one)
        assert columns(line.split(word)[0]) == at


def test_only_words_of_state_are_coloured_and_only_if_it_is_asked_for() -> None:
    shown = table(HEADINGS, [("failed", *ROWS[0][1:])], 200, is_coloured=True)

    assert "failed  \x1b[33mpending" in shown
    assert "\x1b" not in table(HEADINGS, ROWS[:1], 200)


@pytest.mark.parametrize("text", ["漢字漢字漢字", "a" * 50, "e\u0301" * 30])
def test_what_is_cut_fits(text: str) -> None:
    assert columns(cut(text, 7)) <= 7


@pytest.mark.parametrize("reason", HELP)
def test_every_help_is_a_sentence_that_can_be_said(reason: str) -> None:
    said = why({"session_name": "{x}", "status": "failed", "reason": reason, "reason_detail": "it broke."})

    assert said is not None
    assert said.startswith("it broke (")


def test_a_session_that_is_well_needs_no_sentence() -> None:
    assert why({"session_name": "x", "status": "finished", "reason": None}) is None
    assert why({"session_name": "x", "status": "running", "reason": "at_work", "reason_detail": "runs"}) is None


def test_who_stalls_at_work_is_not_told_to_try_again() -> None:
    said = why({"session_name": "one", "status": "running", "reason": "stalled", "reason_detail": "it waits"})

    assert said == f"it waits (see: {called('ao')} logs one --output; end it: {called('ao')} stop one)"
