"""Named tokens: made, renewed, revoked, and recognized; a secret is shown once and never kept."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from agent_runtime.domain.errors import Conflict, Invalid, NotFound
from agent_runtime.domain.ids import is_session_name, new_id
from agent_runtime.services.access.callers import Caller, Role
from agent_runtime.services.ports.access import Credential, CredentialKind
from agent_runtime.services.ports.store import Transaction

TOKEN_PREFIX = "agt_"  # noqa: S105 - how a token begins, so that one in a log is recognized
NAMED_ROLES = (Role.USER, Role.VIEWER, Role.LAUNCHER)
OVERLAP = timedelta(hours=24)
"""How long the old secret stays good when a token is renewed: running launchers deliver their reports with it."""
_SECRET_BYTES = 32
_ID_PREFIX: Mapping[CredentialKind, str] = {
    CredentialKind.TOKEN: "tok_",
    CredentialKind.LINK: "lnk_",
    CredentialKind.BROWSER: "brw_",
}
_LIFETIME_MAX = timedelta(days=3650)


@dataclass(frozen=True)
class MadeCredential:
    """A new credential; `secret` is known at this moment only."""

    credential: Credential
    secret: str


def hash_of(secret: str) -> str:
    """Give what is kept of a secret. It has 256 random bits, so that no slow hash is needed."""
    return hashlib.sha256(secret.encode("utf-8", errors="replace")).hexdigest()


def make_credential(
    tx: Transaction, kind: CredentialKind, name: str, role: Role, lifetime: timedelta | None, prefix: str
) -> MadeCredential:
    """Write a credential, with a secret that nobody can guess behind a prefix."""
    secret = prefix + base64.urlsafe_b64encode(tx.random_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
    credential = Credential(
        id=new_id(_ID_PREFIX[kind], tx.now, tx.random_bytes),
        kind=kind,
        name=name,
        role=role,
        secret_hash=hash_of(secret),
        created_at=tx.now,
        expires_at=tx.now + lifetime if lifetime is not None else None,
        ended_at=None,
    )
    tx.access.insert(credential)
    return MadeCredential(credential, secret)


def make_token(tx: Transaction, name: str, role: Role, lifetime: timedelta | None) -> MadeCredential:
    """Make a token of a new name.

    Errors:  Invalid; Conflict `token_exists`.
    """
    if not is_session_name(name):
        raise Invalid("invalid_parameters", "invalid name: 1 to 60 of A-Z a-z 0-9 - _ expected, not starting with '-'")
    if role not in NAMED_ROLES:
        raise Invalid("invalid_parameters", f"invalid role: no token can be a '{role}' (use user, viewer or launcher)")
    if lifetime is not None and not timedelta() < lifetime <= _LIFETIME_MAX:
        raise Invalid("invalid_parameters", f"invalid lifetime: at most {_LIFETIME_MAX.days} days expected")
    if _good(tx, name):
        raise Conflict("token_exists", f"there is a token '{name}' already (rotate or revoke it, or use another name)")
    return _make(tx, name, role, lifetime)


def rotate_token(tx: Transaction, name: str, overlap: timedelta = OVERLAP) -> MadeCredential:
    """Make a new secret for a name; the old ones stay good for `overlap`, so that no report on its way is refused.

    Errors:  NotFound.
    """
    old = _good(tx, name)
    if not old:
        raise _unknown(name)
    newest = old[-1]
    lifetime = newest.expires_at - newest.created_at if newest.expires_at is not None else None
    for one in old:
        until = tx.now + overlap
        if one.expires_at is None or until < one.expires_at:
            tx.access.shorten(one.id, until)
    return _make(tx, name, Role(newest.role), lifetime)


def revoke_token(tx: Transaction, name: str) -> int:
    """End all secrets of a name at once, and tell how many there were.

    Errors:  NotFound.
    """
    found = _good(tx, name)
    if not found:
        raise _unknown(name)
    return sum(tx.access.end(one.id, tx.now) for one in found)


def caller_of(tx: Transaction, kind: CredentialKind, secret: str) -> Caller | None:
    """Tell for whom a secret of a kind stands."""
    found = find_credential(tx, kind, secret)
    return Caller(Role(found.role), found.name) if found is not None else None


def find_credential(tx: Transaction, kind: CredentialKind, secret: str) -> Credential | None:
    """Read the credential of a secret, if it is still good."""
    digest = hash_of(secret)
    found = tx.access.by_hash(kind, digest)
    if found is None or not hmac.compare_digest(found.secret_hash, digest) or not found.is_good(tx.now):
        return None
    return found


def _good(tx: Transaction, name: str) -> list[Credential]:
    return [one for one in tx.access.tokens() if one.name == name and one.is_good(tx.now)]


def _make(tx: Transaction, name: str, role: Role, lifetime: timedelta | None) -> MadeCredential:
    return make_credential(tx, CredentialKind.TOKEN, name, role, lifetime, TOKEN_PREFIX)


def _unknown(name: str) -> NotFound:
    return NotFound("token_unknown", f"no token '{name[:60]}' is good (list them with 'agent-runtime token list')")
