"""The part of the wheel's build that its settings cannot say; called by hatchling."""

import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FIRST_LINE = "#!python\n"
"""An installer writes the environment's own interpreter in its place."""


class Scripts(BuildHookInterface[Any]):
    """Puts each command into the wheel as a script of the environment, with the rest of its lines as they are."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the scripts as they are to be, and name them."""
        if version != "standard" or self.target_name != "wheel":
            return
        self._folder = tempfile.TemporaryDirectory()
        for path in sorted(Path(self.root, "commands").iterdir()):
            if path.is_file() and path.suffix != ".lock":
                made = Path(self._folder.name, path.name)
                _, lines = path.read_text(encoding="utf-8").split("\n", 1)
                made.write_text(FIRST_LINE + lines, encoding="utf-8")
                made.chmod(0o755)
                build_data["shared_scripts"][str(made)] = path.name

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take away what was written for the build."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            self._folder.cleanup()
