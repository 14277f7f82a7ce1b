#!/usr/bin/env -S sh -c 's=$(readlink -f "$0"); v=${s%/*}/../../.venv/bin; [ -x "$v/agent-runtime" ] && exec "$v/python" -I "$s" "$@"; exec uv run -q --no-env-file --directory . --script "$s" "$@"'
# /// script
# requires-python = ">=3.11"
# dependencies = ["mcp>=2.3", "pydantic>=2.12", "uvicorn>=0.54"]
# ///
"""The Agent Orchestrator as an MCP server: agents start, watch and stop other agents.

    agent-orchestrator-mcp.py                     on standard input and output, for one client
    agent-orchestrator-mcp.py --transport http    streamable HTTP on port 8766, for many

The calling session is named by the environment (AGENT_SESSION_NAME) or the header X-Agent-Session-Name.
"""

import os
import sys

if not sys.flags.isolated:
    # Before anything is imported: neither environment nor folder of the caller decides what our modules are.
    os.execv(sys.executable, [sys.executable, "-I", *sys.argv])

from pathlib import Path


def find_project_root(script: Path) -> Path | None:
    """Find the folder that holds our packages, upwards from this script."""
    for folder in script.resolve().parents:
        if (folder / "packages" / "runtime-client").is_dir():
            return folder
    return None


def find_commands_dir(project_root: Path | None) -> Path | None:
    """Find the `ao-*` commands relative to the project root, or else on PATH."""
    if project_root is not None and (project_root / "commands" / "ao-start").is_file():
        return project_root / "commands"
    # Imported late: beside the commands there is no need to look for them.
    import shutil

    on_path = shutil.which("ao-start")
    return Path(on_path).parent if on_path else None


def add_packages(script: Path, project_root: Path | None) -> None:
    """Let the packages that lie beside this script be imported without being installed."""
    sys.path.insert(0, str(script.resolve().parent))
    if project_root is not None:
        sys.path[:0] = [str(project_root / "packages" / name) for name in ("runtime-client", "settings-file")]


def run() -> int:
    """Serve; return the exit status."""
    script = Path(__file__)
    project_root = find_project_root(script)
    add_packages(script, project_root)
    # Only now can it be found.
    from orchestrator_mcp.main import main

    return main(sys.argv[1:], find_commands_dir(project_root))


if __name__ == "__main__":
    sys.exit(run())
