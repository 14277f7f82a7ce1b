"""`agent-runtime install-service`: what was typed and what stands in the environment becomes a service."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, cast

import typer

from agent_runtime.settings import Settings, UnusableSettingError

OF_TRACES = "OTEL_"


def add_service_command(commands: typer.Typer, do: Callable[[Callable[[], str]], None]) -> None:
    """Add the command; `do` runs a task and says how it went."""

    @commands.command("install-service")
    def install_service(
        context: typer.Context,
        show: Annotated[bool, typer.Option("--print", help="show the file instead of writing it")] = False,
    ) -> None:
        """Have the system start this runtime and keep it running; a restart never ends a job.

        The options before `install-service` are those with which the service runs.
        """
        do(lambda: _install(context, show=show))


def _install(context: typer.Context, *, show: bool) -> str:
    from agent_runtime.command_line.service_file import install, service_file

    asked: Settings = context.obj
    asked.check()
    assert context.parent is not None, "a sub-command has the program above it"
    parent = cast("typer.Context", context.parent)
    # By the name that was called, a link perhaps: what it leads to may be another folder in the next version.
    file = service_file(Path(sys.argv[0]).absolute(), list(_flags(parent, asked)), _kept(parent), os.environ)
    if show:
        return file.text.rstrip("\n")
    install(file)
    return "\n".join((f"written: {file.path}", "Now:", *(f"  {step}" for step in file.next_steps)))


def _flags(typed: typer.Context, asked: Settings) -> Iterator[str]:
    """Write what was typed as a command line that means the same in any folder."""
    for name, value in typed.params.items():
        if not _is_typed(typed, name) or name == "agents_dir":
            continue
        if name == "database_url":
            raise UnusableSettingError(
                "cannot write '--database-url' into a service file, which others can read: leave it out, and put "
                "Environment=AGENT_RUNTIME_DATABASE_URL=… into a drop-in that only you can read"
            )
        said = value.absolute() if isinstance(value, Path) else value
        yield from (_option(typed, name), str(getattr(said, "value", said)))
    # Said always: unsaid it would be looked for in the folder in which the service happens to begin.
    yield from ("--agents-dir", str(asked.agents_dir))


def _kept(typed: typer.Context) -> Mapping[str, str]:
    from agent_runtime.command_line.service_file import SECRETS

    ours = [str(one.envvar) for one in typed.command.params if one.envvar and one.name != "agents_dir"]
    of_traces = sorted(name for name in os.environ if name.startswith(OF_TRACES))
    names = (*ours, "XDG_CONFIG_HOME", "XDG_DATA_HOME", *of_traces)
    return {name: os.environ[name] for name in names if os.environ.get(name) and name not in SECRETS}


def _option(typed: typer.Context, name: str) -> str:
    return next(one.opts[0] for one in typed.command.params if one.name == name)


def _is_typed(typed: typer.Context, name: str) -> bool:
    source = typed.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
