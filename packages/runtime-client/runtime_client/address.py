"""Where the runtime is and which token it wants, found in the environment without an argument."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from runtime_client.errors import UsageError

DEFAULT_URL = "http://localhost:8765"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class RuntimeAddress:
    """The runtime's URL and the token to show it.

    Shape:   `token_source` says where the token was looked for, for error sentences; the token is never printed.
             `session_name` is the session that the caller runs in, None for a person at a terminal.
             `ca_file` holds further certificates to trust.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    token_source: str = ""
    session_name: str | None = None
    ca_file: Path | None = None

    @property
    def is_loopback(self) -> bool:
        """True if the runtime is on this machine, so that no proxy stands between."""
        return urlsplit(self.url).hostname in LOOPBACK_HOSTS


def find_runtime(environment: Mapping[str, str]) -> RuntimeAddress:
    """Read the runtime's address from the environment, and its token from there or from the runtime's data folder.

    Errors:  UsageError, if AGENT_RUNTIME_URL is no http(s) URL.
    """
    url = (environment.get("AGENT_RUNTIME_URL") or DEFAULT_URL).rstrip("/")
    _check_url(url)
    caller = environment.get("AGENT_SESSION_NAME", "").strip()
    session_name = caller if caller.isascii() and caller.isprintable() and caller else None
    ca_file = _ca_file(environment)
    if token := environment.get("AGENT_RUNTIME_TOKEN", "").strip():
        return RuntimeAddress(
            url, _checked_token(token, "AGENT_RUNTIME_TOKEN"), "AGENT_RUNTIME_TOKEN", session_name, ca_file
        )
    token_file = data_folder(environment) / "token"
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return RuntimeAddress(url, None, f"{token_file} (not readable)", session_name, ca_file)
    return RuntimeAddress(url, _checked_token(token, str(token_file)) or None, str(token_file), session_name, ca_file)


def data_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder in which a runtime started by this user keeps its data."""
    if own := environment.get("AGENT_RUNTIME_DATA_DIR"):
        return Path(own).expanduser()
    data_home = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data_home).expanduser() / "agent-runtime"


def _ca_file(environment: Mapping[str, str]) -> Path | None:
    if path := environment.get("AGENT_RUNTIME_CA_FILE"):
        return Path(path).expanduser()
    # Left there by a runtime of this user that serves HTTPS.
    own = data_folder(environment) / "certificate.pem"
    return own if own.is_file() else None


def _checked_token(token: str, source: str) -> str:
    if token.isascii() and token.isprintable() and " " not in token:
        return token
    raise UsageError(f"cannot use the token from {source}: expected visible ASCII characters, found others")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        # Asked for its numbers, the system would be given the name in this form.
        host = (parts.hostname or "").encode("idna")
        is_usable = parts.scheme in {"http", "https"} and bool(host) and parts.port != 0
        is_usable = is_usable and not any(character <= " " or character == "\x7f" for character in url)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise UsageError(f"cannot use AGENT_RUNTIME_URL {url!r}: expected a URL such as {DEFAULT_URL!r}")
