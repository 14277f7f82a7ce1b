"""The cookie of a browser that is logged in, and what a request with it must show besides."""

from collections.abc import Mapping

from agent_runtime.domain.errors import Refused
from agent_runtime.services.access.logins import BROWSER_LIFETIME

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What browsers say of who made a request; another program's page on this machine counts as the same site.
_OWN_SITE = frozenset({b"same-origin", b"none"})


def cookie_name(port: int) -> str:
    """Name the cookie of the runtime at a port: browsers keep one jar for all ports of a host."""
    return f"agent-runtime-{port}"


def secret_in(headers: Mapping[bytes, bytes], name: str) -> str | None:
    """Find a cookie's secret in the headers of a request."""
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name and value:
            return value
    return None


def refuse_forged(method: str, headers: Mapping[bytes, bytes]) -> None:
    """Refuse a request that another page may have made a browser send with our cookie.

    Errors:  Refused `forbidden_origin`.
    """
    site = headers.get(b"sec-fetch-site")
    is_foreign = site is not None and site not in _OWN_SITE
    # The guard has already compared an Origin with our own name; here it must be there, as browsers always send it.
    lacks_origin = method not in _SAFE_METHODS and b"origin" not in headers
    if is_foreign or lacks_origin:
        raise Refused("forbidden_origin", "a browser's cookie is taken from our own page only (use a token instead)")


def set_cookie(name: str, secret: str, *, is_secure: bool) -> str:
    """Write the header that gives a browser its cookie: no script can read it, no other site can use it."""
    lifetime = int(BROWSER_LIFETIME.total_seconds())
    return f"{name}={secret}; Max-Age={lifetime}; {_how(is_secure=is_secure)}"


def clear_cookie(name: str, *, is_secure: bool) -> str:
    """Write the header that takes the cookie away."""
    return f"{name}=; Max-Age=0; {_how(is_secure=is_secure)}"


def _how(*, is_secure: bool) -> str:
    return "Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if is_secure else "")
