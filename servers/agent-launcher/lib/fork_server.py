"""Fork a shim for each request of the launcher, cheaply; leave when the launcher leaves.

A fresh interpreter for each job would cost some 55 ms and 12 MB. This one is small, single-threaded and
uses the standard library only, so a fork of it is a few milliseconds and about one megabyte.
"""

# ruff: noqa: PTH100, PTH120  (pathlib would cost each shim memory for nothing)
from __future__ import annotations

import gc
import os
import select
import socket
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Found only after the line above: `python -I` knows no script folder.
from lib import shim
from lib.run_files import FAILED
from lib.shim_host import Host

FAILPOINTS = "AGENT_LAUNCHER_FAILPOINTS"

REQUEST_BYTES_MAX = 65536
REQUEST_FDS_MAX = 64
COLLECT_SECONDS = 1.0


def serve(control: socket.socket, host: Host) -> None:
    """Answer requests until the other end is closed: one line with a run directory, one gate."""
    text = b""
    gates: list[int] = []
    children = 0
    while True:
        children -= _collect(children)
        # The launcher learns of ends from locks and gates. Here they are only collected, at leisure.
        if not select.select([control], [], [], COLLECT_SECONDS if children else None)[0]:
            continue
        part, fds, _, _ = socket.recv_fds(control, REQUEST_BYTES_MAX, REQUEST_FDS_MAX)
        if not part:
            return
        for gate in fds:
            os.set_inheritable(gate, False)  # a command that held the gate would look like a living shim
            gates.append(gate)
        *lines, text = (text + part).split(b"\n")
        for line in lines:
            children += _fork_one(control, host, os.fsdecode(line), gates.pop(0), gates)


def _collect(children: int) -> int:
    collected = 0
    while collected < children and os.waitpid(-1, os.WNOHANG)[0]:
        collected += 1
    return collected


def _fork_one(control: socket.socket, host: Host, run_path: str, gate: int, others: list[int]) -> int:
    try:
        child = os.fork()
    except OSError as error:
        os.write(gate, FAILED + f"cannot fork: {os.strerror(error.errno or 0)}".encode())
        os.close(gate)
        return 0
    if child:
        os.close(gate)
        return 1
    control.close()
    for other in others:
        os.close(other)
    shim.main(host, run_path, gate)
    return 0


def _host() -> Host:
    told = os.environ.pop(FAILPOINTS, None)
    if told is None:
        return Host()
    from lib.failing_shim import FailingHost

    return FailingHost(told)


def main() -> None:
    """Read the number of the control socket from the arguments and serve it."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    host = _host()
    gc.collect()
    gc.freeze()
    gc.disable()
    serve(control, host)


if __name__ == "__main__":
    main()
