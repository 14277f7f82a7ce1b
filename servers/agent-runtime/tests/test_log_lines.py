"""What the runtime tells of in its log cannot make a line of that log."""

import logging
import sys

from agent_runtime.log_lines import FactLine

FORGED = "no\n2026-01-01T00:00:00+0000 INFO all is well\x1b[2J"


def test_sentence_facts_and_trace_of_a_record_make_no_line_of_their_own() -> None:
    try:
        int(FORGED)
    except ValueError as error:
        error.add_note(FORGED)
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "it failed: %s", (FORGED,), sys.exc_info())
    record.path = FORGED

    lines = FactLine().format(record).split("\n")

    assert [line for line in lines[1:] if not line.startswith("  ")] == []
    assert "\x1b" not in "".join(lines)
