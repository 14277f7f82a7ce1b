"""What the tidy tests read: the files that git knows, as text and as syntax trees."""

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS_WITHOUT_SUFFIX = ("commands/ao-", "servers/agent-launcher/agent-launcher")
NOT_PRODUCT = frozenset({"tests", "bench", "scripts"})


@dataclass(frozen=True)
class Source:
    """One file: where it stands in the repository, and what it says."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file as Python's syntax tree."""
        return ast.parse(self.text, filename=str(self.path))

    @property
    def is_product(self) -> bool:
        """Whether users run it: no test, benchmark or repository script."""
        return NOT_PRODUCT.isdisjoint(self.path.parts)

    @property
    def is_page(self) -> bool:
        """Whether it is a file of the page's own."""
        return self.path.parts[0] == "dashboard" and "vendor" not in self.path.parts

    @property
    def is_test(self) -> bool:
        """Whether it lies in a folder of tests."""
        return "tests" in self.path.parts


Rule = Callable[[Source], Iterator[str]]


def tracked_paths() -> list[PurePosixPath]:
    """Every file that git knows and that is still there."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [PurePosixPath(name) for name in listing.split("\0") if name and (ROOT / name).is_file()]


def sources(*suffixes: str) -> list[Source]:
    """The tracked files with one of these suffixes."""
    return [_read(path) for path in tracked_paths() if path.suffix in suffixes]


def python_sources() -> list[Source]:
    """The tracked Python files, scripts without a suffix included."""
    return [_read(path) for path in tracked_paths() if _is_python(path)]


def page_scripts() -> list[Source]:
    """The page's own scripts, without other people's code."""
    return [source for source in sources(".js", ".mjs") if source.is_page]


def page_sources() -> list[Source]:
    """All that the page itself is written in, without other people's code."""
    return [source for source in sources(".js", ".mjs", ".css", ".html") if source.is_page]


def _is_python(path: PurePosixPath) -> bool:
    named_script = not path.suffix and str(path).startswith(SCRIPTS_WITHOUT_SUFFIX)
    return path.suffix == ".py" or named_script


@cache
def _read(path: PurePosixPath) -> Source:
    return Source(path, (ROOT / path).read_text(encoding="utf-8"))


def findings(rule: Rule, files: Iterable[Source]) -> str:
    """What the rule found, one line each; empty when the tree is tidy."""
    return "\n".join(f"{file.path}: {found}" for file in files for found in rule(file))


def python(text: str, path: str = "servers/agent-runtime/agent_runtime/example.py") -> Source:
    """A made-up Python file, to see a rule find something."""
    return Source(PurePosixPath(path), text)


def script(text: str, path: str = "dashboard/parts/example.js") -> Source:
    """A made-up script of the page."""
    return Source(PurePosixPath(path), text)
