"""The words of a command line as a launcher writes them: a name, and options that are written out and have a value.

Whatever else is typed is for the parser, which knows all options and all mistakes. To build it takes a tenth of what a
launched run costs altogether, for words that are always the same.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

READ: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "--agent": ("agent", str),
    "--prompt": ("prompt", str),
    "--project-dir": ("project_dir", Path),
}


def arguments_in(words: Sequence[str], known: Collection[str]) -> dict[str, object] | None:
    """Return the arguments by their names, of which a command knows some; None if these are other words."""
    if len(words) % 2 == 0 or words[0].startswith("-"):
        return None
    found: dict[str, object] = {"name": words[0]}
    for option, value in zip(words[1::2], words[2::2], strict=True):
        name, read = READ.get(option, ("", str))
        if name not in known or name in found:
            return None
        found[name] = read(value)
    return found
