"""`ao queue`: what waits, in the order in which it will run, and why it waits."""

from datetime import UTC, datetime
from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.models import Job
from runtime_client.terminal.arguments import Option, whole_number
from runtime_client.terminal.clock import age
from runtime_client.terminal.command_line import JsonOption, connect, print_json, warn
from runtime_client.terminal.tables import print_table
from runtime_client.why import why

HEADINGS = ("JOB", "SESSION", "AGENT", "AGE", "WHY")


def main(
    limit: Annotated[int, Option("--limit", "How many at most.", metavar="NUMBER", read=whole_number(1))] = 200,
    as_json: JsonOption = False,
) -> int:
    """List the jobs that no launcher has, the one first that runs next, and what each waits for."""
    with connect() as client:
        found = client.queue(limit)
    now = datetime.now(UTC)
    if as_json:
        print_json({"jobs": [job.raw for job in found.items], "has_more": found.has_more})
    else:
        print_table(HEADINGS, [_row(job, now) for job in found.items])
        if not found.items:
            warn("nothing waits")
    for sentence in found.unreadable:
        warn(sentence)
    if found.has_more:
        warn(f"there are more than these {limit} jobs (see --limit)")
    return ExitCode.SUCCESS


def _row(job: Job, now: datetime) -> tuple[str, ...]:
    agent, created = str(job.raw.get("agent_name")), str(job.raw.get("created_at"))
    return job.job_id, job.session_name, agent, age(created, now), why(job.raw) or job.status
