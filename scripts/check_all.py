"""Runs every check, and with `--with-tests` the simulation and every test; continuous integration runs exactly this."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS_SIDE_BY_SIDE = "4"
# One run of mypy for each room: the rooms' test folders share module names (`conftest`), which one run refuses.
ROOMS_FOR_MYPY = (
    ("servers/agent-runtime",),
    ("servers/agent-launcher",),
    ("packages/runtime-client",),
    ("packages/settings-file",),
    ("packages/agent-backends",),
    ("interfaces/agent-orchestrator-mcp-server",),
    ("tests", "scripts", "bench"),
    ("conftest.py",),
)


@dataclass(frozen=True)
class Check:
    """One command that is silent about what is well and loud about what is not."""

    name: str
    command: tuple[str, ...]


def checks() -> Iterator[Check]:
    """All of them, the quickest first."""
    yield Check("lint", ("ruff", "check", "."))
    yield Check("format", ("ruff", "format", "--check", "."))
    for room in ROOMS_FOR_MYPY:
        present = tuple(path for path in room if any((ROOT / path).rglob("*.py")) or (ROOT / path).is_file())
        if present:
            yield Check(f"types {room[0]}", ("mypy", *present))
    scripts = sorted(str(path.relative_to(ROOT)) for path in _scripts_without_suffix())
    if scripts:
        yield Check("types commands", ("mypy", "--scripts-are-modules", *scripts))
    yield Check("import arrows", ("lint-imports",))
    # A rule that moves to another file takes the name along by which the simulation breaks it: no type checker sees it.
    yield Check("broken rules", ("pytest", "-q", "-k", "still_stands", "tests/simulation/test_mutants.py"))


def _scripts_without_suffix() -> Iterator[Path]:
    yield from (path for path in (ROOT / "commands").glob("a*") if not path.suffix)
    yield from (ROOT / "servers" / "agent-launcher").glob("agent-launcher")


def passes(check: Check) -> bool:
    """Run one check, and say what it said if it fails."""
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "servers" / "agent-launcher")}
    done = subprocess.run(
        check.command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{check.name:<50} {verdict:<7} {time.monotonic() - started:5.1f} s", flush=True)
    if done.returncode != 0:
        print(done.stdout, flush=True)
    return done.returncode == 0


def main() -> int:
    """The exit status for make: 0 when everything passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--with-tests", action="store_true", help="run the simulation and pytest after the checks")
    wanted = parser.parse_args()
    failed = [check.name for check in checks() if not passes(check)]
    failed += _run_tests() if wanted.with_tests else _run("tidy", "pytest", "-q", "tests/tidy")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run_tests() -> list[str]:
    """Run every test; files side by side, since most tests wait for processes rather than for the processor."""
    if lacking := _run("the tests' own set-up", sys.executable, "-m", "support.prerequisites"):
        return lacking
    return [*_run("simulation", sys.executable, "scripts/simulate.py"), *_run_pytest()]


def _run_pytest() -> list[str]:
    return _run("tests", "pytest", "-n", TESTS_SIDE_BY_SIDE, "--dist", "loadfile", "--no-loadscope-reorder")


def _run(name: str, *command: str) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    return [] if subprocess.run(command, cwd=ROOT, env=environment).returncode == 0 else [name]


if __name__ == "__main__":
    sys.exit(main())
