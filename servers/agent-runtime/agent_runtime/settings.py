"""Every setting of the runtime, read once at start and then passed on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path

from agent_runtime.domain.json import Json
from agent_runtime.domain.limits import DEFAULT_LIMITS
from agent_runtime.domain.webhook_links import is_page_url
from agent_runtime.domain.webhook_targets import Targets
from agent_runtime.log_lines import LogFormat

LOOPBACK_NAME = "localhost"
_KEEP_DAYS_MIN = 2
PATIENCE_SECONDS = 30.0
WEBHOOK_TIMEOUT_SECONDS = 15.0
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class AuthMode(StrEnum):
    """Whether callers must prove who they are."""

    TOKEN = "token"  # noqa: S105 - the name of a mode
    NONE = "none"


class UnusableSettingError(Exception):
    """A setting that nothing can be started with; its text says which, why, and what to do."""


@dataclass(frozen=True)
class Settings:
    """What the runtime was told at its start.

    Shape:   `database_url` is None for the embedded database in `data_dir`;
             `keep_days`, `keep_gigabytes` and `requests_per_second` are without limit at 0.
             `allowed_hosts` are further names by which browsers and clients may call this runtime;
             `retries` holds for jobs where neither they nor their agents say how often they are tried again;
             `trusted_proxies` are the addresses whose `X-Forwarded-…` headers are believed, none by default;
             `webhook_targets` are the hosts that webhooks may call and the networks inside, see domain.webhook_targets.
             `page_url` is where people reach the page, empty if nobody said so.
    """

    host: str
    port: int
    data_dir: Path
    database_url: str | None
    auth: AuthMode
    poll_timeout_seconds: float
    heartbeat_timeout_seconds: float
    agents_dir: Path
    shipped_agents_dir: Path
    dashboard_dir: Path
    default_agent: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.TEXT
    keep_days: float = 30.0
    keep_gigabytes: float = 10.0
    waiting_max: int = 200_000
    waiting_of_session_max: int = 1_000
    requests_per_second: float = 5_000.0
    tree_depth_max: int = DEFAULT_LIMITS.max_depth or 0
    retries: Mapping[str, Json] = field(default_factory=dict)
    children_max: int = DEFAULT_LIMITS.max_children or 0
    tree_sessions_max: int = DEFAULT_LIMITS.max_tree_sessions or 0
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    request_timeout_seconds: float = PATIENCE_SECONDS
    webhook_targets: tuple[str, ...] = ()
    webhook_timeout_seconds: float = WEBHOOK_TIMEOUT_SECONDS
    page_url: str = ""

    def check(self) -> None:
        """Refuse what would open the machine to others, or cannot work.

        Errors:  UnusableSettingError.
        """
        if self.auth is AuthMode.NONE and not is_loopback(self.host):
            raise UnusableSettingError(
                f"cannot listen on '{self.host}' without tokens: anybody who reaches this port could run programs here "
                "(leave out '--auth none', or use '--host 127.0.0.1')"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise UnusableSettingError(
                "cannot serve TLS with half of it: '--tls-cert' and '--tls-key' are both needed (PEM files)"
            )
        for address in self.trusted_proxies:
            if not _is_network(address):
                raise UnusableSettingError(
                    f"AGENT_RUNTIME_TRUSTED_PROXIES must be addresses or networks such as '10.0.0.7' or '10.0.0.0/24', "
                    f"with commas between, found '{address}'"
                )
        try:
            Targets.of(self.webhook_targets)
        except ValueError as error:
            raise UnusableSettingError(f"cannot use AGENT_RUNTIME_WEBHOOK_TARGETS: {error}") from error
        if self.page_url and not is_page_url(self.page_url):
            raise UnusableSettingError(
                "AGENT_RUNTIME_PAGE_URL must be the address of the page, such as 'https://agents.example.com/', "
                f"found '{self.page_url[:200]}'"
            )
        if self.log_level not in LOG_LEVELS:
            levels = ", ".join(LOG_LEVELS)
            raise UnusableSettingError(f"AGENT_RUNTIME_LOG_LEVEL must be one of {levels}, found '{self.log_level}'")
        if 0 < self.keep_days < _KEEP_DAYS_MIN:
            raise UnusableSettingError(
                f"AGENT_RUNTIME_KEEP_DAYS must be 0 or at least {_KEEP_DAYS_MIN}, found '{self.keep_days:g}': "
                "what ended within a day may still be corrected"
            )
        for name, seconds in (
            ("LAUNCHER_POLL_TIMEOUT", self.poll_timeout_seconds),
            ("LAUNCHER_HEARTBEAT_TIMEOUT", self.heartbeat_timeout_seconds),
            ("AGENT_RUNTIME_REQUEST_TIMEOUT", self.request_timeout_seconds),
            ("AGENT_RUNTIME_WEBHOOK_TIMEOUT", self.webhook_timeout_seconds),
        ):
            if not 0 < seconds <= 3600:
                raise UnusableSettingError(f"{name} must be more than 0 and at most 3600 seconds, found '{seconds:g}'")


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach an address."""
    if host == LOOPBACK_NAME:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def shipped_folder() -> Path:
    """Find the folder that holds `agents/` and `dashboard/` of this checkout, or of this installation."""
    package = Path(__file__).resolve().parent
    checkout = package.parents[2]
    return checkout if (checkout / "dashboard").is_dir() else package.parent / "agent_orchestrator" / "tree"
