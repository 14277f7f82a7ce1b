"""The note that a launched command leaves for its launcher: why it failed and what it used, without parsing text."""

import json
import os
from pathlib import Path

from agent_backends.protocol import Outcome
from agent_backends.recording import usage_as_json
from runtime_client.wire import Json


def write_outcome(path: Path, outcome: Outcome, exit_code: int) -> None:
    """Write the note, whole or not at all; it says the exit status too, for a keeper that did not see the end.

    Errors:  OSError.
    """
    note: dict[str, Json] = {"exit_code": exit_code}
    if outcome.reason is not None:
        note["reason"] = outcome.reason.value
    if outcome.error is not None:
        note["error"] = outcome.error
    if outcome.usage is not None:
        note["usage"] = usage_as_json(outcome.usage)
    if outcome.cost_usd is not None:
        note["cost_usd"] = outcome.cost_usd
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(note))
    draft.replace(path)
