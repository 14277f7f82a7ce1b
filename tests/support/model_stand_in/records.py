"""What the stand-in remembers of the requests it got, for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from support.model_stand_in.dialects import call_of, messages_in
from support.model_stand_in.wire import JsonObject, objects, text_of

SECRET_HEADERS = frozenset({"authorization", "x-api-key", "cookie", "proxy-authorization"})


@dataclass(frozen=True)
class RecordedRequest:
    """One request as it arrived, without its secrets.

    Units:   `arrived_at_seconds` is the machine's monotonic clock, so that other processes can be compared with it.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: JsonObject
    arrived_at_seconds: float
    credential: str | None = field(default=None)

    @property
    def _asked(self) -> JsonObject:
        return messages_in(self.path, self.body)

    @property
    def is_model_call(self) -> bool:
        """Whether the request asks the model for an answer."""
        return self.method == "POST" and call_of(self.path, self.body) is not None

    @property
    def system_text(self) -> str:
        """The system prompt, all its blocks in one text."""
        return text_of(self._asked.get("system"))

    @property
    def messages_text(self) -> str:
        """Every text of every message, for looking something up."""
        return "\n".join(text_of(message.get("content")) for message in objects(self._asked.get("messages")))

    @property
    def tool_names(self) -> list[str]:
        """The tools that the client offers to the model."""
        return [name for tool in objects(self._asked.get("tools")) if isinstance(name := tool.get("name"), str)]


def without_secrets(headers: dict[str, str]) -> tuple[dict[str, str], str | None]:
    """Take the secrets out of the headers, and say by the header's name how the client identified itself."""
    lowered = {name.lower(): value for name, value in headers.items()}
    credential = next((name for name in ("x-api-key", "authorization") if name in lowered), None)
    return {name: value for name, value in lowered.items() if name not in SECRET_HEADERS}, credential
