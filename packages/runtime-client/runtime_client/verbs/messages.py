"""`ao messages`: what was said to a session, and what became of it."""

from datetime import UTC, datetime
from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Option, whole_number
from runtime_client.terminal.clock import age
from runtime_client.terminal.command_line import JsonOption, SessionArgument, connect, print_json, warn
from runtime_client.terminal.tables import print_table
from runtime_client.wire import Json, JsonObject

HEADINGS = ("JOB", "STATE", "FROM", "AGE", "WORDS")


def main(
    name: SessionArgument,
    limit: Annotated[int, Option("--limit", "How many at most.", metavar="NUMBER", read=whole_number(1))] = 50,
    as_json: JsonOption = False,
) -> int:
    """List what was said to a session, the newest first: accepted, delivered, consumed, failed or withdrawn.

    Those that are accepted still wait: 'ao edit', 'ao withdraw' and 'ao hold' take their jobs.
    """
    with connect() as client:
        found, has_more = client.messages(name, limit)
    if as_json:
        messages: list[Json] = [*found]
        print_json({"messages": messages, "has_more": has_more})
        return ExitCode.SUCCESS
    now = datetime.now(UTC)
    print_table(HEADINGS, [_row(message, now) for message in found])
    if has_more:
        warn(f"there are more than these {limit} messages (see --limit)")
    return ExitCode.SUCCESS


def _row(message: JsonObject, now: datetime) -> tuple[str, ...]:
    job, state, sender, accepted, words = (
        str(message.get(key) or "-") for key in ("job_id", "state", "sender", "accepted_at", "prompt_preview")
    )
    return job, state, sender, age(accepted, now), words
