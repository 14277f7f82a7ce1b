"""Keeps secrets out of what is shown: in texts, in JSON, and in output that comes in pieces."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import quote

from runtime_client.wire import Json, JsonObject

REDACTED = "[redacted]"
# A shorter one stands in many words that are no secret, and hides nothing worth hiding.
SECRET_CHARACTERS_MIN = 6


@dataclass(frozen=True)
class Secrets:
    """Texts that nobody is to see, and how to take them out.

    Shape:   `spellings` are what is looked for, the longest first: each secret, its lines, and how it stands in JSON
             and in a URL.
    """

    spellings: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> "Secrets":
        """Take the secrets themselves; what is too short to be distinguished from other text is left out."""
        spellings = {spelling for value in values for spelling in _spellings(value)}
        worth = [spelling for spelling in spellings if len(spelling) >= SECRET_CHARACTERS_MIN]
        return cls(tuple(sorted(worth, key=lambda spelling: (-len(spelling), spelling))))

    def hidden_in(self, text: str) -> str:
        """Return the text without them."""
        # Most texts hold none, and to compile the pattern costs as much as the rest of a short turn.
        if not any(spelling in text for spelling in self.spellings):
            return text
        return _pattern(self.spellings).sub(REDACTED, text)

    def hidden_in_object(self, value: JsonObject) -> JsonObject:
        """Return the object without them, in keys too."""
        if not self.spellings:
            return value
        return {self.hidden_in(key): self._hidden_in_json(item) for key, item in value.items()}

    def _hidden_in_json(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.hidden_in(value)
        if isinstance(value, Mapping):
            return self.hidden_in_object(value)
        if isinstance(value, list | tuple):
            return [self._hidden_in_json(item) for item in value]
        return value


class RedactedStream:
    """Output that comes in pieces, without the secrets, also where one of them is spread over two pieces.

    What could still become a secret is held back until the next piece or the end; other output is not delayed.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._wanted = tuple(spelling.encode("utf-8", "surrogateescape") for spelling in secrets.spellings)
        self._unshown = b""

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(b"|".join(re.escape(wanted) for wanted in self._wanted))

    def feed(self, piece: bytes) -> bytes:
        """Take the next piece; return what can be shown by now."""
        if not self._wanted:
            return piece
        content, shown, at = self._unshown + piece, b"", 0
        while True:
            open_from = self._first_beginning(content, at)
            found = self._pattern.search(content, at) if self._is_in(content) else None
            # One that begins later than what may become a longer one waits with it.
            if found is None or found.start() >= open_from:
                break
            shown += content[at : found.start()] + REDACTED.encode()
            at = found.end()
        self._unshown = content[open_from:]
        return shown + content[at:open_from]

    def finish(self) -> bytes:
        """Return what was held back, when nothing more comes."""
        rest, self._unshown = self._unshown, b""
        return self._pattern.sub(REDACTED.encode(), rest) if self._is_in(rest) else rest

    def _is_in(self, content: bytes) -> bool:
        return any(wanted in content for wanted in self._wanted)

    def _first_beginning(self, content: bytes, at: int) -> int:
        """Where the first text begins that ends with the content and is the beginning, and no more, of a secret."""
        return min(_beginning_of(wanted, content, at) for wanted in self._wanted)


def _beginning_of(wanted: bytes, content: bytes, at: int) -> int:
    start = content.find(wanted[:1], max(at, len(content) - len(wanted) + 1))
    while start >= 0:
        if wanted.startswith(content[start:]):
            return start
        start = content.find(wanted[:1], start + 1)
    return len(content)


def _spellings(value: str) -> Iterable[str]:
    # Output is looked at line by line, and a key file has many lines.
    for text in {value, *(line.strip() for line in value.splitlines())}:
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield quote(text, safe="", errors="replace")


def _pattern(spellings: tuple[str, ...]) -> re.Pattern[str]:
    # Compiled once: the module keeps the patterns that it was given last.
    return re.compile("|".join(re.escape(spelling) for spelling in spellings))
