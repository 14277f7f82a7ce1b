"""What the account may still use, as Codex tells it, and when it may use more."""

from collections.abc import Mapping
from datetime import UTC, datetime

from agent_backends.client.loose import amount, part, whole
from agent_backends.protocol import Limit
from runtime_client.wire import JsonObject

FULL_PERCENT = 100
_MINUTES_OF_NAMES: Mapping[int, str] = {300: "5-hour limit", 10_080: "weekly limit"}


def used_up(limits: JsonObject) -> Limit | None:
    """Return the limit that is used up, the one that begins anew last if there are several; None if none is known."""
    windows = [part(limits, "primary"), part(limits, "secondary")]
    full = [one for one in windows if whole(one, "usedPercent") >= FULL_PERCENT and whole(one, "resetsAt") > 0]
    if not full:
        return None
    last = max(full, key=lambda one: whole(one, "resetsAt"))
    name = _MINUTES_OF_NAMES.get(whole(last, "windowDurationMins"))
    return Limit(name, amount(last, "resetsAt"))


def reset_sentence(limit: Limit | None) -> str:
    """Say when a limit begins anew; nothing if that is not known."""
    if limit is None or limit.retry_at is None:
        return ""
    return f" (it begins anew at {datetime.fromtimestamp(limit.retry_at, UTC):%Y-%m-%d %H:%M:%S} UTC)"
