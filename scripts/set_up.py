"""Sets up everything that a checkout needs, then becomes the given command: `python3 scripts/set_up.py pytest -x`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bring_uv import NoUvError, uv_program

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)


def main() -> None:
    """Install what `uv.lock` names into `.venv`, and run the command with it on PATH."""
    if sys.version_info < OLDEST_PYTHON:
        _give_up(
            f"this needs Python 3.11 or newer, found {platform_version()} at '{sys.executable}' "
            "(name another one: make run PYTHON=python3.11)"
        )
    try:
        uv = uv_program(ROOT / ".tools")
    except NoUvError as error:
        _give_up(f"no uv here and none could be fetched ({error}); install it yourself: https://docs.astral.sh/uv/")
    environment = environment_with(uv)
    _install_packages(uv, environment)
    command = sys.argv[1:]
    if command:
        _become(command, environment)


def platform_version() -> str:
    """The version of the Python that runs this, as people write it."""
    return ".".join(str(part) for part in sys.version_info[:3])


def environment_with(uv: Path) -> dict[str, str]:
    """The caller's environment with our packages and `uv` first on PATH."""
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join(
        [str(ROOT / ".venv" / "bin"), str(uv.parent), environment.get("PATH", os.defpath)]
    )
    environment["VIRTUAL_ENV"] = str(ROOT / ".venv")
    # Without its caches each of the hundreds of processes that the tests start compiles everything anew: seconds each.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # A company's own certificate authority is known to the system, never to the list that comes inside uv.
    environment.setdefault("UV_SYSTEM_CERTS", "true")
    return environment


def _install_packages(uv: Path, environment: dict[str, str]) -> None:
    if not (ROOT / ".venv" / "bin" / "pytest").exists():
        print("Setting up: installing the packages that uv.lock names into .venv/ (once)", flush=True)
    done = subprocess.run(
        [str(uv), "sync", "--locked", "--quiet"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        _give_up("uv could not install the packages that uv.lock names (see the lines above)")


def _become(command: list[str], environment: dict[str, str]) -> None:
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        _give_up(f"no program '{command[0]}' on PATH")
    else:
        sys.stdout.flush()
        os.execve(program, command, environment)  # noqa: S606 - no shell wanted


def _give_up(why: str) -> None:
    sys.exit(f"cannot set up: {why}")


if __name__ == "__main__":
    main()
