"""Runs the web application on one socket, and ends it without anybody waiting for a parked poll."""

import asyncio
import errno
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from agent_runtime.http.door.connections import Connection, Room, connections_max
from agent_runtime.settings import LOOPBACK_NAME, PATIENCE_SECONDS, UnusableSettingError

# Longer than a poll may wait, so that a launcher's connection is there again for its next one.
KEEP_ALIVE_SECONDS = 75
_LEAVE_WITHIN_SECONDS = 5
_BACKLOG = 2048
_TICKS_PER_SECOND = 10


def bind(host: str, port: int) -> socket.socket:
    """Take the address before anything else is started.

    Errors:  UnusableSettingError.
    """
    name = "127.0.0.1" if host == LOOPBACK_NAME else host
    try:
        family, _, _, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        why = "it is in use" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise UnusableSettingError(
            f"cannot listen on '{host}' port '{port}': {why} "
            "(stop the other program, or choose another port with --port or AGENT_RUNTIME_PORT)"
        ) from error
    return listener


@dataclass(frozen=True)
class Wire:
    """How requests come in: with a certificate or plain, through which proxies, and how slowly.

    Units:   `patience_seconds` for the head of a request, and once more for its body.
    """

    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()
    patience_seconds: float = PATIENCE_SECONDS

    def check(self) -> None:
        """Read the certificate once, so that a wrong one is told before anything is started.

        Errors:  UnusableSettingError.
        """
        if self.tls_cert is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise UnusableSettingError(
                f"cannot serve TLS with certificate '{self.tls_cert}' and key '{self.tls_key}': "
                f"{error.strerror or error} (PEM files that belong together and can be read are needed)"
            ) from error

    @property
    def scheme(self) -> str:
        """How our addresses begin."""
        return "http" if self.tls_cert is None else "https"


def url_of(listener: socket.socket, scheme: str = "http") -> str:
    """Tell the address under which this machine's programs reach a bound socket."""
    host, port = listener.getsockname()[:2]
    address = ip_address(host)
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


class WebServer(uvicorn.Server):
    """uvicorn, with two promises more: it says when it is ready, and parked calls end before it waits for them."""

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        on_ready: Callable[[], None],
        on_leaving: Callable[[], None],
        wire: Wire,
    ) -> None:
        connection = partial(Connection, room=Room(connections_max()), patience_seconds=wire.patience_seconds)
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=cast("type[asyncio.Protocol]", connection),
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(wire.trusted_proxies),
                forwarded_allow_ips=list(wire.trusted_proxies),
                ssl_certfile=wire.tls_cert,
                ssl_keyfile=wire.tls_key,
                backlog=_BACKLOG,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_LEAVE_WITHIN_SECONDS,
            )
        )
        self._listener = listener
        self._on_ready = on_ready
        self._on_leaving = on_leaving
        self._leaving: asyncio.Event | None = None

    def serve_until_signalled(self) -> None:
        """Serve until SIGINT or SIGTERM, then leave in order; more signals change nothing."""
        self.run(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to answer, then say so."""
        self._leaving = asyncio.Event()
        await super().startup(sockets)
        self._on_ready()

    async def main_loop(self) -> None:
        """Keep the Date header fresh once a second, and sleep in between."""
        assert self._leaving is not None
        counter = 0
        while not await self.on_tick(counter):
            counter += _TICKS_PER_SECOND
            try:
                async with asyncio.timeout(1.0):
                    await self._leaving.wait()
            except TimeoutError:
                continue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer those who wait, then end every connection."""
        self._on_leaving()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave on a signal, with an exit code of ours instead of the signal's."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._leave)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _leave(self) -> None:
        self.should_exit = True
        if self._leaving is not None:
            self._leaving.set()
