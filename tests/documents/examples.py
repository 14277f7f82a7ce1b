"""The example files of a page, put where the page says that they go."""

import json
from dataclasses import dataclass

from documents.pages import Block
from documents.stage import Stage

AGENTS = ".agent-orchestrator/agents"


@dataclass
class Examples:
    """What stands on the stage; `name` and `command` are those of the blueprint that came last."""

    stage: Stage
    name: str = ""
    command: tuple[str, ...] = ()

    def put(self, block: Block) -> None:
        """Write an example into its file, and let the product say that the blueprint can be used."""
        if block.language == "python":
            self._write(self.command[-1], block.text)
            return
        given = json.loads(block.text)
        if "mcpServers" in given:
            self._write("agent.mcp.json", block.text)
        else:
            # A page may show the one key that it is about.
            whole = given if "name" in given else {"name": f"example-{block.line}", "command": ["true"], **given}
            self.name, self.command = whole["name"], tuple(whole.get("command", ()))
            self._write("agent.json", block.text if whole is given else json.dumps(whole))
        self._check(block)

    def _write(self, file: str, text: str) -> None:
        path = self.stage.checkout / AGENTS / self.name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _check(self, block: Block) -> None:
        said = self.stage.type("commands/ao-list-blueprints")
        rows = [line.split()[:3] for line in said.out.splitlines() if line.split()[:1] == [self.name]]
        is_well = [row[2] for row in rows] == ["active"] and not said.err
        assert is_well, f"{block.page}:{block.line} is no blueprint that can be used:\n{said.out}{said.err}"
