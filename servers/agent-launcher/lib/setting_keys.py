"""What of the settings the user's file may say."""

from __future__ import annotations

from collections.abc import Mapping

from lib.config_file import Key, Keys, Kind, as_variables, file_of_user, filled, settings_in

CONNECTION: Mapping[str, Key] = {
    "url": Key("AGENT_RUNTIME_URL"),
    "token": Key("AGENT_RUNTIME_TOKEN", is_secret=True),
    "ca_file": Key("AGENT_RUNTIME_CA_FILE", Kind.PATH),
}
LAUNCHER: Mapping[str, Key] = {
    "name": Key("AGENT_LAUNCHER_NAME"),
    "labels": Key("AGENT_LAUNCHER_LABELS", Kind.PAIRS),
    "project_dir": Key("PROJECT_DIR", Kind.PATH),
    "poll_timeout": Key("POLL_TIMEOUT", Kind.NUMBER),
    "heartbeat_interval": Key("HEARTBEAT_INTERVAL", Kind.NUMBER),
    "max_jobs": Key("AGENT_LAUNCHER_MAX_JOBS", Kind.WHOLE),
    "memory_floor_mib": Key("AGENT_LAUNCHER_MEMORY_FLOOR_MIB", Kind.NUMBER),
    "memory_pressure_max": Key("AGENT_LAUNCHER_MEMORY_PRESSURE_MAX", Kind.NUMBER),
    "cpu_pressure_max": Key("AGENT_LAUNCHER_CPU_PRESSURE_MAX", Kind.NUMBER),
    "output_limit_mib": Key("AGENT_LAUNCHER_OUTPUT_LIMIT_MIB", Kind.NUMBER),
    "project_roots": Key("AGENT_LAUNCHER_PROJECT_ROOTS", Kind.PATHS, ":"),
    "env_allow": Key("AGENT_LAUNCHER_ENV_ALLOW", Kind.TEXTS),
    "env_deny": Key("AGENT_LAUNCHER_ENV_DENY", Kind.TEXTS),
    "drain_within": Key("AGENT_LAUNCHER_DRAIN_WITHIN"),
    "after_drain": Key("AGENT_LAUNCHER_AFTER_DRAIN"),
    "log_format": Key("AGENT_LAUNCHER_LOG_FORMAT"),
    "containment": Key("AGENT_LAUNCHER_CONTAINMENT"),
    "warm_starts": Key("AGENT_LAUNCHER_WARM_STARTS"),
}
OWN: Keys = {"connection": CONNECTION, "launcher": LAUNCHER}
BORROWED: Keys = {"runtime": {"data_dir": Key("AGENT_RUNTIME_DATA_DIR", Kind.PATH)}}


def with_file(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with what the user's file says where it says nothing; jobs never see this one.

    Errors:  ConfigurationError.
    """
    told = as_variables(settings_in(file_of_user(environment), OWN, BORROWED), {**OWN, **BORROWED})
    if environment.get("AGENT_RUNTIME_URL"):
        told.pop("AGENT_RUNTIME_TOKEN", None)  # it is for the runtime that the file names, and nobody else's
    return filled(environment, told)
