"""Whose certificates a runtime may show: those that the system trusts, and one file of the user's."""

from __future__ import annotations

import ssl
from pathlib import Path

from lib.errors import ConfigurationError


def trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    """Read the file; the certificate itself may stand in it, or an authority that signed it.

    Errors:  ConfigurationError.
    """
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
