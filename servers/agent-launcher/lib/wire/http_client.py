"""The connection to a runtime: plain HTTP by our own client, HTTPS by httpx."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from lib.wire.models import JsonObject
from lib.wire.plain_client import PlainClient
from lib.wire.quick_httpx import httpx
from lib.wire.trust import trust

CONNECT_SECONDS = 5.0
CALL_SECONDS = 10.0


class HttpClient(Protocol):
    """An httpx.Client, as far as we use it."""

    def request(
        self,
        method: str,
        url: str,
        *,
        json: JsonObject | None,
        content: bytes | None,
        params: dict[str, str | int | float] | None,
        headers: dict[str, str],
        timeout: httpx.Timeout,
    ) -> httpx.Response: ...
    def close(self) -> None: ...


def http_client(runtime_url: str, ca_file: Path | None = None) -> HttpClient:
    """Make the client for a runtime; it opens a connection when it needs one.

    Errors:  ConfigurationError, for certificates that cannot be read.
    """
    # Plain HTTP goes straight to the runtime; HTTPS by httpx's own way, through the proxies of the environment.
    if runtime_url.startswith("http://"):
        return PlainClient(runtime_url)
    limits = httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(base_url=runtime_url, timeout=limits, verify=trust(ca_file))
