"""Which room of the page may import which, and that no module imports itself by way of others."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from tidy.tree import Source, findings, page_scripts, script

# Each room may import itself and what stands before it.
ROOMS = ("vendor", "browser", "model", "parts", "charts", "views", "app.js")
IMPORT = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(\s*|^import\s+)["'](\.[^"']+)["']""", re.MULTILINE)


def imports(source: Source) -> Iterator[PurePosixPath]:
    """The modules that a module of the page imports, late ones included."""
    for target in IMPORT.findall(source.text):
        parts: list[str] = list(source.path.parent.parts)
        for part in PurePosixPath(target).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        yield PurePosixPath(*parts)


def room(path: PurePosixPath) -> int:
    """Where a module's room stands among the rooms."""
    return ROOMS.index(path.parts[1])


def against_the_arrows(source: Source) -> Iterator[str]:
    """Imports of a room that stands higher."""
    for target in imports(source):
        if room(target) > room(source.path):
            yield f"imports '{target}' (the arrows go from {' to '.join(reversed(ROOMS))})"


def circles(known: Mapping[PurePosixPath, tuple[PurePosixPath, ...]]) -> list[str]:
    """The modules that reach themselves."""
    return sorted(str(start) for start in known if start in _reached(start, known))


def _reached(start: PurePosixPath, known: Mapping[PurePosixPath, tuple[PurePosixPath, ...]]) -> set[PurePosixPath]:
    reached: set[PurePosixPath] = set()
    waiting = [start]
    while waiting:
        new = set(known.get(waiting.pop(), ())) - reached
        reached |= new
        waiting += new
    return reached


def test_the_arrows_of_the_page_go_one_way() -> None:
    assert findings(against_the_arrows, page_scripts()) == ""


def test_no_module_of_the_page_imports_itself_by_way_of_others() -> None:
    assert circles({source.path: tuple(imports(source)) for source in page_scripts()}) == []


def test_every_room_of_the_page_is_in_the_order() -> None:
    assert {source.path.parts[1] for source in page_scripts()} == set(ROOMS) - {"vendor"}


def test_an_import_upwards_is_found() -> None:
    upwards = script('import { Shell } from "../views/shell.js";\n', "dashboard/parts/example.js")
    late = script('const load = () => import("../views/shell.js");\n', "dashboard/model/example.js")
    downwards = script('import { html } from "../browser/ui.js";\n', "dashboard/parts/example.js")

    assert list(against_the_arrows(upwards))
    assert list(against_the_arrows(late))
    assert not list(against_the_arrows(downwards))


def test_a_circle_is_found() -> None:
    one, two, three = (PurePosixPath(name) for name in ("a.js", "b.js", "c.js"))

    assert circles({one: (two,), two: (one,), three: (one,)}) == ["a.js", "b.js"]
