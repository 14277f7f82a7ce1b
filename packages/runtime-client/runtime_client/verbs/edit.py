"""`ao edit`: other words for a message that no launcher has."""

import sys
from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Argument, Option
from runtime_client.terminal.command_line import JsonOption, connect, print_json, print_text, read_prompt
from runtime_client.verbs.which_jobs import waiting_job


def main(
    name: Annotated[str, Argument("NAME", "A session's name, or a job's id.", completes="session")],
    prompt: Annotated[str | None, Option("--prompt", "The new words; default: standard input.", short="-p")] = None,
    as_json: JsonOption = False,
) -> int:
    """Change the words of the one message that waits in a session, or of a job; print the job.

    What a launcher has taken cannot be changed any more. Exit status 4: it was taken.
    """
    words = read_prompt(prompt, sys.stdin)
    with connect() as client:
        changed = client.edit_job(waiting_job(client, name), words)
    if as_json:
        print_json(changed)
    else:
        print_text(str(changed.get("job_id")))
    return ExitCode.SUCCESS
