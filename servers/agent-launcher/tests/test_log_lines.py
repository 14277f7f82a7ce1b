"""What the launcher tells of in its log cannot make a line of that log."""

from __future__ import annotations

import logging

from lib.machine.log_lines import LogLine


def test_what_is_logged_is_one_line_with_date_and_zone_and_gives_a_terminal_no_orders() -> None:
    told = "it said: no\n2026-01-01T00:00:00+0000 INFO job done\x1b[2J"
    record = logging.LogRecord("x", logging.INFO, "x", 1, "the end of %s", (told,), None)

    first, second = LogLine().format(record).split("\n")

    assert first.endswith("INFO    the end of it said: no")
    assert len(first.split(" ")[0]) == len("2026-01-01T00:00:00+0000")
    assert second == "  2026-01-01T00:00:00+0000 INFO job done\\x1b[2J"
