"""The connection to a runtime: plain HTTP by our own client, HTTPS by httpx."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TypeAlias

from lib.errors import ConfigurationError
from lib.wire.plain_client import PlainClient
from lib.wire.proxies import proxy_of
from lib.wire.quick_httpx import httpx

CONNECT_SECONDS = 5.0
CALL_SECONDS = 10.0


HttpClient: TypeAlias = PlainClient | httpx.Client


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
        transport = httpx.HTTPTransport(verify=_trust(ca_file), proxy=proxy_of(runtime_url, os.environ))
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
