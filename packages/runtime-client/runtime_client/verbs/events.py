"""`ao events`: everything that happens, as it happens."""

import threading
from datetime import datetime
from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.models import Event
from runtime_client.terminal.arguments import Argument, Option, whole_number
from runtime_client.terminal.command_line import JsonOption, connect, print_json, print_text
from runtime_client.terminal.plain_text import on_one_line
from runtime_client.terminal.showing import event_line
from runtime_client.watching.stream import StreamRequest, follow


def main(
    name: Annotated[str | None, Argument("NAME", "Only of this session, by name or id.", completes="session")] = None,
    types: Annotated[
        list[str] | None, Option("--type", "Only events of this type.", metavar="WORD", is_list=True)
    ] = None,
    after: Annotated[
        int | None,
        Option("--after", "Begin behind this sequence number, not now.", metavar="NUMBER", read=whole_number(0)),
    ] = None,
    limit: Annotated[
        int | None, Option("--limit", "Leave after so many.", metavar="NUMBER", read=whole_number(1))
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Print what happens in all sessions or in one, from now on, until Ctrl+C."""
    pause, count = threading.Event(), 0
    with connect() as client:
        if name is not None:
            client.session(name)  # one that nobody has is said at once
        else:
            client.health()
        for event in follow(client, StreamRequest(name, tuple(types or ()), after), pause.wait):
            if event is None:
                continue
            print_json(event.raw) if as_json else print_text(_line(event))
            count += 1
            if count == limit:
                break
    return ExitCode.SUCCESS


def _line(event: Event) -> str:
    line = event_line(event, datetime.now().astimezone().date())
    time, _, what = line.partition(" ")
    return f"{time} {on_one_line(event.session_name or '-')}  {what}"
