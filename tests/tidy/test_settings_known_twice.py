"""What `ao config` says of the programs' settings is what the programs have."""

import inspect

from agent_runtime.command_line import commands, setting_keys
from lib import config
from lib import setting_keys as launchers
from runtime_client.setting_keys import CONNECTION, LAUNCHER, RUNTIME
from runtime_client.verbs.defaults import DEFAULTS


def test_each_program_knows_the_keys_that_are_shown_of_it() -> None:
    assert repr(setting_keys.KEYS) == repr(RUNTIME)
    assert repr(launchers.LAUNCHER) == repr(LAUNCHER)
    assert repr(launchers.CONNECTION) == repr(CONNECTION)


def test_the_defaults_that_are_shown_are_those_of_the_programs() -> None:
    own = inspect.signature(commands._read_settings).parameters
    shown = {name: DEFAULTS.get(f"runtime.{name}", "") for name in RUNTIME}

    assert shown == {name: str(own[name].default or "") for name in RUNTIME}
    assert DEFAULTS["launcher.memory_floor_mib"] == str(config.DEFAULT_MEMORY_FLOOR_MIB)
    assert DEFAULTS["launcher.output_limit_mib"] == str(config.DEFAULT_OUTPUT_LIMIT_MIB)
    assert DEFAULTS["connection.url"] == config.DEFAULT_RUNTIME_URL
