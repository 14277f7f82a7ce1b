"""Agents for tests: programs of a few lines, made known to the runtime as blueprints of the `command` backend."""

import sys
import textwrap
from pathlib import Path

from support.runtime_api import Json, RuntimeApi


def add_agent(api: RuntimeApi, folder: Path, name: str, program: str, **more: Json) -> None:
    """Write a Python program into the folder and make it an agent: prompt on standard input, output is the result."""
    path = folder / f"{name}.py"
    path.write_text(textwrap.dedent(program), encoding="utf-8")
    add_program(api, name, sys.executable, str(path), **more)


def add_program(api: RuntimeApi, name: str, *command: str, **more: Json) -> None:
    """Make any command line an agent."""
    blueprint = {"name": name, "description": f"test agent {name}", "backend": "command", "command": [*command], **more}
    api.ask("POST", "/agents", blueprint)
