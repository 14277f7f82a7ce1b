"""Whose certificates the runtime may show: those that the system trusts, and one file of the user's."""

import ssl

from runtime_client.address import RuntimeAddress
from runtime_client.errors import UsageError


def trust(address: RuntimeAddress) -> ssl.SSLContext | bool:
    """Read the file of an address; the certificate itself may stand in it, or an authority that signed it.

    Errors:  UsageError.
    """
    if not address.url.startswith("https://"):
        return False  # There is no certificate to look at, and reading those of the system takes a while.
    if address.ca_file is None:
        return True
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(address.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"cannot trust the certificates in '{address.ca_file}': {error.strerror or error} "
            "(a PEM file is expected: AGENT_RUNTIME_CA_FILE, or 'certificate.pem' in the runtime's data folder)"
        ) from error
    return context
