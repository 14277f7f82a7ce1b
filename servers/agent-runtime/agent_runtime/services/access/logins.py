"""How a browser gets in: a link that is good once, then a cookie whose secret only that browser has."""

from datetime import timedelta

from agent_runtime.domain.errors import Refused
from agent_runtime.services.access.callers import Role
from agent_runtime.services.access.tokens import MadeCredential, find_credential, make_credential
from agent_runtime.services.ports.access import CredentialKind
from agent_runtime.services.ports.store import Transaction

LINK_LIFETIME = timedelta(minutes=30)
BROWSER_LIFETIME = timedelta(days=30)
_KEPT = timedelta(days=1)


def make_link(tx: Transaction, role: Role) -> MadeCredential:
    """Make the secret of a login link, for one use."""
    tx.access.forget_ended(tx.now - _KEPT)
    kind = CredentialKind.LINK
    return make_credential(tx, kind, kind, role, LINK_LIFETIME, "lnk_")


def needs_link(tx: Transaction, secret: str, cookie: str | None) -> bool:
    """Tell whether a browser has to use a link, or has a cookie that opens as much; nothing is changed.

    Errors:  Refused `link_used`, if it would have to and cannot.
    """
    link = find_credential(tx, CredentialKind.LINK, secret)
    browser = find_credential(tx, CredentialKind.BROWSER, cookie) if cookie is not None else None
    if browser is not None and (link is None or browser.role in (Role.USER, link.role)):
        return False
    if link is None:
        raise _used()
    return True


def use_link(tx: Transaction, secret: str) -> MadeCredential:
    """Take a link's secret, which dies, and give the secret of a browser's cookie.

    Errors:  Refused `link_used`.
    """
    link = find_credential(tx, CredentialKind.LINK, secret)
    # The second look is the UPDATE's own: of two browsers with one link, one gets in.
    if link is None or not tx.access.end(link.id, tx.now):
        raise _used()
    kind = CredentialKind.BROWSER
    return make_credential(tx, kind, kind, Role(link.role), BROWSER_LIFETIME, "brw_")


def _used() -> Refused:
    return Refused(
        "link_used", "this login link was used, is too old, or is not ours (make one with: agent-runtime login-link)"
    )


def log_out(tx: Transaction, secret: str) -> None:
    """End a browser's cookie; again is harmless."""
    found = find_credential(tx, CredentialKind.BROWSER, secret)
    if found is not None:
        tx.access.end(found.id, tx.now)
