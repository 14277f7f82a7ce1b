"""What the user's file of settings says to the launcher; jobs never see it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lib.errors import ConfigurationError


def with_file(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with what the user's file says where it says nothing.

    Errors:  ConfigurationError.
    """
    try:
        # A launcher that was copied alone has no such package, and needs it only if there is a file.
        from settings_file.environment import with_file as filled
        from settings_file.known import FOR_LAUNCHER
        from settings_file.reader import SettingsFileError
    except ModuleNotFoundError as cause:
        return _without_a_reader(environment, cause)
    try:
        return filled(environment, FOR_LAUNCHER)
    except SettingsFileError as cause:
        raise ConfigurationError(str(cause)) from cause


def _without_a_reader(environment: Mapping[str, str], cause: ModuleNotFoundError) -> dict[str, str]:
    home = Path(environment.get("HOME") or "~").expanduser()
    file = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "agent-orchestrator" / "config.toml"
    if not file.exists():
        return dict(environment)
    raise ConfigurationError(
        f"cannot read the settings in '{file}': the package 'settings_file' is not here, as this launcher was copied "
        "alone (copy packages/settings-file with it, or install the whole; or say the settings as flags and variables)"
    ) from cause
