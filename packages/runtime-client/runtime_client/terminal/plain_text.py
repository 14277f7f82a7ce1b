"""What others wrote, made harmless for a terminal: it is shown and never obeyed, and takes no line that is not its."""

import codecs
import re
from collections.abc import Mapping
from typing import TextIO

# Orders to a terminal, and what turns text around or hides in it; a line's end and a tab are text.
_ORDERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]|\r(?!\n)"
)
_LINE_ENDS: Mapping[str, str] = {"\r": "\\r", "\n": "\\n", "\t": "\\t"}


def shown(text: str) -> str:
    """Return text whose control characters can be read, such as `\\x1b` for an escape; its lines stay lines."""
    return text if text.isprintable() else _ORDERS.sub(_escape, text)


def on_one_line(text: str) -> str:
    """Return the same on a single line."""
    return text if text.isprintable() else re.sub("[\r\n\t]", lambda found: _LINE_ENDS[found[0]], shown(text))


def indented(text: str) -> str:
    """Return the same with every line but the first moved in, so that none of them looks like a line of ours."""
    return shown(text).rstrip("\r\n").replace("\n", "\n  ")


def json_shown(encoded: str) -> str:
    """Return JSON that says the same, with the escapes of JSON in place of such characters."""
    return encoded if encoded.isprintable() else _ORDERS.sub(lambda found: _json_escape(found[0]), encoded)


class PassedOn:
    """What a program writes, on its way to a stream of ours: a terminal is shown it, a pipe gets the bytes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace") if stream.isatty() else None

    def write(self, piece: bytes) -> None:
        """Pass the next bytes on at once.

        Errors:  OSError, ValueError, as the stream's own.
        """
        if self._decoder is not None:
            piece = shown(self._decoder.decode(piece)).encode()
        self._stream.buffer.write(piece)
        self._stream.flush()


def _escape(found: "re.Match[str]") -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
