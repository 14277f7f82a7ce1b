"""The commands of `agent-runtime` that are about who gets in: `login-link` and `token`."""

from collections.abc import Callable
from typing import Annotated, Protocol

import typer

from agent_runtime.services.access.callers import Role
from agent_runtime.settings import Settings

Do = Callable[[Callable[[], str]], None]
"""Runs a task and prints what it tells, or why it could not be done."""

_SECONDS_OF_DAY = 86_400.0
Name = Annotated[str, typer.Argument(help="what the token is called")]


class Doorkeeper(Protocol):
    """What can be done about tokens from the command line; each tells what it has done."""

    def login_link(self, settings: Settings, *, viewer: bool) -> str:
        """Make a link that lets a browser in once."""

    def create_token(self, settings: Settings, name: str, role: Role, lifetime_seconds: float | None) -> str:
        """Make a named token."""

    def list_tokens(self, settings: Settings) -> str:
        """Show the named tokens."""

    def rotate_token(self, settings: Settings, name: str, overlap_seconds: float) -> str:
        """Give a named token a new secret."""

    def revoke_token(self, settings: Settings, name: str) -> str:
        """End a named token."""


def add_access_commands(commands: typer.Typer, doorkeeper: Callable[[], Doorkeeper], do: Do) -> None:
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
        do(lambda: doorkeeper().login_link(context.obj, viewer=viewer))

    @tokens.command("create")
    def create_token(
        context: typer.Context,
        name: Name,
        role: Annotated[Role, typer.Option(help="user, viewer or launcher")],
        days: Annotated[float | None, typer.Option(min=0.0001, max=3650, help="how long it is good")] = None,
    ) -> None:
        """Make a token and print its secret, which is shown this once."""
        seconds = days * _SECONDS_OF_DAY if days is not None else None
        do(lambda: doorkeeper().create_token(context.obj, name, role, seconds))

    @tokens.command("list")
    def list_tokens(context: typer.Context) -> None:
        """Show the names, roles and dates."""
        do(lambda: doorkeeper().list_tokens(context.obj))

    @tokens.command("rotate")
    def rotate_token(
        context: typer.Context,
        name: Name,
        overlap_hours: Annotated[float, typer.Option(min=0, max=8760, help="how long the old secret stays good")] = 24,
    ) -> None:
        """Print a new secret for a name; the old one stays good for a while."""
        do(lambda: doorkeeper().rotate_token(context.obj, name, overlap_hours * 3600))

    @tokens.command("revoke")
    def revoke_token(context: typer.Context, name: Name) -> None:
        """End all secrets of a name at once."""
        do(lambda: doorkeeper().revoke_token(context.obj, name))
