"""Builds what is published, twice and in two places, and checks it: `make release` leaves it in dist/.

It builds what is committed. That the version is a new one, and that it is published, is for people to decide.
"""

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.metadata import Metadata

ROOT = Path(__file__).resolve().parent.parent
SUMS = "SHA256SUMS"
# Two people's machines: what is built must not tell them apart.
PLACES: tuple[Mapping[str, str], ...] = ({"TZ": "UTC", "LANG": "C.UTF-8"}, {"TZ": "Asia/Tokyo", "LANG": "C"})
UMASKS = (0o022, 0o077)


class ReleaseError(Exception):
    """What was built cannot be published; its text says why."""


def main() -> int:
    """The exit status for make."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "dist", help="where the artefacts go")
    wanted = parser.parse_args()
    try:
        built = build_and_check()
    except ReleaseError as error:
        print(f"cannot release: {error}", file=sys.stderr)
        return 1
    wanted.to.mkdir(parents=True, exist_ok=True)
    for name, content in {**built, SUMS: sums(built)}.items():
        (wanted.to / name).write_bytes(content)
        print(wanted.to / name)
    return 0


def build_and_check() -> dict[str, bytes]:
    """Build everything, and return it by its file names.

    Errors:  ReleaseError.
    """
    sources = _committed()
    builds = [_built_in(sources, place, umask) for place, umask in zip(PLACES, UMASKS, strict=True)]
    for name in sorted({*builds[0], *builds[1]}):
        if builds[0].get(name) != builds[1].get(name):
            raise ReleaseError(f"two builds of '{name}' differ")
    built = builds[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wheel = next(name for name in built if name.endswith(".whl"))
    sdist = next(name for name in built if name.endswith(".tar.gz"))
    if _wheel_from(built[sdist]) != built[wheel]:
        raise ReleaseError(f"the wheel that is built out of '{sdist}' is another one than '{wheel}'")
    for problem in problems(project, wheel, built[wheel]):
        raise ReleaseError(problem)
    return built


def problems(project: Mapping[str, object], name: str, wheel: bytes) -> Iterator[str]:
    """What is wrong with a wheel, beside what the project says of itself."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        names = set(archive.namelist())
        folder = next(one for one in names if one.endswith(".dist-info/METADATA"))
        said = Metadata.from_email(archive.read(folder), validate=True)
    if (said.name, str(said.version)) != (project["name"], project["version"]):
        yield f"'{name}' says that it is {said.name} {said.version}, expected {project['name']} {project['version']}"
    if not said.description or not said.license_expression:
        yield f"'{name}' has no description or no licence"
    scripts = {Path(one).name for one in names if ".data/scripts/" in one}
    wanted = {"agent-runtime", "agent-launcher", "agent-orchestrator-mcp", *_commands()}
    if scripts != wanted:
        yield f"'{name}' has other programs than it should: {sorted(scripts ^ wanted)}"
    for part in ("agent_runtime/store/migrations/env.py", "agent_orchestrator/tree/dashboard/index.html"):
        if part not in names:
            yield f"'{name}' lacks '{part}'"
    if strays := sorted(one for one in names if "__pycache__" in one or "/tests/" in one):
        yield f"'{name}' has what is nobody's business: {strays[:3]}"


def sums(built: Mapping[str, bytes]) -> bytes:
    """What `sha256sum --check` reads."""
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(built.items())]
    return "".join(lines).encode()


def _commands() -> set[str]:
    return {path.name for path in (ROOT / "commands").iterdir() if path.suffix != ".lock"}


def _committed() -> bytes:
    done = subprocess.run(["git", "archive", "--format=tar", "HEAD"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise ReleaseError(f"this is no checkout of git: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _built_in(sources: bytes, place: Mapping[str, str], umask: int) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        checkout, output = Path(folder, "checkout"), Path(folder, "built")
        _unpack(sources, checkout)
        _build(checkout, output, place, umask)
        return {path.name: path.read_bytes() for path in output.iterdir() if path.suffix in (".whl", ".gz")}


def _wheel_from(sdist: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        _unpack(sdist, Path(folder, "sources"))
        (checkout,) = Path(folder, "sources").iterdir()
        _build(checkout, Path(folder, "built"), {}, UMASKS[0], "wheel")
        (wheel,) = Path(folder, "built").glob("*.whl")
        return wheel.read_bytes()


def _unpack(packed: bytes, to: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(to, filter="data")


def _build(checkout: Path, to: Path, place: Mapping[str, str], umask: int, *targets: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(to)]
    command += [word for target in targets for word in ("--target", target)]
    done = subprocess.run(
        command, cwd=checkout, env={**os.environ, **place}, umask=umask, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ReleaseError(f"the build failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
