"""What one turn used, as far as the agent says it."""

from dataclasses import dataclass

from agent_backends.client.loose import amount, part, whole, word
from agent_backends.protocol import Usage
from runtime_client.wire import JsonObject


@dataclass
class Meter:
    """Takes the agent's figures: its tokens are of the turn, its cost runs on over the whole conversation.

    Units:   US dollars; a cost in another currency is not taken.
    """

    usage: Usage | None = None
    _cost_before: float | None = None
    _cost_now: float | None = None

    def begin(self) -> None:
        """Count from here: what stood before the prompt is of earlier turns."""
        self._cost_before = self._cost_now

    def see_update(self, update: JsonObject) -> None:
        """Take a `usage_update`."""
        if word(update, "cost", "currency") == "USD":
            self._cost_now = amount(update, "cost", "amount")

    def see_answer(self, answer: JsonObject) -> None:
        """Take the answer to the prompt."""
        used = part(answer, "usage")
        if used:
            self.usage = Usage(
                input_tokens=whole(used, "inputTokens"),
                output_tokens=whole(used, "outputTokens"),
                cache_read_tokens=whole(used, "cachedReadTokens"),
                cache_write_tokens=whole(used, "cachedWriteTokens"),
            )

    @property
    def cost_usd(self) -> float | None:
        """The turn's cost so far; None if the agent has not told any."""
        return None if self._cost_now is None else max(0.0, self._cost_now - (self._cost_before or 0.0))
