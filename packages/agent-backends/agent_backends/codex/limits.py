"""What the account may still use, as Codex tells it, and when it may use more."""

from datetime import UTC, datetime

from agent_backends.client.loose import part, whole
from runtime_client.wire import JsonObject

FULL_PERCENT = 100


def reset_sentence(limits: JsonObject) -> str:
    """Say when the limit that is used up begins anew; nothing if that is not known."""
    windows = [part(limits, "primary"), part(limits, "secondary")]
    times = [whole(window, "resetsAt") for window in windows if whole(window, "usedPercent") >= FULL_PERCENT]
    if not (known := [at for at in times if at > 0]):
        return ""
    return f" (it begins anew at {datetime.fromtimestamp(max(known), UTC):%Y-%m-%d %H:%M:%S} UTC)"
