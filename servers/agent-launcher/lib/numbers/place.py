"""Where a launcher tells its numbers, and who may ask there."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from lib.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Place:
    """Where the numbers are told, and the file with the token that must be shown; None where none is needed."""

    host: str
    port: int
    token_file: Path | None = None

    @classmethod
    def of(cls, told: str, token_file: Path | None) -> Place:
        """Read what `--metrics` says.

        Errors:  ConfigurationError; also where others could ask and no token is asked for.
        """
        try:
            parts = urlsplit(f"//{told}")
            place = cls(parts.hostname or "", parts.port if parts.port is not None else -1, token_file)
        except ValueError:
            place = cls("", -1)
        if not place.host or place.port < 0 or parts.path or parts.username:
            raise ConfigurationError(
                f"cannot tell numbers at {told!r}: expected 'HOST:PORT' such as '127.0.0.1:9465' "
                "(AGENT_LAUNCHER_METRICS or --metrics)"
            )
        if token_file is None and not is_loopback(place.host):
            raise ConfigurationError(
                f"cannot tell numbers at {told!r} to everybody who reaches it: name a file with a token "
                "(AGENT_LAUNCHER_METRICS_TOKEN_FILE or --metrics-token-file), or use '127.0.0.1'"
            )
        place.token()
        return place

    def token(self) -> str | None:
        """Read the token anew, so that it can be changed while the launcher runs.

        Errors:  ConfigurationError.
        """
        if self.token_file is None:
            return None
        try:
            token = self.token_file.read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"cannot read the token for numbers in '{self.token_file}': {error}") from error
        if not token:
            raise ConfigurationError(f"cannot take the token for numbers from '{self.token_file}': it is empty")
        return token


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach an address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
