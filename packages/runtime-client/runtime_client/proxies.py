"""Which proxy stands between us and the runtime, read from the environment by our own rule.

What does not concern the runtime is never looked at; a library would refuse to work for any odd entry.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from runtime_client.errors import UsageError


def proxy_of(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the address of the proxy on the way to a URL, None where there is none on it.

    Errors:  UsageError, for a proxy on the way that we do not speak to.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = next((name for name in _names(parts.scheme) if environment.get(name)), None)
    if name is None or _goes_straight(host, parts.port, environment.get("no_proxy") or environment.get("NO_PROXY")):
        return None
    told = environment[name].strip()
    proxy = told if "://" in told else f"http://{told}"
    if _is_usable(proxy):
        return proxy
    # A proxy's address may hold a password, so it is not shown.
    raise UsageError(
        f"cannot go to the Agent Runtime at {url!r} through the proxy that {name} names: expected "
        f"'http://HOST:PORT' or 'https://HOST:PORT', found a {proxy.partition('://')[0]!r} address "
        f"(set NO_PROXY={host} if the runtime is reached without it)"
    )


def _names(scheme: str) -> list[str]:
    return [name for word in (scheme, "all") for name in (f"{word}_proxy", f"{word}_proxy".upper())]


def _goes_straight(host: str, port: int | None, told: str | None) -> bool:
    entries = [entry.strip().lower() for entry in (told or "").split(",")]
    return any(entry and _covers(entry, host, port) for entry in entries)


def _covers(entry: str, host: str, port: int | None) -> bool:
    address = _address(host)
    if entry == "*":
        return True
    if address is not None:
        return _network_holds(entry, address)
    name, _, only_port = entry.partition(":")
    domain = name.removeprefix("*").lstrip(".")
    is_here = host == domain or host.endswith(f".{domain}")
    return is_here and bool(domain) and (not only_port or only_port == str(port))


def _network_holds(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # A name, or nothing at all: it says nothing about an address.
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_usable(proxy: str) -> bool:
    try:
        parts = urlsplit(proxy)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
