"""The agent's words put together: they come in pieces, and what comes between two pieces ends a message."""

from collections.abc import Callable


class Words:
    """Emits each message once it is whole; the result is what was said last.

    Shape:   `last_text` is the text after the last tool call, else the last text before it.
    """

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._unfinished: list[str] = []
        self._message_id: str | None = None
        self._before = ""
        self._after: list[str] = []

    @property
    def last_text(self) -> str:
        """What of the words is the result, as far as it came."""
        unfinished = "".join(self._unfinished).strip()
        return "\n\n".join([*self._after, *([unfinished] if unfinished else [])]) or self._before

    def say(self, text: str, message_id: str | None = None) -> None:
        """Take the next piece; another id begins another message."""
        if message_id != self._message_id:
            self.pause()
        self._message_id = message_id
        self._unfinished.append(text)

    def pause(self) -> None:
        """End the message that is under way."""
        text = "".join(self._unfinished).strip()
        self._unfinished.clear()
        if text:
            self._after.append(text)
            self._emit(text)

    def work(self) -> None:
        """A tool is called: what was said up to here is not the answer, unless nothing follows."""
        self.pause()
        if self._after:
            self._before = self._after[-1]
            self._after.clear()
