"""Answers whoever may ask for the numbers: programs of this machine, or who shows the token."""

from __future__ import annotations

import hmac
import logging
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import urlsplit

from lib.errors import ConfigurationError
from lib.numbers.place import Place, is_loopback

log = logging.getLogger("agent-launcher")

FORM = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PATIENCE_SECONDS = 5.0
PATH = "/metrics"


class NumbersServer:
    """One thread that answers one question after the other."""

    def __init__(self, place: Place, write: Callable[[], bytes]) -> None:
        """Take the port.

        Errors:  ConfigurationError.
        """
        kind = type("Server", (HTTPServer,), {"address_family": _family(place.host)})
        try:
            self._server = kind((place.host, place.port), lambda *one: _Questions(place, write, *one))
        except OSError as error:
            raise ConfigurationError(
                f"cannot tell numbers at '{place.host}:{place.port}': {error.strerror or error} "
                "(AGENT_LAUNCHER_METRICS or --metrics)"
            ) from error
        self._thread = Thread(target=self._server.serve_forever, name="numbers", daemon=True)

    def start(self) -> None:
        host, port = self._server.server_address[:2]
        log.info("numbers are told at http://%s:%s%s", f"[{host}]" if ":" in str(host) else host, port, PATH)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class _Questions(BaseHTTPRequestHandler):
    server_version, sys_version = "agent-launcher", ""
    # Who says nothing must not keep others from asking for long.
    timeout = PATIENCE_SECONDS

    def __init__(
        self,
        place: Place,
        write: Callable[[], bytes],
        request: socket.socket,
        client: tuple[str, int],
        server: HTTPServer,
    ) -> None:
        self._place, self._write = place, write
        super().__init__(request, client, server)

    def do_GET(self) -> None:
        refusal = self._refusal()
        if refusal is not None:
            self._answer(*refusal)
        elif urlsplit(self.path).path != PATH:
            self._answer(404, f"there is only {PATH} here\n".encode())
        else:
            self._answer(200, self._write(), FORM)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name is the library's)
        log.debug("numbers: " + format, *args)

    def _refusal(self) -> tuple[int, bytes] | None:
        try:
            token = self._place.token()
        except ConfigurationError as error:
            log.error("numbers not told error=%s", error)  # noqa: TRY400
            return 503, b"the launcher cannot read the token that it is to ask for\n"
        if token is None:
            # A page of a stranger's name that points to this machine is no program of this machine.
            name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
            return None if is_loopback(name) else (403, b"ask for it by 'localhost' or '127.0.0.1'\n")
        shown = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        is_known = hmac.compare_digest(shown.encode(), token.encode())
        return None if is_known else (401, b"the header 'Authorization: Bearer TOKEN' is needed\n")

    def _answer(self, status: int, content: bytes, form: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)
