"""`ao attempts`: each try of a job, and what came of it."""

from datetime import UTC, datetime
from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Argument
from runtime_client.terminal.clock import age, in_units
from runtime_client.terminal.command_line import JsonOption, connect, print_json, warn
from runtime_client.terminal.tables import print_table
from runtime_client.verbs.which_jobs import newest_job
from runtime_client.wire import Json, JsonObject, optional_number

HEADINGS = ("ATTEMPT", "STATUS", "AGE", "RAN", "WHY")


def main(
    name: Annotated[str, Argument("NAME", "A session's name, or a job's id.", completes="session")],
    as_json: JsonOption = False,
) -> int:
    """List the attempts of a job, or of the newest one of a session, oldest first."""
    with connect() as client:
        found = client.attempts(job_id := newest_job(client, name))
    if as_json:
        attempts: list[Json] = [*found]
        print_json({"job_id": job_id, "attempts": attempts})
        return ExitCode.SUCCESS
    now = datetime.now(UTC)
    print_table(HEADINGS, [_row(one, now) for one in found])
    if not found:
        warn(f"no launcher has had job {job_id!r} yet")
    return ExitCode.SUCCESS


def _row(one: JsonObject, now: datetime) -> tuple[str, ...]:
    ran = optional_number(one, "run_seconds")
    began = str(one.get("started_at") or one.get("claimed_at") or "-")
    why = ": ".join(str(one[key]) for key in ("reason", "error") if one.get(key))
    return (
        str(one.get("attempt")),
        str(one.get("status")),
        age(began, now),
        "-" if ran is None else in_units(ran),
        why or "-",
    )
