"""An MCP server of a test's own: it tells who called, asks where to, and leaves files behind."""

import sys
from pathlib import Path

from runtime_client.wire import JsonObject

STARTED, CALLED = "lab-started", "lab-called"


def lab_server(folder: Path) -> JsonObject:
    """Write the server into a folder, and return what a blueprint says of it; its agent has `LAB_SECRET`."""
    path = folder / "lab_server.py"
    path.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from typing import Annotated\n"
        "from mcp.server.elicitation import ElicitationResult\n"
        "from mcp.server.mcpserver import MCPServer\n"
        "from mcp.server.mcpserver.resolve import Elicit, Resolve\n"
        "from pydantic import BaseModel\n"
        "class Where(BaseModel):\n"
        # Codex cancels a form that has a title.
        "    model_config = {'json_schema_extra': lambda form: form.pop('title')}\n"
        "    port: int\n"
        f"folder = Path({str(folder)!r})\n"
        "server = MCPServer('lab')\n"
        "@server.tool()\n"
        "def whoami(greeting: str) -> str:\n"
        f"    (folder / {CALLED!r}).touch()\n"
        "    return f'{greeting} {os.environ[\"TOKEN\"]}'\n"
        "def where() -> Elicit[Where]:\n"
        "    return Elicit('Where to?', Where)\n"
        "@server.tool()\n"
        "def ask_where(heard: Annotated[ElicitationResult[Where], Resolve(where)]) -> str:\n"
        "    return f'{heard.action} {getattr(heard, \"data\", None)}'\n"
        f"(folder / {STARTED!r}).touch()\n"
        "server.run()\n"
    )
    return {"command": sys.executable, "args": [str(path)], "env": {"TOKEN": "${LAB_SECRET}"}}
