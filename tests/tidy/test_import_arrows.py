"""Who may import whom: the rooms' arrows, no circle, and what the copied launcher folder may need."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tidy.tree import ROOT, Source, findings, python, python_sources

RUNTIME = "servers/agent-runtime/agent_runtime"
# `_typeshed` is known to type checkers only.
LAUNCHER_NEEDS = frozenset({"httpx", "typer", "lib", "_typeshed"})
# Loaded where numbers were asked for, and where there is a file of settings; a launcher copied alone has neither.
LAUNCHER_MAY_NEED = {
    "servers/agent-launcher/lib/numbers/exposition.py": "prometheus_client",
    "servers/agent-launcher/lib/user_file.py": "settings_file",
}


def imported(source: Source) -> Iterator[tuple[int, str]]:
    """The top-level packages that a file imports, wherever in it."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module.partition(".")[0]


def module_name(source: Source) -> str:
    """How others import a file: from the folder below which its packages begin."""
    path = source.path
    above = [folder for folder in path.parents if not (ROOT / folder / "__init__.py").exists()]
    name = ".".join(path.relative_to(above[0]).with_suffix("").parts)
    return name.removesuffix(".__init__")


def import_graph(files: Iterable[Source]) -> Mapping[str, set[str]]:
    """Which module imports which, wherever in it: also inside of a function, and for types only."""
    trees = {module_name(source): source.tree for source in files}
    return {name: {found for found in _named(tree) if found in trees} - {name} for name, tree in trees.items()}


def _named(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))


def circle(graph: Mapping[str, set[str]]) -> str:
    """A way from a module back to itself; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return " <- ".join(error.args[1])
    return ""


def rooms_without_a_row(files: Iterable[Source], architecture: str) -> list[str]:
    """The runtime's packages to which no link of ARCHITECTURE.md leads."""
    rooms = {str(source.path.parent) for source in files if source.path.name == "__init__.py"}
    return sorted(room for room in rooms if room.startswith(f"{RUNTIME}/") and f"]({room})" not in architecture)


def beyond(source: Source, allowed: frozenset[str]) -> Iterator[str]:
    """Imports that are neither Python's own nor allowed."""
    for line, package in imported(source):
        if package not in sys.stdlib_module_names and package not in allowed:
            yield f"line {line}: imports '{package}'"


def launcher_sources() -> list[Source]:
    """What is copied when somebody takes the launcher's folder to another machine."""
    folder = "servers/agent-launcher/"
    return [
        source
        for source in python_sources()
        if str(source.path).startswith((f"{folder}lib/", f"{folder}agent-launcher"))
    ]


def keeper_sources() -> list[Source]:
    """What runs in the keeper, which outlives launchers and whose memory is paid for each of them."""
    return [source for source in launcher_sources() if "lib/keeper/" in str(source.path)]


def outside_the_keeper(source: Source) -> Iterator[str]:
    """Imports that are neither Python's own nor of the keeper's room, those for types alone included."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name in [node.module or "."] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]:
            is_own = name == "lib.version" or name.startswith("lib.keeper")
            if name.partition(".")[0] not in sys.stdlib_module_names and not is_own:
                yield f"line {node.lineno}: imports '{name}'"


def test_the_rooms_arrows_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "servers" / "agent-launcher")}

    done = subprocess.run([str(linter), "--no-cache"], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_import_leads_back_to_where_it_began() -> None:
    graph = import_graph(source for source in python_sources() if source.is_product and source.path.suffix)

    assert circle(graph) == ""
    assert len(graph["agent_runtime.app"]) > 20


def test_every_room_of_the_runtime_has_its_row_in_the_architecture() -> None:
    assert rooms_without_a_row(python_sources(), (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")) == []


def test_the_launcher_needs_only_httpx_and_typer() -> None:
    def beyond_its_needs(source: Source) -> Iterator[str]:
        return beyond(source, LAUNCHER_NEEDS | {LAUNCHER_MAY_NEED.get(str(source.path), "lib")})

    assert findings(beyond_its_needs, launcher_sources()) == ""


def test_the_keeper_of_a_job_needs_nothing_but_python() -> None:
    keepers = keeper_sources()

    assert {source.path.stem for source in keepers} >= {"program", "keeper", "journal", "containment"}
    assert findings(outside_the_keeper, keepers) == ""


def test_the_keeper_of_a_job_loads_nothing_but_its_own_room() -> None:
    folder = ROOT / "servers" / "agent-launcher"
    code = f"import sys; sys.path.append({str(folder)!r}); import lib.keeper.program; print(*sys.modules)"

    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)

    loaded = set(done.stdout.split())
    own = {name for name in loaded if name == "lib" or name.startswith("lib.")}
    assert {name for name in own if not name.startswith("lib.keeper")} == {"lib", "lib.version"}
    assert {name for name in loaded - own if name.partition(".")[0] not in sys.stdlib_module_names} <= {"__main__"}
    # Each of these costs every keeper a megabyte or more.
    assert loaded & {"subprocess", "asyncio", "pathlib", "logging", "dataclasses", "http"} == set()


def test_a_foreign_import_is_found() -> None:
    inside = python("def f():\n    from agent_runtime import app\n", path="servers/agent-launcher/lib/example.py")

    assert list(beyond(inside, LAUNCHER_NEEDS))
    assert not list(beyond(python("import json\nimport httpx\nfrom lib.loop import Loop\n"), LAUNCHER_NEEDS))


def test_a_circle_is_found_also_if_it_is_for_types_only() -> None:
    one = python("if TYPE_CHECKING:\n    from agent_runtime.two import Two\n", path=f"{RUNTIME}/one.py")
    two = python("def f():\n    from agent_runtime import one\n", path=f"{RUNTIME}/two.py")

    assert "agent_runtime.one" in circle(import_graph([one, two]))
    assert circle(import_graph([one, python("import json\n", path=f"{RUNTIME}/two.py")])) == ""


def test_a_room_without_a_row_is_found() -> None:
    room = python("", path=f"{RUNTIME}/cellar/__init__.py")

    assert rooms_without_a_row([room], "| [services](...) |") == [f"{RUNTIME}/cellar"]
    assert rooms_without_a_row([room], f"| [cellar]({RUNTIME}/cellar) |") == []


def test_an_import_from_another_room_is_found_in_the_keeper() -> None:
    for line in ("from lib.machine import disk", "import httpx", "from lib import errors", "from . import words"):
        inside = python(f"if TYPE_CHECKING:\n    {line}\n", path="servers/agent-launcher/lib/keeper/example.py")
        assert list(outside_the_keeper(inside)), line

    assert not list(
        outside_the_keeper(python("import json\nfrom lib.keeper import words\nfrom lib.version import V\n"))
    )
