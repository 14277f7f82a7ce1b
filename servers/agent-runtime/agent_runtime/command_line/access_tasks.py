"""What a person does about tokens from the command line: through the running runtime, else in its database."""

import urllib.parse
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from agent_runtime.command_line.running_runtime import RunningRuntime, ask_or_open, find_runtime
from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.json import JsonObject
from agent_runtime.services.access.callers import Role
from agent_runtime.services.access.tokens import make_token
from agent_runtime.services.access.tokens import revoke_token as revoke
from agent_runtime.services.access.tokens import rotate_token as rotate
from agent_runtime.services.ports.access import Credential
from agent_runtime.services.ports.store import Transaction
from agent_runtime.settings import Settings


def login_link(settings: Settings, *, viewer: bool) -> str:
    """Make a link; only a running runtime can be logged in to.

    Errors:  Unusable.
    """
    runtime = find_runtime(settings)
    if runtime is None:
        raise Unusable(
            "runtime_unreachable",
            f"cannot make a login link: no runtime is running with the data folder '{settings.data_dir}' "
            "(start it, or name its folder with --data-dir)",
        )
    made = runtime.call("POST", "/login-links", {"role": Role.VIEWER if viewer else Role.USER})
    return f"{runtime.url}{made['path']}"


def create_token(settings: Settings, name: str, role: Role, lifetime_seconds: float | None) -> str:
    """Make a named token, and tell its secret."""
    lifetime = timedelta(seconds=lifetime_seconds) if lifetime_seconds is not None else None
    order: JsonObject = {"name": name, "role": role, "lifetime_seconds": lifetime_seconds}
    return _ask_or_write(
        settings,
        lambda runtime: str(runtime.call("POST", "/tokens", order)["token"]),
        lambda tx: make_token(tx, name, role, lifetime).secret,
    )


def list_tokens(settings: Settings) -> str:
    """Show names, roles and dates, one token a line."""
    return _ask_or_write(
        settings,
        lambda runtime: "\n".join(_line_of(item) for item in _tokens(runtime.call("GET", "/tokens"))),
        lambda tx: "\n".join(_line(one) for one in tx.access.tokens()),
    )


def rotate_token(settings: Settings, name: str, overlap_seconds: float) -> str:
    """Give a name a new secret, and tell it."""
    path = f"/tokens/{urllib.parse.quote(name, safe='')}/rotate"
    return _ask_or_write(
        settings,
        lambda runtime: str(runtime.call("POST", path, {"overlap_seconds": overlap_seconds})["token"]),
        lambda tx: rotate(tx, name, timedelta(seconds=overlap_seconds)).secret,
    )


def revoke_token(settings: Settings, name: str) -> str:
    """End a name at once."""
    path = f"/tokens/{urllib.parse.quote(name, safe='')}"
    count = _ask_or_write(
        settings, lambda runtime: str(runtime.call("DELETE", path)["revoked"]), lambda tx: str(revoke(tx, name))
    )
    return f"revoked: '{name}' ({count})"


def _ask_or_write(settings: Settings, ask: Callable[[RunningRuntime], str], verb: Callable[[Transaction], str]) -> str:
    return ask_or_open(settings, ask, lambda store: store.write(verb))


def _tokens(answer: JsonObject) -> list[JsonObject]:
    return cast("list[JsonObject]", answer["tokens"])


def _line_of(item: JsonObject) -> str:
    until = item["revoked_at"] or item["expires_at"] or "-"
    state = "revoked" if item["revoked_at"] else "good until"
    return f"{item['name']:<24} {item['role']:<9} {str(item['created_at'])[:19]}  {state} {str(until)[:19]}"


def _line(one: Credential) -> str:
    times = {"revoked_at": one.ended_at, "expires_at": one.expires_at, "created_at": one.created_at}
    wire: JsonObject = {name: moment.isoformat() if moment else None for name, moment in times.items()}
    return _line_of({**wire, "name": one.name, "role": one.role})
