"""Runs the stand-in as a process of its own: prints its port, serves until it is told to stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from support.model_stand_in.server import ModelStandIn


def main() -> None:
    """Serve until SIGINT or SIGTERM; then write what was asked to a file, if one was named."""
    parser = argparse.ArgumentParser(prog="model_stand_in", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; 0 takes a free one")
    parser.add_argument("--requests-file", type=Path, help="where to write the recorded requests at the end, as JSON")
    asked = parser.parse_args()
    stop_signals = {signal.SIGINT, signal.SIGTERM}
    # Blocked before any thread starts, so that every thread leaves them to sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    with ModelStandIn(asked.port) as stand_in:
        sys.stdout.write(stand_in.url.rsplit(":", 1)[1] + "\n")
        sys.stdout.flush()
        signal.sigwait(stop_signals)
        if asked.requests_file:
            asked.requests_file.write_text(json.dumps([asdict(request) for request in stand_in.requests]))


if __name__ == "__main__":
    main()
