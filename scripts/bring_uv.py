"""Brings a `uv` of our own into `.tools/` when the machine has none.

Runs before anything is installed, so it may import only the standard library.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

UV_VERSION = "0.13.9"
OLDEST_UV = (0, 13)


class NoUvError(Exception):
    """No way to get a `uv` worked on this machine."""


def uv_program(tools: Path) -> Path:
    """The machine's own `uv` when it is new enough, else ours, fetched once into `tools`.

    Errors: NoUvError, with what each way said.
    """
    ours = tools / f"uv-{UV_VERSION}" / "uv"
    for candidate in (shutil.which("uv"), str(ours)):
        if candidate and _is_new_enough(candidate):
            return Path(candidate)
    print(f"Setting up: no uv on this machine, bringing version {UV_VERSION} into .tools/ (once)", flush=True)
    return _fetch_into(ours)


def _is_new_enough(program: str) -> bool:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    found = re.search(r"(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_UV


def _fetch_into(target: Path) -> Path:
    ways: list[tuple[str, Callable[[Path], Path]]] = [
        ("a virtual environment with pip", _by_virtual_environment),
        ("pip install --target", _by_pip_target),
        ("the wheel from the package index", _by_wheel),
    ]
    said: list[str] = []
    for name, way in ways:
        with tempfile.TemporaryDirectory(prefix="bring-uv-") as scratch:
            try:
                fetched = way(Path(scratch))
                return _keep(fetched, target)
            except (OSError, subprocess.CalledProcessError, NoUvError, ValueError) as error:
                said.append(f"{name}: {_last_words(error)}")
    raise NoUvError("; ".join(said))


def _last_words(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = ((error.stderr or "") + (error.stdout or "")).strip().splitlines()
        return lines[-1] if lines else f"exit status {error.returncode}"
    return str(error) or type(error).__name__


def _keep(fetched: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    arriving = target.with_name(f"uv.{os.getpid()}")
    shutil.copyfile(fetched, arriving)
    arriving.chmod(0o755)
    # Renamed at the end, so that a second `make` beside this one never runs half a program.
    arriving.replace(target)
    if not _is_new_enough(str(target)):
        raise NoUvError(f"'{target}' does not run on this machine")
    return target


def _by_virtual_environment(scratch: Path) -> Path:
    _quietly([sys.executable, "-m", "venv", str(scratch / "venv")])
    python = scratch / "venv" / "bin" / "python"
    _quietly([str(python), "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"])
    return scratch / "venv" / "bin" / "uv"


def _by_pip_target(scratch: Path) -> Path:
    _quietly([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(scratch / "lib"), f"uv=={UV_VERSION}"])
    return scratch / "lib" / "bin" / "uv"


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def _by_wheel(scratch: Path) -> Path:
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/uv/"
    wanted = _wheel_tag()
    for file in json.loads(_get(index, accept="application/vnd.pypi.simple.v1+json"))["files"]:
        name = file["filename"]
        if name.startswith(f"uv-{UV_VERSION}-") and name.endswith(".whl") and re.search(wanted, name):
            return _unpack(_get(file["url"]), file["hashes"]["sha256"], scratch)
    raise NoUvError(f"'{index}' has no wheel of uv {UV_VERSION} for {platform.system()} on {platform.machine()}")


def _wheel_tag() -> str:
    machine = platform.machine().lower()
    if platform.system() == "Darwin":
        return rf"macosx_\d+_\d+_{machine}"
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    return rf"{libc}[_\d]+_{machine}"


def _get(url: str, accept: str = "*/*") -> bytes:
    if not url.startswith("https://"):
        raise NoUvError(f"cannot fetch uv from '{url}': only https is trusted")
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - https, checked above
    certificates = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"))
    with urllib.request.urlopen(request, context=certificates, timeout=120) as answer:  # noqa: S310 - https, checked above
        body: bytes = answer.read()
    return body


def _unpack(wheel: bytes, sha256: str, scratch: Path) -> Path:
    if hashlib.sha256(wheel).hexdigest() != sha256:
        raise NoUvError("the wheel's checksum is not the one that the index names")
    path = scratch / "uv.whl"
    path.write_bytes(wheel)
    with zipfile.ZipFile(path) as archive:
        program = f"uv-{UV_VERSION}.data/scripts/uv"
        return Path(archive.extract(program, scratch))
