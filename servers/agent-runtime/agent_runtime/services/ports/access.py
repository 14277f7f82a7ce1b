"""What a store keeps of who may call, and of who did what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from agent_runtime.domain.ids import LauncherId


class CredentialKind(StrEnum):
    """What a secret is good for."""

    TOKEN = "token"  # noqa: S105 - the name of a kind
    LINK = "link"
    BROWSER = "browser"


@dataclass(frozen=True)
class Credential:
    """A secret that stands for a role, of which only the hash is known.

    Shape:   without `expires_at` it lasts until it is ended.
    """

    id: str
    kind: CredentialKind
    name: str
    role: str
    secret_hash: str
    created_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Tell whether it still opens anything."""
        return self.ended_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True)
class AuditEntry:
    """One thing that somebody did, or was not let do.

    Shape:   `role` is None for who did not prove who they are; `action` is a method and a route, `target` what the
             path named; `status` is how we answered. Neither holds what was sent.
    """

    seq: int
    at: datetime
    role: str | None
    caller: str
    address: str
    action: str
    target: str
    status: int


class AccessRows(Protocol):
    """The rows of credentials, of launchers' owners and of the audit."""

    def insert(self, credential: Credential) -> None:
        """Write a new credential."""

    def by_hash(self, kind: CredentialKind, secret_hash: str) -> Credential | None:
        """Read the credential of a kind whose secret has this hash."""

    def tokens(self) -> Sequence[Credential]:
        """Read all named tokens, oldest first."""

    def end(self, credential_id: str, now: datetime) -> bool:
        """End a credential that is still good; false if it was not."""

    def shorten(self, credential_id: str, expires_at: datetime) -> None:
        """Let a credential expire at a moment."""

    def forget_ended(self, before: datetime) -> None:
        """Remove links and browsers that ended or expired before a moment."""

    def owner(self, launcher_id: LauncherId) -> str | None:
        """Tell which named token registered a launcher."""

    def own(self, launcher_id: LauncherId, owner: str) -> None:
        """Write down which named token registered a launcher; the first one stays."""

    def record(self, entries: Sequence[AuditEntry]) -> None:
        """Add to the audit; the database numbers the entries."""

    def audited(self, before: int | None, limit: int) -> Sequence[AuditEntry]:
        """Read one page of the audit, newest first."""
