"""What the launcher tells of in its log cannot make a line of that log."""

from __future__ import annotations

import json
import logging

from lib.machine.log_lines import JsonLine, LogLine
from lib.wire.trace_of_job import trace_of


def test_what_is_logged_is_one_line_with_date_and_zone_and_gives_a_terminal_no_orders() -> None:
    told = "it said: no\n2026-01-01T00:00:00+0000 INFO job done\x1b[2J"
    record = logging.LogRecord("x", logging.INFO, "x", 1, "the end of %s", (told,), None)

    first, second = LogLine().format(record).split("\n")

    assert first.endswith("INFO    the end of it said: no")
    assert len(first.split(" ")[0]) == len("2026-01-01T00:00:00+0000")
    assert second == "  2026-01-01T00:00:00+0000 INFO job done\\x1b[2J"


def test_a_record_as_json_is_one_object_on_one_line_with_the_facts_that_its_sentence_names() -> None:
    told = "no\n{}"
    record = logging.LogRecord(
        "x",
        logging.INFO,
        "x",
        1,
        "job %s in %.1f s of 100%% job_id=%s attempt=%d error=%s",
        ("done", 1.5, "job_1", 2, told),
        None,
    )

    (line,) = JsonLine().format(record).splitlines()
    said = json.loads(line)

    assert said["message"] == f"job done in 1.5 s of 100% job_id=job_1 attempt=2 error={told}"
    assert {key: said[key] for key in said.keys() - {"at", "level", "message"}} == {
        "job_id": "job_1",
        "attempt": 2,
        "error": told,
        "trace_id": trace_of("job_1"),
    }
