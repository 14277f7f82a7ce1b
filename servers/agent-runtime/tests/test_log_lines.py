"""What the runtime tells of in its log cannot make a line of that log."""

import json
import logging
import sys

from agent_runtime.log_lines import FactLine, JsonLine

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


def test_a_record_as_json_is_one_object_on_one_line_with_its_facts_and_trace() -> None:
    try:
        int(FORGED)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "it failed: %s", (FORGED,), sys.exc_info())
    record.path = FORGED
    record.message = "forged"  # What a formatter before it may have left.

    (line,) = JsonLine().format(record).splitlines()
    said = json.loads(line)

    assert (said["level"], said["message"], said["path"]) == ("ERROR", f"it failed: {FORGED}", FORGED)
    assert "ValueError" in said["trace"]
    assert said["at"].endswith("+00:00")
