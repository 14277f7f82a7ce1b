"""The settings of launchers that a test builds from parts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lib.config import Config


def config_of(folder: Path, **settings: object) -> Config:
    """The settings of a launcher whose folders are all in one."""
    plain = Config(
        runtime_url="http://r",
        poll_timeout=30.0,
        heartbeat_interval=60.0,
        project_dir=folder,
        state_dir=folder,
        commands_folder=folder / "commands",
        token_file=folder / "token",
    )
    return replace(plain, **settings)  # type: ignore[arg-type]  # the tests name fields of Config
