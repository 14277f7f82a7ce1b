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
    """Keep what waits in sessions from every launcher, or with --lift no longer; print the jobs.

    Of several that wait in one session the first is held: the others wait behind it.
    """
    answers: list[Json] = []
    with connect() as client:
        for name in names:
            newest_first = waiting_jobs(client, name)
            for job_id in newest_first if is_lifted else newest_first[-1:]:
                answers.append(client.hold_job(job_id, is_held=not is_lifted))
                if not as_json:
                    print_text(f"{job_id}  {'may run' if is_lifted else 'held'}")
    if as_json:
        print_json({"jobs": answers})
    return ExitCode.SUCCESS
