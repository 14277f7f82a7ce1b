"""What `ao config` and the file of settings know of the programs' settings is what the programs have."""

import inspect
from pathlib import Path

import pytest

from agent_runtime.command_line import commands
from lib import config
from runtime_client.verbs.defaults import DEFAULTS
from settings_file.key import Key
from settings_file.known import CONNECTION, LAUNCHER, RUNTIME
from tidy.tree import ROOT

LAUNCHER_FOLDER = ROOT / "servers/agent-launcher"


def test_the_defaults_that_are_shown_are_those_of_the_programs() -> None:
    own = inspect.signature(commands._read_settings).parameters
    shown = {name: DEFAULTS.get(f"runtime.{name}", "") for name in RUNTIME}

    assert shown == {name: str(own[name].default or "") for name in RUNTIME}
    assert DEFAULTS["launcher.memory_floor_mib"] == str(config.DEFAULT_MEMORY_FLOOR_MIB)
    assert DEFAULTS["launcher.output_limit_mib"] == str(config.DEFAULT_OUTPUT_LIMIT_MIB)
    assert DEFAULTS["connection.url"] == config.DEFAULT_RUNTIME_URL


def test_what_the_file_says_to_the_runtime_is_the_variable_of_that_flag() -> None:
    own = inspect.signature(commands._read_settings).parameters

    assert {name: key.variable for name, key in RUNTIME.items()} == {
        name: own[name].annotation.__metadata__[0].envvar for name in RUNTIME
    }


@pytest.mark.parametrize("key", [*LAUNCHER.values(), *CONNECTION.values()], ids=lambda key: key.variable)
def test_what_the_file_says_to_the_launcher_is_a_variable_that_it_reads(key: Key) -> None:
    sources = [LAUNCHER_FOLDER / "agent-launcher", *(LAUNCHER_FOLDER / "lib").rglob("*.py")]

    assert [path for path in sources if f'"{key.variable}"' in _without_kept_names(path)]


def _without_kept_names(path: Path) -> str:
    """The text of a module; a service file keeps names without reading them."""
    return "" if path.name == "install.py" else path.read_text(encoding="utf-8")
