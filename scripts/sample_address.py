"""The port of `make run`: the runtime's usual one, or the one that the user names; taken ports are told, not tried."""

import json
import socket
import urllib.request
from collections.abc import Mapping

from runtime_client.verbs.background import CannotRunError

DEFAULT_PORT = 8765
LOOPBACK = "127.0.0.1"


def runtime_url(port: int) -> str:
    """Where a runtime of this machine answers."""
    return f"http://{LOOPBACK}:{port}"


def refuse_tls(environment: Mapping[str, str]) -> None:
    """Leave serving HTTPS to a runtime that is started by itself: its certificate need not name this machine.

    Errors:  CannotRunError, if a certificate is set.
    """
    for name in ("AGENT_RUNTIME_TLS_CERT", "AGENT_RUNTIME_TLS_KEY"):
        if environment.get(name):
            raise CannotRunError(
                f"cannot serve HTTPS with 'make run': it is for this machine alone, and {name} is set "
                "(unset it, or start 'agent-runtime' by itself: docs/how-to/serve-with-tls.md)"
            )


def free_port(environment: Mapping[str, str]) -> int:
    """The port to use.

    Errors:  CannotRunError, if it is no port, or somebody else listens there.
    """
    port = _named_port(environment.get("AGENT_RUNTIME_PORT", ""))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise CannotRunError(f"cannot start the runtime: port {port} is taken, {_who_has_it(port)}") from error
        return int(probe.getsockname()[1])


def _named_port(text: str) -> int:
    if not text:
        return DEFAULT_PORT
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise CannotRunError(f"cannot use the port '{text}': AGENT_RUNTIME_PORT is a number up to 65535")
    return int(text)


def _who_has_it(port: int) -> str:
    other = f"AGENT_RUNTIME_PORT={port + 1}"
    if not _is_a_runtime(port):
        return f"another program listens there (end it, or use another port: {other} make run)"
    # Two runtimes never share a memory, nor two launchers a state folder.
    folders = f"AGENT_RUNTIME_DATA_DIR=~/second/runtime AGENT_LAUNCHER_STATE_DIR=~/second/launcher {other}"
    return f"an agent runtime answers there already (end it, or run another beside it: {folders} make run)"


def _is_a_runtime(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"{runtime_url(port)}/health", timeout=2) as answer:  # noqa: S310 - http, ours
            return bool(json.load(answer).get("status"))
    except (OSError, ValueError, AttributeError):
        return False
