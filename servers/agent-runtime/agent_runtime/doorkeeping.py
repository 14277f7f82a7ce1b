"""What a person does about tokens from the command line: through the running runtime, else in its database."""

import asyncio
import json
import os
import secrets
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar, cast

from agent_runtime.data_dir import DataDir
from agent_runtime.databases import chosen
from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.json import JsonObject
from agent_runtime.services.access.callers import Role
from agent_runtime.services.access.tokens import make_token, revoke_token, rotate_token
from agent_runtime.services.ports.access import Credential
from agent_runtime.services.ports.store import Transaction
from agent_runtime.settings import Settings, UnusableSettingError

T = TypeVar("T")
_CALL_SECONDS = 30


class Doors:
    """Implements `access_commands.Doorkeeper`.

    The embedded database has one writer, so a running runtime is asked over HTTP with the user's token; without one
    the database is opened here, and the data folder's lock keeps a runtime from starting meanwhile.
    """

    def login_link(self, settings: Settings, *, viewer: bool) -> str:
        """Make a link; only a running runtime can be logged in to.

        Errors:  Unusable.
        """
        data_dir = DataDir(settings.data_dir)
        url = data_dir.announced()
        if url is None:
            raise Unusable(
                "runtime_unreachable",
                f"cannot make a login link: no runtime is running with the data folder '{data_dir.path}' "
                "(start it, or name its folder with --data-dir)",
            )
        said = _call(settings, url, "POST", "/login-links", {"role": Role.VIEWER if viewer else Role.USER})
        return f"{url}{said['path']}"

    def create_token(self, settings: Settings, name: str, role: Role, lifetime_seconds: float | None) -> str:
        """Make a named token, and tell its secret."""
        lifetime = timedelta(seconds=lifetime_seconds) if lifetime_seconds is not None else None
        order: JsonObject = {"name": name, "role": role, "lifetime_seconds": lifetime_seconds}
        return _either(
            settings,
            lambda url: str(_call(settings, url, "POST", "/tokens", order)["token"]),
            lambda tx: make_token(tx, name, role, lifetime).secret,
        )

    def list_tokens(self, settings: Settings) -> str:
        """Show names, roles and dates, one token a line."""
        return _either(
            settings,
            lambda url: "\n".join(_line_of(item) for item in _tokens(_call(settings, url, "GET", "/tokens"))),
            lambda tx: "\n".join(_line(one) for one in tx.access.tokens()),
        )

    def rotate_token(self, settings: Settings, name: str, overlap_seconds: float) -> str:
        """Give a name a new secret, and tell it."""
        path = f"/tokens/{urllib.parse.quote(name, safe='')}/rotate"
        return _either(
            settings,
            lambda url: str(_call(settings, url, "POST", path, {"overlap_seconds": overlap_seconds})["token"]),
            lambda tx: rotate_token(tx, name, timedelta(seconds=overlap_seconds)).secret,
        )

    def revoke_token(self, settings: Settings, name: str) -> str:
        """End a name at once."""
        path = f"/tokens/{urllib.parse.quote(name, safe='')}"
        count = _either(
            settings,
            lambda url: str(_call(settings, url, "DELETE", path)["revoked"]),
            lambda tx: str(revoke_token(tx, name)),
        )
        return f"revoked: '{name}' ({count})"


def _either(settings: Settings, ask: Callable[[str], str], verb: Callable[[Transaction], str]) -> str:
    data_dir = DataDir(settings.data_dir)
    os.umask(0o077)
    try:
        data_dir.open()
    except UnusableSettingError as error:
        url = data_dir.announced()
        if url is None:
            raise error from None
        return ask(url)
    try:
        database = chosen(settings, data_dir)(secrets.token_bytes, lambda _news: None)
        try:
            return asyncio.run(database.store.write(verb))
        finally:
            database.store.close()
    finally:
        data_dir.close()


def _call(settings: Settings, url: str, method: str, path: str, body: "JsonObject | None" = None) -> JsonObject:
    request = urllib.request.Request(  # noqa: S310 - the address is what our own runtime has announced
        url + path,
        json.dumps(body).encode() if body is not None else None,
        {"Content-Type": "application/json", "Authorization": f"Bearer {DataDir(settings.data_dir).token()}"},
        method=method,
    )
    # No proxy: the runtime that has this folder is on this machine.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_trusting(settings))
    )
    try:
        with opener.open(request, timeout=_CALL_SECONDS) as answer:
            return cast("JsonObject", json.loads(answer.read()))
    except urllib.error.HTTPError as error:
        raise _refusal(error) from error
    except (OSError, ValueError) as error:
        raise Unusable(
            "runtime_unreachable", f"cannot ask the runtime at '{url}': {error} (is it running with this data folder?)"
        ) from error


def _trusting(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    certificate = DataDir(settings.data_dir).certificate()
    if certificate is not None:
        context.load_verify_locations(certificate)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # The certificate names the host as others see it; we call the same machine by its address.
    context.check_hostname = False
    return context


def _refusal(error: urllib.error.HTTPError) -> Unusable:
    try:
        said = cast("JsonObject", json.loads(error.read()))
        return Unusable(str(said["code"]), str(said["detail"]))
    except (ValueError, KeyError, TypeError):
        return Unusable("runtime_unreachable", f"the runtime answered {error.code}, and not in its own words")


def _tokens(said: JsonObject) -> list[JsonObject]:
    return cast("list[JsonObject]", said["tokens"])


def _line_of(item: JsonObject) -> str:
    until = item["revoked_at"] or item["expires_at"] or "-"
    state = "revoked" if item["revoked_at"] else "good until"
    return f"{item['name']:<24} {item['role']:<9} {str(item['created_at'])[:19]}  {state} {str(until)[:19]}"


def _line(one: Credential) -> str:
    times = {"revoked_at": one.ended_at, "expires_at": one.expires_at, "created_at": one.created_at}
    wire: JsonObject = {name: moment.isoformat() if moment else None for name, moment in times.items()}
    return _line_of({**wire, "name": one.name, "role": one.role})
