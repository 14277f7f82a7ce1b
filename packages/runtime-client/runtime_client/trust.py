"""Whose certificates the runtime may show: those that the system trusts, and one file of the user's."""

import os
import ssl

from runtime_client.address import RuntimeAddress
from runtime_client.errors import UsageError


def trust(address: RuntimeAddress) -> ssl.SSLContext:
    """Read the system's certificates and the file of an address, which holds the certificate itself or who signed it.

    Errors:  UsageError.
    """
    if (told := os.environ.get("SSL_CERT_FILE")) and not os.access(told, os.R_OK):
        # Without this nothing at all would be trusted, and nobody would be told why.
        raise UsageError(f"cannot read the certificates to trust: {told!r} is no readable file (look at SSL_CERT_FILE)")
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if address.ca_file is None:
        return context
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(address.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"cannot trust the certificates in '{address.ca_file}': {error.strerror or error} "
            "(a PEM file is expected: AGENT_RUNTIME_CA_FILE, or 'certificate.pem' in the runtime's data folder)"
        ) from error
    return context
