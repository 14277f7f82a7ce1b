"""`ao launchers`: who runs jobs, and where."""

from typing import Annotated

from runtime_client.exit_codes import ExitCode
from runtime_client.how_called import called
from runtime_client.terminal.arguments import Flag
from runtime_client.terminal.clock import in_units
from runtime_client.terminal.command_line import JsonOption, connect, print_json, warn
from runtime_client.terminal.tables import print_table
from runtime_client.wire import JsonObject, nested, optional_number

HEADINGS = ("NAME", "STATUS", "JOBS", "HOST", "VERSION", "SEEN", "LABELS")
GONE = "gone"
"""Each session that a terminal ran leaves one of these."""


def main(
    shows_all: Annotated[bool, Flag("--all", "Those that are gone, too.")] = False, as_json: JsonOption = False
) -> int:
    """List the launchers: how many jobs each runs of those that it may, and when it last gave a sign of life.

    With --json all are told, those that are gone among them.
    """
    with connect() as client:
        found = client.launchers()
    if as_json:
        print_json({"launchers": found})
    else:
        here = [launcher for launcher in found if shows_all or launcher.get("status") != GONE]
        print_table(HEADINGS, [_row(launcher) for launcher in here])
        if not here:
            when = "now" if found else "yet"
            warn(f"no launchers {when} (start one: {called('agent-launcher')}, or all with: {called('ao up')})")
    return ExitCode.SUCCESS


def _row(launcher: JsonObject) -> tuple[str, ...]:
    most = launcher.get("max_jobs")
    jobs = f"{launcher.get('running_jobs')}" + ("" if most is None else f"/{most}")
    seen = in_units(optional_number(launcher, "proof_age_seconds") or 0.0)
    labels = ", ".join(f"{key}={value}" for key, value in nested(launcher, "labels").items())
    name, status, host, version = (str(launcher.get(key) or "-") for key in ("name", "status", "hostname", "version"))
    return name, status, jobs, host, version, seen, labels
