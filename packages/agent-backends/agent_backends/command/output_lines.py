"""A program's output as it comes: emitted line by line, and kept as the result."""

import codecs
from collections.abc import Callable

LINE_CHARACTERS_MAX = 16 * 1024
SINGLE_LINES_MAX = 1000
RESULT_CHARACTERS_MAX = 4 * 1024 * 1024


class OutputLines:
    """Turns bytes into text, emits each line, and keeps the whole up to a limit.

    The first SINGLE_LINES_MAX lines are emitted one by one; of a program that goes on printing, the lines of one read
    come together. A longer line than LINE_CHARACTERS_MAX comes in parts. Bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""
        self._lines_emitted = 0
        self._kept: list[str] = []
        self._kept_characters = 0
        self._dropped_characters = 0

    def feed(self, content: bytes) -> None:
        """Take the next bytes."""
        text = self._decoder.decode(content)
        self._keep(text)
        whole, newline, self._unfinished = (self._unfinished + text).rpartition("\n")
        if newline:
            self._emit_lines(whole)
        while len(self._unfinished) > LINE_CHARACTERS_MAX:
            self._emit_one(self._unfinished[:LINE_CHARACTERS_MAX])
            self._unfinished = self._unfinished[LINE_CHARACTERS_MAX:]

    def finish(self) -> str:
        """Emit what is left of the last line, and return the whole output."""
        rest = self._decoder.decode(b"", final=True)
        self._keep(rest)
        self._emit_lines(self._unfinished + rest)
        self._unfinished = ""
        if self._dropped_characters:
            self._kept.append(f"\n[... {self._dropped_characters} more characters of output are not kept ...]\n")
        return "".join(self._kept)

    def _emit_lines(self, text: str) -> None:
        pieces = text.split("\n") if self._lines_emitted < SINGLE_LINES_MAX else [text]
        for piece in pieces:
            for start in range(0, len(piece), LINE_CHARACTERS_MAX):
                self._emit_one(piece[start : start + LINE_CHARACTERS_MAX])

    def _emit_one(self, text: str) -> None:
        if text.strip():
            self._lines_emitted += 1
            self._emit(text.rstrip("\r"))

    def _keep(self, text: str) -> None:
        room = RESULT_CHARACTERS_MAX - self._kept_characters
        self._kept.append(text[:room])
        self._kept_characters += len(text[:room])
        self._dropped_characters += len(text) - len(text[:room])
