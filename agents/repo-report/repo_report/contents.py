"""What is in the files: languages by size, and the places where work was put off."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

FILE_BYTES_MAX = 2 * 1024 * 1024
ALL_BYTES_MAX = 512 * 1024 * 1024
PUT_OFF = re.compile(rb"\b(?:TODO|FIXME|XXX|HACK)\b")
LANGUAGES: Mapping[str, str] = {
    ".bash": "Shell", ".c": "C", ".cc": "C++", ".clj": "Clojure", ".cpp": "C++", ".cs": "C#", ".css": "CSS",
    ".dart": "Dart", ".elm": "Elm", ".erl": "Erlang", ".ex": "Elixir", ".exs": "Elixir", ".fs": "F#", ".go": "Go",
    ".h": "C", ".hpp": "C++", ".hs": "Haskell", ".html": "HTML", ".java": "Java", ".jl": "Julia", ".js": "JavaScript",
    ".json": "JSON", ".jsx": "JavaScript", ".kt": "Kotlin", ".lock": "Lock file",
    ".lua": "Lua", ".md": "Markdown", ".mjs": "JavaScript",
    ".ml": "OCaml", ".php": "PHP", ".pl": "Perl", ".py": "Python", ".r": "R", ".rb": "Ruby", ".rs": "Rust",
    ".rst": "reStructuredText", ".scala": "Scala", ".scss": "CSS", ".sh": "Shell", ".sql": "SQL", ".svelte": "Svelte",
    ".swift": "Swift", ".tf": "Terraform", ".toml": "TOML", ".ts": "TypeScript", ".tsx": "TypeScript", ".vue": "Vue",
    ".xml": "XML", ".yaml": "YAML", ".yml": "YAML", ".zig": "Zig",
}  # fmt: skip
PROGRAMS: Mapping[bytes, str] = {
    b"python": "Python", b"bash": "Shell", b"sh": "Shell", b"zsh": "Shell", b"node": "JavaScript", b"ruby": "Ruby",
    b"perl": "Perl", b"uv": "Python",
}  # fmt: skip


@dataclass
class Language:
    """How much there is of one language."""

    files: int = 0
    lines: int = 0
    size_bytes: int = 0


@dataclass
class Contents:
    """What reading the files gave.

    Shape:   `put_off` counts marks of work put off for each file; `not_read` are files too large or not readable.
    """

    languages: dict[str, Language] = field(default_factory=dict)
    put_off: Counter[str] = field(default_factory=Counter)
    files: int = 0
    size_bytes: int = 0
    binary: int = 0
    not_read: int = 0


def read_contents(root: Path, files: Iterable[str]) -> Contents:
    """Read the files, each up to FILE_BYTES_MAX and together up to ALL_BYTES_MAX."""
    contents = Contents()
    read_bytes = 0
    for path in files:
        contents.files += 1
        try:
            size = os.lstat(root / path).st_size
            contents.size_bytes += size
            if size > FILE_BYTES_MAX or read_bytes + size > ALL_BYTES_MAX:
                contents.not_read += 1
                continue
            content = (root / path).read_bytes()
        except OSError:
            contents.not_read += 1
            continue
        read_bytes += len(content)
        _count(contents, path, content)
    return contents


def _count(contents: Contents, path: str, content: bytes) -> None:
    if b"\0" in content[:8192]:
        contents.binary += 1
        return
    language = contents.languages.setdefault(_language_of(path, content), Language())
    language.files += 1
    language.size_bytes += len(content)
    language.lines += content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    if marks := len(PUT_OFF.findall(content)):
        contents.put_off[path] += marks


def _language_of(path: str, content: bytes) -> str:
    name = PurePath(path).name
    if name in {"Makefile", "Dockerfile"}:
        return name
    if known := LANGUAGES.get(PurePath(name).suffix.lower()):
        return known
    if content.startswith(b"#!"):
        for word in re.split(rb"[\s/]+", content.partition(b"\n")[0]):
            if program := PROGRAMS.get(word.rstrip(b"0123456789.")):
                return program
    return "other text"
