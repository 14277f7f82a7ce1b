"""The connection to a runtime: plain HTTP by our own client, HTTPS by httpx."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TypeAlias

from lib.errors import ConfigurationError
from lib.wire.plain_client import PlainClient
from lib.wire.quick_httpx import httpx

CONNECT_SECONDS = 5.0
CALL_SECONDS = 10.0


HttpClient: TypeAlias = PlainClient | httpx.Client


def http_client(runtime_url: str, ca_file: Path | None = None) -> HttpClient:
    """Make the client for a runtime; it opens a connection when it needs one.

    Errors:  ConfigurationError, for certificates that cannot be read.
    """
    # Plain HTTP goes straight to the runtime; HTTPS by httpx's own way, through the proxies of the environment.
    if runtime_url.startswith("http://"):
        return PlainClient(runtime_url)
    limits = httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(base_url=runtime_url, timeout=limits, verify=_trust(ca_file))


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    """Trust what the system trusts, and one file: a certificate, or an authority that signed it."""
    if ca_file is None:
        return True
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"cannot trust the certificates in '{ca_file}': {error.strerror or error} "
            "(a PEM file is expected: AGENT_RUNTIME_CA_FILE, or 'certificate.pem' in the runtime's data folder)"
        ) from error
    return context
