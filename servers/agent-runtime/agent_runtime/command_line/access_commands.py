"""The commands of `agent-runtime` that are about who gets in: `login-link` and `token`.

Each loads what it does when it is called: help must not wait for a database driver.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from agent_runtime.services.access.callers import Role

Do = Callable[[Callable[[], str]], None]
"""Runs a task and prints what it tells, or why it could not be done."""

_SECONDS_OF_DAY = 86_400.0
Name = Annotated[str, typer.Argument(help="what the token is called")]


def add_access_commands(commands: typer.Typer, do: Do) -> None:
    """Add them to the command."""
    tokens = typer.Typer(
        help="Named tokens; through the runtime if one is running, else in its database.", no_args_is_help=True
    )
    commands.add_typer(tokens, name="token")

    @commands.command("login-link")
    def login_link(
        context: typer.Context,
        viewer: Annotated[bool, typer.Option("--viewer", help="the browser may look and not act")] = False,
    ) -> None:
        """Print a link that lets a browser in: good once, for half an hour."""
        from agent_runtime.command_line import access_tasks

        do(lambda: access_tasks.login_link(context.obj, viewer=viewer))

    @tokens.command("create")
    def create_token(
        context: typer.Context,
        name: Name,
        role: Annotated[Role, typer.Option(help="user, viewer or launcher")],
        days: Annotated[float | None, typer.Option(min=0.0001, max=3650, help="how long it is good")] = None,
    ) -> None:
        """Make a token and print its secret, which is shown this once."""
        from agent_runtime.command_line import access_tasks

        seconds = days * _SECONDS_OF_DAY if days is not None else None
        do(lambda: access_tasks.create_token(context.obj, name, role, seconds))

    @tokens.command("list")
    def list_tokens(context: typer.Context) -> None:
        """Show the names, roles and dates."""
        from agent_runtime.command_line import access_tasks

        do(lambda: access_tasks.list_tokens(context.obj))

    @tokens.command("rotate")
    def rotate_token(
        context: typer.Context,
        name: Name,
        overlap_hours: Annotated[float, typer.Option(min=0, max=8760, help="how long the old secret stays good")] = 24,
    ) -> None:
        """Print a new secret for a name; the old one stays good for a while."""
        from agent_runtime.command_line import access_tasks

        do(lambda: access_tasks.rotate_token(context.obj, name, overlap_hours * 3600))

    @tokens.command("revoke")
    def revoke_token(context: typer.Context, name: Name) -> None:
        """End all secrets of a name at once."""
        from agent_runtime.command_line import access_tasks

        do(lambda: access_tasks.revoke_token(context.obj, name))
