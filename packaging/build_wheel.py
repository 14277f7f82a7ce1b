"""The part of the wheel's build that its settings cannot say; called by hatchling."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FIRST_LINE = "#!python\n"
"""An installer writes the environment's own interpreter in its place."""
TOLD_TO_PEOPLE = "model/programs.js"
"""The page's file of which the wheel has its own."""


class Contents(BuildHookInterface[Any]):
    """Puts commands and page into the wheel: each command as a script of the environment, but for that as it is."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the scripts as they are to be, and name them and the page's files."""
        if version != "standard" or self.target_name != "wheel":
            return
        build_data["force_include"] |= dict(self._page())
        self._folder = tempfile.TemporaryDirectory()
        for path in sorted(Path(self.root, "commands").iterdir()):
            if path.is_file() and path.suffix != ".lock":
                made = Path(self._folder.name, path.name)
                _, lines = path.read_text(encoding="utf-8").split("\n", 1)
                made.write_text(FIRST_LINE + lines, encoding="utf-8")
                made.chmod(0o755)
                build_data["shared_scripts"][str(made)] = path.name

    def _page(self) -> Iterator[tuple[str, str]]:
        """The page's files, and where they go; what it tells people to type is another in an installation."""
        page = Path(self.root, "dashboard")
        for path in sorted(path for path in page.rglob("*") if path.is_file()):
            name = path.relative_to(page)
            source = Path(self.root, "packaging", path.name) if name.as_posix() == TOLD_TO_PEOPLE else path
            yield str(source), f"agent_orchestrator/tree/dashboard/{name.as_posix()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Take away what was written for the build."""
        del version, build_data, artifact_path
        if hasattr(self, "_folder"):
            self._folder.cleanup()
