"""How a line of the launcher's log looks: when, how bad, what happened; and nothing that it tells of can make one."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO

from lib.wire.trace_of_job import trace_of

# Orders to a terminal, and what turns text around or hides in it.
_ORDERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


# The facts of a sentence stand in it by their names: "job started job_id=%s attempt=%d".
_PLACE = re.compile(r"(?:(\w+)=)?%(?:\.\d+)?[sdrf]")


class LogFormat(StrEnum):
    """For whom the log is written."""

    TEXT = "text"
    JSON = "json"


class JsonLine(logging.Formatter):
    """Writes one JSON object a line: `at`, `level`, `message`, `trace` where there is one, and the message's facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Put the whole of a record on its line."""
        said = {
            **_facts(record),
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        if isinstance(job_id := said.get("job_id"), str):
            said["trace_id"] = trace_of(job_id)
        if record.exc_info:
            said["trace"] = self.formatException(record.exc_info)
        return json.dumps(said, default=str)


def _facts(record: logging.LogRecord) -> dict[str, object]:
    names = [found[1] for found in _PLACE.finditer(str(record.msg).replace("%%", ""))]
    values = record.args if isinstance(record.args, tuple) else ()
    return {name: value for name, value in zip(names, values, strict=False) if name}


class LogLine(logging.Formatter):
    """Writes `time LEVEL what happened`; a line that goes on is moved in, and control characters are shown."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        """Put the whole of a record into a form that no other line can be taken for."""
        text = super().format(record).replace("\n", "\n  ")
        return text if text.isprintable() else _ORDERS.sub(lambda found: ascii(found[0])[1:-1], text)


def log_to(stream: TextIO, level: int, form: LogFormat = LogFormat.TEXT) -> None:
    """Send what is logged there."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine() if form is LogFormat.JSON else LogLine())
    logging.basicConfig(level=level, handlers=[handler])
