"""What to do about a runtime that cannot be reached, by what was found on the way to it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from lib.wire.quick_httpx import httpx

START = "start 'agent-runtime' there, or give the right address with --runtime-url or AGENT_RUNTIME_URL"


def advice(runtime_url: str, cause: httpx.HTTPError) -> str:
    """Say what a person can do, in half a sentence."""
    found = list(_causes(cause))
    if any(isinstance(one, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(one) for one in found):
        return "its certificate is not trusted here: set AGENT_RUNTIME_CA_FILE to it, or to who signed it"
    if any(isinstance(one, ssl.SSLError) or "[SSL" in str(one) for one in found):
        return "what is there does not speak TLS: AGENT_RUNTIME_URL may have to begin with 'http://'"
    is_cut = isinstance(cause, httpx.RemoteProtocolError) or any(isinstance(one, ConnectionResetError) for one in found)
    if runtime_url.startswith("http://") and is_cut:
        return "it hung up without an answer: if it serves HTTPS, AGENT_RUNTIME_URL has to begin with 'https://'"
    return START


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__
