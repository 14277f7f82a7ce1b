"""What does the work of a word of `ao`: loaded when it is asked for, and nothing beside it."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from runtime_client.errors import UsageError
from runtime_client.verbs.all_verbs import VERBS


def main_of(name: str, commands: Path) -> Callable[..., int]:
    """Return the function that does the work of a word.

    Errors:  UsageError, if its command is not there.
    """
    if script := VERBS[name].script:
        return cast("Callable[..., int]", run_script(commands / script, script)["main"])
    module = importlib.import_module(f"runtime_client.verbs.{name}")
    return cast("Callable[..., int]", module.main)


def run_script(path: Path, name: str) -> dict[str, object]:
    """Execute a command's script in this process, under this name of a module; return what it defined.

    Errors:  UsageError, if it is not there.
    """
    try:
        content = path.read_bytes()
    except OSError as cause:
        raise UsageError(f"cannot run '{path}': {cause.strerror} (it belongs beside 'ao')") from cause
    defined: dict[str, object] = {"__name__": name, "__file__": str(path)}
    exec(compile(content, path, "exec"), defined)  # noqa: S102 - our own command, beside us
    return defined
