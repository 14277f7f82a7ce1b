"""How a line of the launcher's log looks: when, how bad, what happened; and nothing that it tells of can make one."""

from __future__ import annotations

import logging
import re
from typing import TextIO

# Orders to a terminal, and what turns text around or hides in it.
_ORDERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)


class LogLine(logging.Formatter):
    """Writes `time LEVEL what happened`; a line that goes on is moved in, and control characters are shown."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        """Put the whole of a record into a form that no other line can be taken for."""
        text = super().format(record).replace("\n", "\n  ")
        return text if text.isprintable() else _ORDERS.sub(lambda found: ascii(found[0])[1:-1], text)


def log_to(stream: TextIO, level: int) -> None:
    """Send what is logged there."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogLine())
    logging.basicConfig(level=level, handlers=[handler])
