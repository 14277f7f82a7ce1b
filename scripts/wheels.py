"""Brings together what an installation without a network needs: `make wheels` leaves it in dist/wheels.

The libraries are those of `uv.lock`, for one Python on this kind of machine; our own wheel is built anew.
"""

import argparse
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from release import ROOT, ReleaseError, build_and_check

DEFAULT_PYTHON = "3.13"


def main() -> int:
    """The exit status for make."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=DEFAULT_PYTHON, help="for which Python, such as 3.13")
    parser.add_argument("--to", type=Path, default=ROOT / "dist" / "wheels", help="where they go")
    wanted = parser.parse_args()
    try:
        built = build_and_check()
        libraries(wanted.to, wanted.python)
    except ReleaseError as error:
        print(f"cannot bring the wheels together: {error}", file=sys.stderr)
        return 1
    for name, content in built.items():
        if name.endswith(".whl"):
            (wanted.to / name).write_bytes(content)
    print(f"{wanted.to}: {len(list(wanted.to.glob('*.whl')))} wheels for Python {wanted.python}")
    return 0


def libraries(to: Path, python: str) -> None:
    """Fetch the wheels of all libraries; those that are there already are not fetched again.

    Errors:  ReleaseError.
    """
    to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "requirements.txt")
        exporting = ["uv", "export", "--locked", "--no-dev", "--extra", "traces", "--no-emit-workspace", "--quiet"]
        listed.write_text(_said([*exporting, "--no-annotate", "--no-header"]), encoding="utf-8")
        venv.create(Path(folder, "pip"), with_pip=True)
        pip = [str(Path(folder, "pip/bin/python")), "-m", "pip", "download", "--quiet", "--no-deps"]
        _said([*pip, "--only-binary=:all:", f"--python-version={python}", f"--find-links={to}", "-d", str(to),
               "-r", str(listed)])  # fmt: skip


def _said(command: list[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
