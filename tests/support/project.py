"""A project folder as on a user's machine: the launcher, and beside it the commands that it finds there."""

import shutil
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTED = Path(__file__).with_name("scripted_ao_start.py")
MAY_BE_WARM = """\
# /// script
# [tool.agent-launcher]
# warm = "json"
# ///
"""


class Project:
    """A copy of the launcher with `commands/` beside it, and a ledger for the scripted ones."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands = root / "commands"
        self.ledger_path = root / "ledger.jsonl"
        self.work = root / "work"
        for folder in (self.commands, self.work):
            folder.mkdir(parents=True)
        shutil.copytree(
            REPOSITORY / "servers/agent-launcher",
            root / "servers/agent-launcher",
            # Caches come along, which saves each launcher a compilation; one that is being written has no end yet.
            ignore=shutil.ignore_patterns("tests", "*.pyc.*"),
        )

    @property
    def launcher(self) -> Path:
        """The copied launcher's script."""
        return self.root / "servers/agent-launcher/agent-launcher"

    def with_scripted_commands(self) -> "Project":
        """Put the scripted `ao-start` and `ao-resume` in place."""
        for name in ("ao-start", "ao-resume"):
            # -I -S: nothing but Python's own modules, so that a start costs milliseconds.
            self.put_command(name, f"#!{sys.executable} -IS\n" + SCRIPTED.read_text(encoding="utf-8"))
        return self

    def with_warm_commands(self) -> "Project":
        """Put the scripted commands in place as ones that may be started warm."""
        for name in ("ao-start", "ao-resume"):
            self.put_command(name, f"#!{sys.executable} -I\n{MAY_BE_WARM}" + SCRIPTED.read_text(encoding="utf-8"))
        (self.root / ".venv").symlink_to(sys.prefix)
        return self

    def put_real_commands(self) -> None:
        """Put the commands of this repository in place."""
        for name in ("ao-start", "ao-resume"):
            self.put_command(name, f'#!/bin/sh\nexec {sys.executable} {REPOSITORY / "commands" / name} "$@"\n')

    def with_both_commands(self, real: str) -> "Project":
        """Put the real commands in place for sessions whose name begins so, and the scripted ones for all others."""
        self.with_scripted_commands()
        scripted = self.root / "scripted"
        self.commands.rename(scripted)
        self.commands.mkdir()
        for name in ("ao-start", "ao-resume"):
            chosen = f'case "$1" in {real}-*) exec {sys.executable} {REPOSITORY / "commands" / name} "$@" ;; esac'
            self.put_command(name, f'#!/bin/sh\n{chosen}\nexec {scripted / name} "$@"\n')
        shutil.copy(scripted / "ao-start", scripted / "agent")
        return self

    def put_command(self, name: str, text: str, mode: int = 0o755) -> Path:
        """Write one command."""
        path = self.commands / name
        arriving = path.with_name(f".{name}.arriving")
        arriving.write_text(text, encoding="utf-8")
        arriving.chmod(mode)
        arriving.replace(path)
        return path
