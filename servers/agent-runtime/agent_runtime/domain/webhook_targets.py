"""Which places outside may be called: all public addresses, unless a list says less, and of the others none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias
from urllib.parse import urlsplit

URL_CHARACTERS_MAX = 2_000
_LABEL_CHARACTERS_MAX = 63
_PORTS: Mapping[str, int] = {"http": 80, "https": 443}
_UNICAST = 0b001
"""How the IPv6 addresses of the open Internet begin: 2000::/3."""
_MORE_INSIDE = ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")
"""What older Pythons call public and is not."""
Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Place:
    """Where a request goes: `path` with its query, as it stands in the request."""

    is_encrypted: bool
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The place as the request names it."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == _PORTS["https" if self.is_encrypted else "http"] else f"{shown}:{self.port}"


@dataclass(frozen=True)
class Targets:
    """Which places may be called.

    Shape:   without `hosts` every host, else only these (`*.example.com` is all below it); `networks` may be called
             although they are not public, and without encryption.
    """

    hosts: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Targets":
        """Read a list of host names, addresses and networks.

        Errors:  ValueError.
        """
        hosts: list[str] = []
        networks: list[Network] = []
        for entry in entries:
            try:
                networks.append(ip_network(entry))
            except ValueError:
                hosts.append(_host_entry(entry))
        return cls(tuple(hosts), tuple(networks))

    def check_host(self, host: str) -> None:
        """Refuse a host that may not be called whatever its address is.

        Errors:  ValueError.
        """
        literal = _literal(host)
        if literal is not None:
            if self.hosts and not self._is_listed(plain(literal)):
                raise ValueError(f"'{host}' is not in the list of targets")
            return
        name = host.lower().rstrip(".")
        if self.hosts and not any(_fits(name, entry) for entry in self.hosts):
            raise ValueError(f"'{host}' is not in the list of targets")

    def check_address(self, text: str, *, is_encrypted: bool) -> None:
        """Refuse an address inside, and one outside that would be called without encryption.

        Errors:  ValueError.
        """
        address = plain(ip_address(text))
        if self._is_listed(address):
            return
        if not is_public(address):
            raise ValueError(f"the address {address} is not a public one, and not in the list of targets")
        if not is_encrypted:
            raise ValueError("'https://' is expected outside of the networks in the list of targets")

    def check_place(self, place: Place) -> None:
        """Refuse a place as far as that is known without a look at the network.

        Errors:  ValueError.
        """
        self.check_host(place.host)
        if _literal(place.host) is not None:
            self.check_address(place.host, is_encrypted=place.is_encrypted)

    def _is_listed(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.networks)


def place_of(url: str) -> Place:
    """Read a URL that can be called.

    Errors:  ValueError, which does not quote it: its path may be a secret.
    """
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"up to {URL_CHARACTERS_MAX} plain ASCII characters without spaces are expected")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError("a URL with a host and a port up to 65535 is expected") from error
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise ValueError("'https://HOST/…' is expected")
    if "@" in parts.netloc or parts.fragment or "\\" in url:
        raise ValueError("a URL without a user, a password or a fragment is expected")
    if _literal(parts.hostname) is None and not _has_name_form(parts.hostname):
        raise ValueError(f"a host name whose parts have 1 to {_LABEL_CHARACTERS_MAX} characters is expected")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme == "https", parts.hostname, port or _PORTS[parts.scheme], path)


def plain(address: Address) -> Address:
    """Take an IPv4 address out of the IPv6 address that only wraps it."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped if mapped is not None else address


def is_public(address: Address) -> bool:
    """Tell whether an address is one of the open Internet, and leads nowhere else by a tunnel."""
    if any(address in ip_network(text) for text in _MORE_INSIDE):
        return False
    if isinstance(address, IPv6Address):
        is_tunnel = address.sixtofour is not None or address.teredo is not None
        return int(address) >> 125 == _UNICAST and address.is_global and not is_tunnel
    return address.is_global and not address.is_multicast and not address.is_reserved


def _has_name_form(host: str) -> bool:
    return all(0 < len(label) <= _LABEL_CHARACTERS_MAX for label in host.removesuffix(".").split("."))


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _host_entry(entry: str) -> str:
    name = entry.lower().rstrip(".")
    labels = name.removeprefix("*.").split(".")
    if not all(label and label.isascii() and label.replace("-", "").replace("_", "").isalnum() for label in labels):
        raise ValueError(f"a host, an address or a network such as '10.0.0.0/8' is expected, found '{entry[:80]}'")
    return name


def _fits(name: str, entry: str) -> bool:
    return name.endswith(entry[1:]) if entry.startswith("*.") else name == entry
