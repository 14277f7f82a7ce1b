"""The way to a runtime: whom to connect to, and what a request has to say so that it gets there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import SplitResult, quote, unquote, urlsplit

from runtime_client.address import RuntimeAddress
from runtime_client.connection import Connection, TlsConnection
from runtime_client.errors import UsageError
from runtime_client.trust import trust

Unconnected: TypeAlias = Callable[[float], Connection]


@dataclass(frozen=True)
class Way:
    """How requests go.

    Shape:   `prefix` stands before the path in each request's line; `headers` are sent with each.
    Units:   `connection` takes the seconds to connect at most; what it returns is not connected yet.
    """

    connection: Unconnected
    prefix: str
    headers: dict[str, str]


def way_to(address: RuntimeAddress, proxy: str | None) -> Way:
    """Return the way to a runtime; `proxy` is the URL of what stands between, as `proxy_of` found it.

    Errors:  UsageError, if the certificates to trust cannot be read, or there would have to be TLS within TLS.
    """
    runtime = urlsplit(address.url)
    path = quote(runtime.path.rstrip("/"), safe="/%:@!$&'()*+,;=")
    if proxy is None:
        return Way(_connect_to(runtime, address), path, {})
    between = urlsplit(proxy)
    connect = _connect_to(between, address)
    if runtime.scheme == "http":
        return Way(connect, f"http://{runtime.netloc.rpartition('@')[2]}{path}", _credentials(between))
    if between.scheme == "https":
        raise UsageError(
            f"cannot go to the Agent Runtime at {address.url!r} through a proxy that is itself reached over HTTPS: "
            f"expected 'http://HOST:PORT' (set NO_PROXY={runtime.hostname} if the runtime is reached without it)"
        )
    return Way(_connect_through(between, runtime, address), path, {})


def _connect_to(peer: SplitResult, address: RuntimeAddress) -> Unconnected:
    host, port = peer.hostname or "", _port(peer)
    if peer.scheme == "http":
        return lambda seconds: Connection(host, port, timeout=seconds)
    context = trust(address)
    return lambda seconds: TlsConnection(host, port, timeout=seconds, context=context)


def _connect_through(proxy: SplitResult, runtime: SplitResult, address: RuntimeAddress) -> Unconnected:
    context, headers = trust(address), _credentials(proxy)

    def connect(seconds: float) -> Connection:
        connection = TlsConnection(proxy.hostname or "", _port(proxy), timeout=seconds, context=context)
        connection.set_tunnel(runtime.hostname or "", _port(runtime), headers)
        return connection

    return connect


def _port(peer: SplitResult) -> int:
    return peer.port or (443 if peer.scheme == "https" else 80)


def _credentials(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    from base64 import b64encode

    told = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(told.encode()).decode('ascii')}"}
