"""An environment into which the wheel of this repository was installed, as a person would have it."""

import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Installed:
    """The programs of a wheel, in an environment and an empty home of their own; nothing else of ours is found."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.bin = _environment_with(build_wheel(folder / "wheels"), folder / "environment")

    @property
    def environment(self) -> dict[str, str]:
        """What a new terminal would have: no checkout and no `uv`."""
        return {"HOME": str(self.home), "PATH": f"{self.bin}:/usr/bin:/bin", "LANG": "C.UTF-8"}

    def program(self, name: str) -> str:
        """Tell where a program is."""
        return str(self.bin / name)

    def run(self, name: str, *words: str, **environment: str) -> str:
        """Run a program to its end, which must be a good one, and give what it printed."""
        done = subprocess.run(
            [self.program(name), *words],
            env=self.environment | environment,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name} {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def build_wheel(folder: Path) -> Path:
    """Build the wheel out of this checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.iterdir()
    return wheel


def _environment_with(wheel: Path, folder: Path) -> Path:
    """Install a wheel with pip; the libraries that it needs are those of the tests' own environment."""
    python = Path(sys.executable).resolve()
    subprocess.run([python, "-m", "venv", folder], check=True, capture_output=True)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    # A path file in a folder that a path file names is not read: what is linked into that environment stays out.
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin"
