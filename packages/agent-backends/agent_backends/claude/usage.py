"""What one turn used; the client's own sums run on over the turns of a session."""

from dataclasses import dataclass, field

from agent_backends.protocol import Usage
from runtime_client.wire import Json, JsonObject


@dataclass
class UsageMeter:
    """Adds up what the client reports with each result of a turn, subagents and every model included.

    `total_cost_usd` and `modelUsage` of a result are not used: after a resume they sometimes go on from the earlier
    turn's sums and sometimes start at zero, depending on what else ran in the folder.
    """

    _models: list[JsonObject] = field(default_factory=list)

    def see(self, message: JsonObject) -> None:
        """Look at one of the client's messages; all but results are ignored."""
        since_last = message.get("model_usage_since_last_result")
        if message.get("type") == "result" and isinstance(since_last, dict):
            self._models.extend(used for used in since_last.values() if isinstance(used, dict))

    @property
    def usage(self) -> Usage | None:
        """The tokens so far; None if the client has not reported any."""
        if not self._models:
            return None
        return Usage(
            input_tokens=self._tokens("inputTokens"),
            output_tokens=self._tokens("outputTokens"),
            cache_read_tokens=self._tokens("cacheReadInputTokens"),
            cache_write_tokens=self._tokens("cacheCreationInputTokens"),
        )

    @property
    def cost_usd(self) -> float | None:
        """The cost so far by the client's price list; None if it has not reported any."""
        return sum(_number(used.get("costUSD")) for used in self._models) if self._models else None

    def _tokens(self, name: str) -> int:
        return int(sum(_number(used.get(name)) for used in self._models))


def _number(value: Json) -> float:
    return value if isinstance(value, int | float) else 0
