"""A project folder as on a user's machine: the launcher, and beside it the commands that it finds there."""

import shutil
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTED = Path(__file__).with_name("scripted_ao_start.py")
WITNESS = Path(__file__).with_name("witnessed_command.py")
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
    def agent(self) -> Path:
        """The scripted command as an agent of the real ones."""
        return self.root / "scripted/agent"

    @staticmethod
    def real_command(name: str) -> Path:
        """A command of this repository."""
        return REPOSITORY / "commands" / name

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
            self.put_command(name, f'#!/bin/sh\nexec {sys.executable} {self.real_command(name)} "$@"\n')

    def with_witnessed_commands(self, through: Path | None = None) -> "Project":
        """Put the real commands in place, each behind a witness, and the scripted one beside them as `agent`.

        Shape: `through` is a program that runs a command in its own way.
        """
        for name in ("ao-start", "ao-resume"):
            words = [WITNESS, *([through] if through else []), self.real_command(name)]
            self.put_command(name, f'#!/bin/sh\nexec {sys.executable} -IS {" ".join(map(str, words))} "$@"\n')
        self.agent.parent.mkdir(exist_ok=True)
        self.agent.write_text(f"#!{sys.executable} -IS\n" + SCRIPTED.read_text(encoding="utf-8"), encoding="utf-8")
        self.agent.chmod(0o755)
        return self

    def put_command(self, name: str, text: str, mode: int = 0o755) -> Path:
        """Write one command."""
        path = self.commands / name
        arriving = path.with_name(f".{name}.arriving")
        arriving.write_text(text, encoding="utf-8")
        arriving.chmod(mode)
        arriving.replace(path)
        return path
