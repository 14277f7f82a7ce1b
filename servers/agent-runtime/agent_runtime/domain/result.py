"""What a `result` event says that a turn has used; a figure that makes no sense counts nothing."""

import math
from collections.abc import Mapping
from dataclasses import replace

from agent_runtime.domain.job import Usage
from agent_runtime.domain.json import Json, JsonObject

_TOKENS_MAX = 10**12
_COST_MAX_USD = 10**6


def with_result(usage: Usage, data: Mapping[str, Json]) -> Usage:
    """Add what the data of a `result` event says that was used."""
    usage_given = data.get("usage")
    tokens: JsonObject = usage_given if isinstance(usage_given, dict) else {}
    return replace(
        usage,
        input_tokens=usage.input_tokens + _count(tokens.get("input_tokens")),
        output_tokens=usage.output_tokens + _count(tokens.get("output_tokens")),
        cache_read_tokens=usage.cache_read_tokens + _count(tokens.get("cache_read_tokens")),
        cache_write_tokens=usage.cache_write_tokens + _count(tokens.get("cache_write_tokens")),
        cost_usd=usage.cost_usd + _cost(data.get("cost_usd")),
    )


def _count(value: Json) -> int:
    """Read a count of tokens; what is none counts nothing, because an event is kept whatever it says."""
    return value if type(value) is int and 0 <= value <= _TOKENS_MAX else 0


def _cost(value: Json) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return 0.0
    return float(value) if math.isfinite(value) and 0 <= value <= _COST_MAX_USD else 0.0
