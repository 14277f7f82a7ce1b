"""What to do about a runtime that cannot be reached, by what was found on the way to it."""

import ssl
from collections.abc import Iterator
from http.client import HTTPException

from runtime_client.address import RuntimeAddress
from runtime_client.how_called import called


def advice(address: RuntimeAddress, cause: Exception) -> str:
    """Return what a person can do, in half a sentence."""
    found = list(_causes(cause))
    if any(isinstance(one, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(one) for one in found):
        return "the certificate that it shows is not trusted here: set AGENT_RUNTIME_CA_FILE to it, or to who signed it"
    if any(isinstance(one, ssl.SSLError) or "[SSL" in str(one) for one in found):
        return "what is there does not speak TLS: AGENT_RUNTIME_URL may have to begin with 'http://'"
    if address.url.startswith("http://") and isinstance(cause, ConnectionError | HTTPException):
        return "it hung up without an answer: if it serves HTTPS, AGENT_RUNTIME_URL has to begin with 'https://'"
    return f"start it with '{called('ao up')}' or '{called('agent-runtime')}', or set AGENT_RUNTIME_URL"


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__
