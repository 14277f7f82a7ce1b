"""Packages of the distribution that tests need, installed where we may."""

import os
import shutil
import subprocess
from functools import cache


def install(*packages: str) -> None:
    """Install packages if this system has `apt-get` and we are root; the caller looks whether they are there then."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _know_what_there_is()
        _apt_get("install", "-y", "--no-install-recommends", *packages)


@cache
def _know_what_there_is() -> None:
    _apt_get("update")


def _apt_get(*words: str) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", *words], env=quiet, check=False, stdout=subprocess.DEVNULL)
