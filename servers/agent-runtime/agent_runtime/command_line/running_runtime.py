"""The one place that asks the runtime of a data folder for something, or does it in its database if none is running."""

import asyncio
import json
import os
import secrets
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from typing import cast

from agent_runtime.data_dir import DataDir
from agent_runtime.databases import OpenStore, chosen
from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.json import JsonObject
from agent_runtime.settings import Settings, UnusableSettingError

# As long as pruning a large database may take; a runtime that is gone refuses at once.
_CALL_SECONDS = 600


class RunningRuntime:
    """The runtime that has a data folder, at the address that it has announced there."""

    def __init__(self, data_dir: DataDir, url: str) -> None:
        self._data_dir = data_dir
        self.url = url

    def call(self, method: str, path: str, body: "JsonObject | None" = None) -> JsonObject:
        """Ask with the user's token.

        Errors:  Unusable, also with the runtime's own refusal.
        """
        request = urllib.request.Request(  # noqa: S310 - the address is what our own runtime has announced
            self.url + path,
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._data_dir.token()}"},
            method=method,
        )
        # No proxy: the runtime that has this folder is on this machine.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._trusting())
        )
        try:
            with opener.open(request, timeout=_CALL_SECONDS) as answer:
                return cast("JsonObject", json.loads(answer.read()))
        except urllib.error.HTTPError as error:
            raise _refusal(error) from error
        except (OSError, ValueError) as error:
            raise Unusable(
                "runtime_unreachable",
                f"cannot ask the runtime at '{self.url}': {error} (is it running with this data folder?)",
            ) from error

    def _trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        certificate = self._data_dir.certificate()
        if certificate is not None:
            context.load_verify_locations(certificate)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # The certificate names the host as others see it; we call the same machine by its address.
        context.check_hostname = False
        return context


def find_runtime(settings: Settings) -> RunningRuntime | None:
    """Find the runtime that has announced itself in the data folder; it may have ended without taking that back."""
    data_dir = DataDir(settings.data_dir)
    url = data_dir.announced()
    return RunningRuntime(data_dir, url) if url is not None else None


def ask_or_open(
    settings: Settings,
    ask: Callable[[RunningRuntime], str],
    work: Callable[[OpenStore], Coroutine[object, None, str]],
) -> str:
    """Ask the runtime that has the data folder; if none has it, work on its database and keep runtimes out meanwhile.

    The embedded database has one writer, so who runs is asked.

    Errors:  Unusable; UnusableSettingError.
    """
    data_dir = DataDir(settings.data_dir)
    os.umask(0o077)
    try:
        data_dir.open()
    except UnusableSettingError as error:
        runtime = find_runtime(settings)
        if runtime is None:
            raise error from None
        return ask(runtime)
    try:
        database = chosen(settings, data_dir)(secrets.token_bytes, lambda _news: None)
        try:
            return asyncio.run(work(database.store))
        finally:
            database.store.close()
    finally:
        data_dir.close()


def _refusal(error: urllib.error.HTTPError) -> Unusable:
    try:
        answer = cast("JsonObject", json.loads(error.read()))
        return Unusable(str(answer["code"]), str(answer["detail"]))
    except (ValueError, KeyError, TypeError):
        return Unusable("runtime_unreachable", f"the runtime answered {error.code}, and not in its own words")
