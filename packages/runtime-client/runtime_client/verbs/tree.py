"""`ao tree`: a session and all that it started."""

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.command_line import JsonOption, SessionArgument, connect, print_json, print_text
from runtime_client.terminal.showing import tree_lines
from runtime_client.wire import nested


def main(name: SessionArgument, as_json: JsonOption = False) -> int:
    """Draw a session with all below it: how each is, and how long it worked and what it cost with its own."""
    with connect() as client:
        answer = client.session_tree(name)
    if as_json:
        print_json(answer)
    else:
        print_text("\n".join(tree_lines(nested(answer, "tree"))))
    return ExitCode.SUCCESS
