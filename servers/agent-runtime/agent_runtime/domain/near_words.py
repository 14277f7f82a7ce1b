"""Which word somebody meant who wrote another one."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that offers the nearest known word; nothing if none is near."""
    near = get_close_matches(word[:100], sorted(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
