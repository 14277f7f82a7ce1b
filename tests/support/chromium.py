"""The browser of the browser tests: Debian's Chromium, installed when it is missing and we may install it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
LAUNCH_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class NoBrowserError(Exception):
    """There is no Chromium, and it could not be installed; the text says what to do."""


def ensure_chromium() -> Path:
    """Find Chromium, or install Debian's package.

    Errors:  NoBrowserError.
    """
    found = _find()
    if found is not None:
        return found
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoBrowserError(
            "the browser tests need Chromium, found none (install it: sudo apt-get install -y chromium)"
        )
    _install()
    found = _find()
    if found is None:
        raise NoBrowserError("apt-get installed Chromium, and there is no program of that name on PATH")
    return found


def _find() -> Path | None:
    named = os.environ.get("CHROMIUM")
    for name in (named, *NAMES) if named else NAMES:
        path = shutil.which(name)
        if path is not None:
            return Path(path)
    return None


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", "chromium", "fonts-inter", "fonts-jetbrains-mono"]
    for command in (["apt-get", "update"], install):
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            last = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
            raise NoBrowserError(
                f"cannot install Chromium: '{' '.join(command)}' ended with {done.returncode}: {last[0]}"
            )


def main() -> int:
    """Make sure that there is a browser, and print where."""
    try:
        print(ensure_chromium())  # noqa: T201 - this is what the program is for
    except NoBrowserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
