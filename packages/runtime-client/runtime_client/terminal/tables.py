"""Tables for people: as wide as the terminal, a row for each thing whatever its cells hold; whole lines in a pipe."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from runtime_client.errors import CannotPrintError
from runtime_client.terminal.output import is_terminal, write
from runtime_client.terminal.plain_text import on_one_line

GAP = 2
CELL_MIN, CELL_BESIDE_PROSE_MIN, PROSE_MIN = 4, 10, 24
CUT = "…"
_STATES = ("STATUS", "STATE")
_COLOURS: Mapping[str, str] = {
    **dict.fromkeys(("finished", "completed", "alive", "active", "ok"), "32"),
    **dict.fromkeys(("pending", "claimed", "waiting", "waiting_input", "draining"), "33"),
    **dict.fromkeys(("failed", "lost", "broken", "dead"), "31"),
    **dict.fromkeys(("stopped", "inactive"), "2"),
    "running": "36",
}


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their headings; the last column is prose, which goes on in further lines where it must.

    Errors:  BrokenPipeError, if the reader has had enough; CannotPrintError.
    """
    lines = table(headings, rows, width_of_terminal(), is_coloured=takes_colour())
    error = write(sys.stdout, f"{lines}\n".encode("utf-8", errors="replace")) if lines else None
    if isinstance(error, BrokenPipeError):
        raise error
    if error is not None:
        raise CannotPrintError(f"cannot write to standard output: {error.strerror}") from error


def table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None, *, is_coloured: bool = False
) -> str:
    """Return rows in aligned columns; nothing if there are no rows.

    Units:   `width` is in columns of a terminal, None for as wide as it takes: then each row is exactly one line.
    """
    if not rows:
        return ""
    cells = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(columns(line[place]) for line in (headings, *cells)) for place in range(len(headings))]
    if width is not None:
        widths[:-1] = _narrowed(widths, width)
    # A name may be such a word, too.
    coloured = next((place for place, title in enumerate(headings) if is_coloured and title in _STATES), None)
    lines: list[str] = []
    lines += list(_lines_of(headings, widths, width, None))[:1]
    for row in cells:
        lines += _lines_of(row, widths, width, coloured)
    return "\n".join(lines)


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    # Imported late: most is ASCII.
    from unicodedata import category, east_asian_width

    wide = sum(1 for letter in text if east_asian_width(letter) in "WF")
    return len(text) + wide - sum(1 for letter in text if category(letter) in {"Mn", "Me", "Cf"})


def cut(text: str, width: int) -> str:
    """Return a text that takes no more than these columns."""
    if columns(text) <= width:
        return text
    while columns(text) >= width and text:
        text = text[: -max(1, (columns(text) - width) // 2)]
    return text + CUT


def width_of_terminal() -> int | None:
    """Return how wide standard output is; None where no person reads it."""
    if not is_terminal(sys.stdout):
        return None
    told = os.environ.get("COLUMNS", "")
    try:
        return max(int(told) if told.isdecimal() else os.get_terminal_size(sys.stdout.fileno()).columns, 20)
    except (OSError, ValueError):
        return 80


def takes_colour() -> bool:
    """Tell whether standard output shows colours, and its reader wants them."""
    return is_terminal(sys.stdout) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _narrowed(widths: Sequence[int], width: int) -> list[int]:
    """Return how wide the columns before the last are, so that it has room beside them, or else below."""
    gaps = GAP * (len(widths) - 1)
    beside = _taken_from(widths[:-1], width - gaps - min(widths[-1], PROSE_MIN), CELL_BESIDE_PROSE_MIN)
    if sum(beside) + gaps + min(widths[-1], PROSE_MIN) <= width:
        return beside
    return _taken_from(widths[:-1], width - gaps + GAP, CELL_MIN)


def _taken_from(widths: Sequence[int], width: int, least: int) -> list[int]:
    """Take from the widest columns until all fit, or none has more to give; the first one, a name, gives last."""
    left = list(widths)
    while sum(left) > width and max(left, default=0) > least:
        widest = max(left[1:], default=0)
        left[left.index(widest, 1) if widest > least else 0] -= 1
    return left


def _lines_of(row: Sequence[str], widths: Sequence[int], width: int | None, coloured: int | None) -> Iterator[str]:
    shown = [cut(cell, size) for cell, size in zip(row[:-1], widths[:-1], strict=True)]
    padded = [cell + " " * (size - columns(cell)) for cell, size in zip(shown, widths[:-1], strict=True)]
    if coloured is not None:
        padded[coloured] = _coloured(padded[coloured], row[coloured])
    head = "".join(text + " " * GAP for text in padded)
    prose, indent = row[-1], sum(widths[:-1]) + GAP * (len(widths) - 1)
    if width is None:
        yield f"{head}{prose}".rstrip()
    elif width - indent >= min(PROSE_MIN, widths[-1]):
        first, *others = wrapped(prose, width - indent)
        yield f"{head}{first}".rstrip()
        yield from (" " * indent + line for line in others)
    else:
        yield head.rstrip()
        yield from (f"  {line}" for line in wrapped(prose, width - GAP) if line)


def _coloured(text: str, word: str) -> str:
    colour = _COLOURS.get(word)
    return text if colour is None else f"\x1b[{colour}m{text}\x1b[0m"


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most so many columns, broken between words where that can be; at least one line."""
    lines, line = [], ""
    for word in text.split():
        if line and columns(line) + 1 + columns(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
        while columns(line) > width:
            kept = next(size for size in range(len(line) - 1, 0, -1) if size == 1 or columns(line[:size]) <= width)
            lines.append(line[:kept])
            line = line[kept:]
    return [*lines, line]
