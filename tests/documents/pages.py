"""The pages that say what to type, read into blocks and commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", *sorted(f"docs/how-to/{path.name}" for path in (ROOT / "docs/how-to").glob("*.md")))

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """A block of a page; `line` is that of its first line of text, counted from 1."""

    page: str
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """What a page says to type, and what it shows of the answer: nothing where it shows nothing."""

    page: str
    line: int
    text: str
    shown: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it stands, as an editor finds it."""
        return f"{self.page}:{self.line}"


def blocks(page: str) -> Iterator[Block]:
    """All blocks of a page, from its top."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start(2)) + 1
        yield Block(page, line, found[1], found[2])


def commands(block: Block) -> Iterator[Command]:
    """The commands of a `console` block: each begins with the prompt, and goes on after a backslash."""
    lines = block.text.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(PROMPT)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        last = next(number for number in range(start, end) if not lines[number].endswith("\\"))
        typed = "\n".join(lines[start : last + 1]).removeprefix(PROMPT)
        yield Command(block.page, block.line + start, typed, tuple(lines[last + 1 : end]))


def all_commands(page: str) -> list[Command]:
    """Every command of a page, in its order."""
    return [command for block in blocks(page) if block.language == "console" for command in commands(block)]


def unlike(shown: tuple[str, ...], said: str, home: Path) -> str | None:
    """What a page shows, if a program did not say so: numbers may be others, and `…` stands for anything."""
    wanted = "\n".join(line.rstrip() for line in shown).replace("/home/me", str(home))
    pattern = r"\d+".join(_anything(part) for part in re.split(r"\d+", wanted))
    found = "\n".join(line.rstrip() for line in said.strip().splitlines())
    return None if re.fullmatch(pattern, found, re.DOTALL) else wanted


def _anything(text: str) -> str:
    return ".*".join(re.escape(part) for part in text.split("…"))
