"""A program's output as it comes: emitted line by line, and kept as the result."""

import codecs
from collections import deque
from collections.abc import Callable

from runtime_client.sending.shortening import left_out_note

LINE_CHARACTERS_MAX = 16 * 1024
SINGLE_LINES_MAX = 1000
HEAD_CHARACTERS_MAX = TAIL_CHARACTERS_MAX = 2 * 1024 * 1024


class OutputLines:
    """Turns bytes into text, emits each line, and keeps the whole, or its beginning and its end if it is long.

    The first SINGLE_LINES_MAX lines are emitted one by one; of a program that goes on printing, the lines of one read
    come together. A longer line than LINE_CHARACTERS_MAX comes in parts. Bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._unfinished = ""
        self._lines_emitted = 0
        self._head: list[str] = []
        self._head_room = HEAD_CHARACTERS_MAX
        self._tail: deque[str] = deque()
        self._tail_characters = 0
        self._left_out_characters = 0

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
        """Emit what is left of the last line, and return the output, with a note in the place of what was not kept."""
        rest = self._decoder.decode(b"", final=True)
        self._keep(rest)
        self._emit_lines(self._unfinished + rest)
        self._unfinished = ""
        note = [left_out_note(self._left_out_characters)] if self._left_out_characters else []
        return "".join([*self._head, *note, *self._tail])

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
        first, rest = text[: self._head_room], text[self._head_room :]
        if first:
            self._head.append(first)
            self._head_room -= len(first)
        if rest:
            self._tail.append(rest)
            self._tail_characters += len(rest)
        self._leave_out(self._tail_characters - TAIL_CHARACTERS_MAX)

    def _leave_out(self, characters: int) -> None:
        while characters > 0:
            oldest = self._tail.popleft()
            if len(oldest) > characters:
                self._tail.appendleft(oldest[characters:])
            gone = min(len(oldest), characters)
            characters -= gone
            self._tail_characters -= gone
            self._left_out_characters += gone
