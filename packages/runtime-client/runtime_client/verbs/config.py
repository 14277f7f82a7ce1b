"""`ao config`: each setting, and where it came from; secrets are never shown."""

import os
from collections.abc import Mapping
from pathlib import Path

from runtime_client.configured import worded
from runtime_client.exit_codes import ExitCode
from runtime_client.start_defaults import Told, start_defaults
from runtime_client.terminal.arguments import duration
from runtime_client.terminal.command_line import JsonOption, print_json
from runtime_client.terminal.tables import print_table
from runtime_client.verbs.defaults import DEFAULTS
from runtime_client.wire import JsonObject
from settings_file.environment import is_of_another
from settings_file.known import ALL
from settings_file.reader import file_of_user, settings_in

HIDDEN = "(hidden)"
DEFAULT = "default"
HEADINGS = ("SETTING", "VALUE", "FROM")


def main(as_json: JsonOption = False) -> int:
    """Show every setting of commands, runtime and launcher with its value and whether a variable or a file says it.

    A flag, where a program has one, wins over what stands here; then the variable, then the file, then the default.
    """
    file = file_of_user(os.environ)
    with worded():
        in_file = settings_in(file, ALL)
    started = start_defaults(os.environ, Path.cwd(), duration(0.001))
    rows = [
        _row(section, name, _told(section, name, in_file, started, file))
        for section, keys in ALL.items()
        for name in keys
    ]
    if as_json:
        print_json({"file": str(file), "settings": rows})
    else:
        print_table(HEADINGS, [(str(row["setting"]), str(row["value"] or "-"), str(row["from"])) for row in rows])
    return ExitCode.SUCCESS


def _told(
    section: str, name: str, in_file: Mapping[str, Mapping[str, str]], started: Mapping[str, Told], file: Path
) -> Told:
    if section == "start":
        return started.get(name, Told("", DEFAULT))
    variable = ALL[section][name].variable
    if value := os.environ.get(variable):
        return Told(value, variable)
    is_token = variable == "AGENT_RUNTIME_TOKEN"
    is_for_another = is_token and is_of_another(os.environ, in_file.get(section, {}).get("url"))
    if (value := in_file.get(section, {}).get(name)) and not is_for_another:
        return Told(value, str(file))
    return Told(DEFAULTS.get(f"{section}.{name}", ""), DEFAULT)


def _row(section: str, name: str, told: Told) -> JsonObject:
    key = ALL[section][name]
    value = HIDDEN if key.is_secret and told.value else told.value
    return {"setting": f"{section}.{name}", "value": value or None, "from": told.source, "variable": key.variable}
