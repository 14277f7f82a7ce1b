"""The environment of a command, with what the user's file says where the environment says nothing."""

import os
from collections.abc import Mapping


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
    from runtime_client.config_file import as_variables, file_of_user, filled, settings_in
    from runtime_client.setting_keys import BORROWED, FOR_CLIENTS

    told = as_variables(settings_in(file_of_user(environment), FOR_CLIENTS, BORROWED), {**FOR_CLIENTS, **BORROWED})
    if environment.get("AGENT_RUNTIME_URL"):
        told.pop("AGENT_RUNTIME_TOKEN", None)  # it is for the runtime that the file names, and nobody else's
    return filled(environment, told)


def is_of_session(environment: Mapping[str, str]) -> bool:
    """Tell whether a process runs for a session: a launcher's command, an agent, or what that started."""
    return bool(environment.get("AGENT_JOB_ID") or environment.get("AGENT_SESSION_NAME"))
