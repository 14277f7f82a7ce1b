"""`ao login`: a browser is let in."""

from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Flag
from runtime_client.terminal.command_line import JsonOption, connect, print_json, print_text


def main(
    is_viewer: Annotated[bool, Flag("--viewer", "The browser may look and not act.")] = False,
    is_opened: Annotated[bool, Flag("--open", "Open it in this machine's browser too.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Print a link to the page that lets a browser in: good once, for half an hour."""
    with connect() as client:
        link = client.login_link(viewer=is_viewer)
    print_json({"link": link}) if as_json else print_text(link)
    if is_opened:
        # Imported late: it looks for all browsers of the machine.
        import webbrowser

        webbrowser.open(link)
    return ExitCode.SUCCESS
