"""`ao retry`: what failed or was stopped, once more."""

from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Argument
from runtime_client.terminal.command_line import JsonOption, connect, print_json, print_text
from runtime_client.verbs.which_jobs import newest_job
from runtime_client.wire import Json

Names = Annotated[
    list[str], Argument("NAME...", "Names of sessions, or ids of jobs.", is_list=True, completes="session")
]


def main(names: Names, as_json: JsonOption = False) -> int:
    """Run the last job of sessions once more, if it failed or was stopped; print the jobs."""
    answers: list[Json] = []
    with connect() as client:
        for name in names:
            answers.append(answer := client.retry_job(newest_job(client, name)))
            if not as_json:
                print_text(str(answer.get("job_id")))
    if as_json:
        print_json({"jobs": answers})
    return ExitCode.SUCCESS
