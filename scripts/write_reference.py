"""Writes docs/reference/ from the code: the API, the commands, the states of a job. A test compares them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from agent_backends.kind import Kind
from agent_backends.registry import KINDS, kind_named
from agent_runtime.domain.job import MOVES, Edge
from runtime_client.verbs.all_verbs import VERBS

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
RUNTIME = Path(sys.executable).with_name("agent-runtime")
LAUNCHER = ROOT / "servers" / "agent-launcher" / "agent-launcher"
ASKED_AT_ONCE = 4
MCP_SERVER = ROOT / "interfaces" / "agent-orchestrator-mcp-server" / "agent-orchestrator-mcp.py"


def pages() -> Mapping[str, Callable[[], str]]:
    """Every generated page with how to write it."""
    return {
        # First, for the runtime reads it when it is asked for the next.
        "../../servers/agent-runtime/agent_runtime/services/agents/backends.json": backends_for_the_runtime,
        "openapi.json": openapi,
        "commands.md": commands_page,
        "job-states.md": job_states_page,
        "backends.md": backends_page,
        # The same for who may not import the backends.
        "../../dashboard/model/backends.js": backends_for_the_page,
    }


def openapi() -> str:
    """The API's description, as the runtime itself tells it."""
    return _output([str(RUNTIME), "openapi"])


def commands_page() -> str:
    """What each program says about itself."""
    with ThreadPoolExecutor(ASKED_AT_ONCE) as askers:
        sections = askers.map(_section, programs())
        first = "# Commands\n\nWhat each program says when it is asked with `--help`. Written by `make reference`.\n"
        return "\n".join([first, *sections])


@dataclass(frozen=True)
class Program:
    """A program that can be asked for help: its name, how to run it, and how a reader calls it."""

    name: str
    command: Sequence[str]
    called: str

    def with_verbs(self, verbs: Iterable[str]) -> Iterator[Program]:
        """Name it with each of its sub-commands."""
        yield from (replace(self, name=f"{self.name} {verb}", command=[*self.command, verb],
                            called=f"{self.called} {verb}") for verb in verbs)  # fmt: skip


def programs() -> Iterator[Program]:
    """All programs and their sub-commands, in the order of the page."""
    python = sys.executable
    runtime = Program("agent-runtime", [str(RUNTIME)], "uv run agent-runtime")
    launcher = Program("agent-launcher", [python, str(LAUNCHER)], str(LAUNCHER.relative_to(ROOT)))
    backends = Program("agent-backends", [python, str(ROOT / "commands" / "agent-backends")], "commands/agent-backends")
    ao = Program("ao", [python, str(ROOT / "commands" / "ao")], "commands/ao")
    yield from (runtime, *runtime.with_verbs(subcommands(runtime)))
    yield from (launcher, *launcher.with_verbs(subcommands(launcher)))
    yield from backends.with_verbs(subcommands(backends))
    yield from (ao, *ao.with_verbs(name for name, verb in VERBS.items() if not verb.script))
    yield from (Program(path.name, [python, str(path)], f"commands/{path.name}") for path in command_scripts())
    yield Program("agent-orchestrator-mcp", [python, str(MCP_SERVER)], str(MCP_SERVER.relative_to(ROOT)))


def command_scripts() -> list[Path]:
    """The `ao-*` programs."""
    return sorted(path for path in (ROOT / "commands").glob("ao-*") if not path.suffix)


def subcommands(program: Program) -> list[str]:
    """A program's own sub-commands, as its help lists them."""
    _, _, listing = _output([*program.command, "--help"]).partition("Commands:\n")
    return [line.split()[0] for line in listing.splitlines() if line[:2] == "  " and line[2:3].isalpha()]


def _section(program: Program) -> str:
    text = "\n".join(line.rstrip() for line in _output([*program.command, "--help"]).strip().splitlines())
    return f"## {program.name}\n\n`{program.called}`\n\n```text\n{text}\n```\n"


def _output(command: Sequence[str]) -> str:
    plain = {"TYPER_USE_RICH": "0", "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "XDG_CONFIG_HOME": "/nowhere"}
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AGENT_", "LAUNCHER_"))}
    environment = {**own, **plain, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def job_states_page() -> str:
    """The state machine, drawn and in words, from the table that the runtime uses."""
    drawn = "\n".join(f"    {line}" for edge in MOVES.values() for line in _arrows(edge))
    rows = "\n".join(_row(edge) for edge in MOVES.values())
    return f"""# States of a job

Drawn from `MOVES` in `servers/agent-runtime/agent_runtime/domain/job.py` by `make reference`. There are no other moves.
What the states mean is in the [glossary](../glossary.md#states-of-a-job).

```mermaid
stateDiagram-v2
{drawn}
```

| # | move | from | to | who | when |
|---|---|---|---|---|---|
{rows}
"""


def _arrows(edge: Edge) -> Iterator[str]:
    for source in [str(status) for status in sorted(edge.sources)] or ["[*]"]:
        for target in sorted(edge.targets):
            yield f"{source} --> {target}: {edge.number} {edge.move.replace('_', ' ')}"


def _row(edge: Edge) -> str:
    sources = ", ".join(f"`{status}`" for status in sorted(edge.sources)) or "nothing"
    targets = ", ".join(f"`{status}`" for status in sorted(edge.targets))
    return f"| {edge.number} | {edge.move.replace('_', ' ')} | {sources} | {targets} | {edge.who} | {edge.when} |"


def backends_page() -> str:
    """Every kind of agent with its options, as each says it of itself."""
    parts = ["# Kinds of agents\n\nWhat `backend` and `options` of a blueprint may be. Written by `make reference`.\n"]
    for kind in map(kind_named, KINDS):
        program = "its blueprint names the program in `command`" if kind.takes_command else "its program is known"
        rows = [f"| `{option.name}` | {option.default} | {option.means} |" for option in kind.options]
        table = "\n".join(["| option | default | means |", "|---|---|---|", *rows])
        cannot = "".join(f"`{name}` cannot be held: {because}.\n" for name, because in kind.cannot_hold.items())
        parts.append(f"## `{kind.name}`\n\n{kind.title}; {program}.\n\n{table}\n{cannot and chr(10)}{cannot}")
    return "\n".join(parts)


def backends_for_the_runtime() -> str:
    """What a blueprint may say to each kind, for who checks one that is saved."""
    kinds = {kind.name: _for_the_runtime(kind) for kind in map(kind_named, KINDS)}
    return json.dumps(kinds, indent=2) + "\n"


def _for_the_runtime(kind: Kind) -> Mapping[str, object]:
    options = {}
    for option in kind.options:
        said = {"choices": list(option.choices), "instead_of": option.instead_of}
        options[option.name] = {name: value for name, value in said.items() if value}
    further = {
        "cannot_hold": dict(kind.cannot_hold),
        "permissions": list(kind.permissions),
        "ruled_tools": list(kind.ruled_tools),
    }
    return {"options": options, **{name: value for name, value in further.items() if value}}


def backends_for_the_page() -> str:
    """What the form of an agent has to know of each kind."""
    rows = [
        f"  {kind.name}: {{ title: {json.dumps(kind.title)}, takesCommand: {json.dumps(kind.takes_command)}, options: ["
        + "".join(f"\n      {json.dumps(option.name)}," for option in kind.options)
        + "\n    ] },"
        for kind in map(kind_named, KINDS)
    ]
    about = "/** The kinds of agents, as each says it of itself; written by `make reference`. */"
    return "\n".join([about, "export const BACKENDS = {", *rows, "};"]) + "\n"


def main() -> None:
    """Write what has changed, and say which."""
    for name, write in pages().items():
        path, text = (REFERENCE / name).resolve(), write()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
