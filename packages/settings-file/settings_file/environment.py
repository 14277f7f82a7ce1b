"""An environment in which the user's file says what nothing else does: how who calls a runtime goes by the file."""

from collections.abc import Mapping

from settings_file.key import Keys
from settings_file.known import CONNECTION, RUNTIME
from settings_file.reader import file_of_user, settings_in

DEFAULT_URL = "http://localhost:8765"
BORROWED: Keys = {"runtime": {"data_dir": RUNTIME["data_dir"]}}
"""Where the runtime's own token is found."""


def is_of_another(environment: Mapping[str, str], url: str | None) -> bool:
    """Tell whether an environment names another runtime than the file does, whose token is for that one alone."""
    said = environment.get(CONNECTION["url"].variable)
    return said is not None and said != "" and said.rstrip("/") != (url or DEFAULT_URL).rstrip("/")


def with_file(environment: Mapping[str, str], keys: Keys) -> dict[str, str]:
    """Return an environment in which what it does not say, or leaves empty, is as the user's file says.

    Errors:  SettingsFileError.
    """
    known = {**keys, **BORROWED}
    found = settings_in(file_of_user(environment), keys, BORROWED)
    told = {known[section][name].variable: text for section, values in found.items() for name, text in values.items()}
    if is_of_another(environment, told.get(CONNECTION["url"].variable)):
        told.pop(CONNECTION["token"].variable, None)
    return {**environment, **{name: text for name, text in told.items() if not environment.get(name)}}
