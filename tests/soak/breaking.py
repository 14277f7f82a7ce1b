"""Copies of the product that are broken on purpose: code at the end of a module replaces what stands there by name."""

import re
import shutil
import sys
from pathlib import Path

from support.project import REPOSITORY, Project

PACKAGES, RUNTIME = "packages/agent-backends", "servers/agent-runtime"
RUN_A_COMMAND = """
import runpy, sys
sys.path.insert(0, {folder!r})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
RUN_THE_RUNTIME = """
import sys
sys.path.insert(0, {folder!r})
from agent_runtime.program import main
main()
"""


def break_launcher(project: Project, module: str, code: str) -> None:
    """Break the launcher, or its keeper, that the project has a copy of."""
    _append(project.launcher.parent / "lib" / module, code)


def break_commands(project: Project, module: str, code: str) -> None:
    """Have the project's real commands run a broken copy of what is below them."""
    broken = _copy(project.root, PACKAGES, "agent_backends")
    _append(broken / "agent_backends" / module, code)
    project.with_witnessed_commands(_program(broken / "run.py", RUN_A_COMMAND))


def broken_runtime(folder: Path, module: str, code: str) -> tuple[str, ...]:
    """Make the words that run a broken runtime."""
    broken = _copy(folder, RUNTIME, "agent_runtime")
    _append(broken / "agent_runtime" / module, code)
    return (sys.executable, "-I", str(_program(broken / "run.py", RUN_THE_RUNTIME)))


def _copy(folder: Path, room: str, package: str) -> Path:
    broken = folder / "broken"
    ignored = shutil.ignore_patterns("*.pyc.*")
    shutil.copytree(REPOSITORY / room / package, broken / package, ignore=ignored)
    return broken


def _program(path: Path, text: str) -> Path:
    path.write_text(text.format(folder=str(path.parent)), encoding="utf-8")
    return path


def _append(path: Path, code: str) -> None:
    whole = path.read_text(encoding="utf-8")
    replaced = re.findall(r"^(?:def |[A-Z]\w+\.)(\w+)(?:\(| = )", code, flags=re.MULTILINE)
    # What is not there any more breaks nothing.
    assert replaced
    assert all(f"def {name}(" in whole for name in replaced), f"{path.name} has not all of {replaced}"
    path.write_text(f"{whole}\n\n{code}\n", encoding="utf-8")
