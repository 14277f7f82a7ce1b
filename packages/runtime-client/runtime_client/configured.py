"""The environment of a command, with what the user's file says where the environment says nothing."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from runtime_client.errors import UsageError


def configured(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a command goes by to find its runtime.

    What runs for a session was told all of it by whoever started it, so no file is read there.

    Errors:  UsageError.
    """
    if is_of_session(environment):
        return environment
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME") or "~", ".config")  # noqa: PTH118
    if not os.path.lexists(os.path.join(os.path.expanduser(home), "agent-orchestrator/config.toml")):  # noqa: PTH111, PTH118
        return environment
    # Imported late: most have no such file.
    from settings_file.environment import with_file
    from settings_file.known import FOR_CLIENTS

    with worded():
        return with_file(environment, FOR_CLIENTS)


@contextmanager
def worded() -> Iterator[None]:
    """Say what is wrong with a file of settings as what is wrong with the asking.

    Errors:  UsageError.
    """
    from settings_file.reader import SettingsFileError

    try:
        yield
    except SettingsFileError as cause:
        raise UsageError(str(cause)) from cause


def is_of_session(environment: Mapping[str, str]) -> bool:
    """Tell whether a process runs for a session: a launcher's command, an agent, or what that started."""
    return bool(environment.get("AGENT_JOB_ID") or environment.get("AGENT_SESSION_NAME"))
