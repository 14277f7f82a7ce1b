"""The connection to a runtime: plain HTTP by our own client, HTTPS by httpx."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from lib.errors import ConfigurationError
from lib.wire.models import JsonObject
from lib.wire.plain_client import PlainClient
from lib.wire.proxies import proxy_of
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

    Errors:  ConfigurationError, for an address that is none, a proxy that cannot be used, and certificates that cannot
             be read.
    """
    try:
        # Plain HTTP goes straight to the runtime; HTTPS through a proxy if the environment names one.
        if runtime_url.startswith("http://"):
            return PlainClient(runtime_url)
        # With a transport of its own, the client leaves the proxies of the environment alone.
        transport = httpx.HTTPTransport(verify=trust(ca_file), proxy=proxy_of(runtime_url, os.environ))
        limits = httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
        return httpx.Client(base_url=runtime_url, timeout=limits, transport=transport)
    except (httpx.InvalidURL, ValueError) as error:
        raise ConfigurationError(
            f"cannot use the runtime address {runtime_url!r}: {error} (AGENT_RUNTIME_URL or --runtime-url)"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the certificates to trust: {error.strerror or error} (look at SSL_CERT_FILE and SSL_CERT_DIR)"
        ) from error
