"""`ao withdraw`: messages that no launcher has, taken back."""

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.command_line import JsonOption, connect, print_json, print_text
from runtime_client.verbs.retry import Names
from runtime_client.verbs.which_jobs import waiting_job
from runtime_client.wire import Json


def main(names: Names, as_json: JsonOption = False) -> int:
    """Take back the one message that waits in each session, or jobs; print the jobs.

    What a launcher has taken can only be stopped (ao stop). 'ao retry' puts a job back. Exit status 4: it was taken.
    """
    answers: list[Json] = []
    with connect() as client:
        for name in names:
            answers.append(answer := client.withdraw_job(waiting_job(client, name)))
            if not as_json:
                print_text(f"{answer.get('job_id')}  withdrawn")
    if as_json:
        print_json({"jobs": answers})
    return ExitCode.SUCCESS
