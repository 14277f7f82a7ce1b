"""`ao hold`: what waits is kept from every launcher, until the hold is lifted."""

from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Flag
from runtime_client.terminal.command_line import JsonOption, connect, print_json, print_text
from runtime_client.verbs.retry import Names
from runtime_client.verbs.which_jobs import waiting_jobs
from runtime_client.wire import Json


def main(
    names: Names,
    is_lifted: Annotated[bool, Flag("--lift", "Lift the hold.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Keep the jobs of sessions that wait from every launcher, or with --lift no longer; print the jobs."""
    answers: list[Json] = []
    with connect() as client:
        for name in names:
            for job_id in waiting_jobs(client, name):
                answers.append(client.hold_job(job_id, is_held=not is_lifted))
                if not as_json:
                    print_text(f"{job_id}  {'may run' if is_lifted else 'held'}")
    if as_json:
        print_json({"jobs": answers})
    return ExitCode.SUCCESS
