"""`ao holds`: the accounts whose limit is used up, until when they are held, and an end of that at a person's word."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from runtime_client.errors import UsageError
from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Option, duration
from runtime_client.terminal.clock import local_time
from runtime_client.terminal.command_line import JsonOption, connect, print_json, warn
from runtime_client.terminal.tables import print_table
from runtime_client.wire import JsonObject

HEADINGS = ("HOLD", "ACCOUNT", "BACKEND", "UNTIL", "JOBS", "WHY")


def main(
    lift: Annotated[str | None, Option("--lift", "Lift this hold.", metavar="HOLD")] = None,
    extend: Annotated[str | None, Option("--extend", "Hold this one for another time.", metavar="HOLD")] = None,
    seconds: Annotated[
        float | None, Option("--for", "How long from now, with --extend.", metavar="DURATION", read=duration(1))
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """List the accounts whose limit is used up and what waits for them, after --lift or --extend has changed one."""
    if (extend is None) != (seconds is None):
        raise UsageError("cannot extend a hold with half of what that takes: give --extend HOLD and --for DURATION")
    with connect() as client:
        if lift is not None:
            client.lift_hold(lift)
        if extend is not None and seconds is not None:
            client.extend_hold(extend, (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat())
        holds = client.holds()
    if as_json:
        print_json({"holds": [*holds]})
        return ExitCode.SUCCESS
    today = datetime.now().astimezone().date()
    print_table(HEADINGS, [_row(hold, local_time(str(hold.get("until")), today)) for hold in holds])
    if not holds:
        warn("no account is held")
    return ExitCode.SUCCESS


def _row(hold: JsonObject, until: str) -> tuple[str, ...]:
    return (
        str(hold.get("hold_id")),
        str(hold.get("account")),
        str(hold.get("backend")),
        until,
        str(hold.get("jobs")),
        str(hold.get("detail")),
    )
