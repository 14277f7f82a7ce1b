"""The words by which texts are found: the same for both databases, whose own rules for words differ."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

WORD_MAX = 40
"""Longer ones are cut, in texts and in questions alike."""
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> Iterator[str]:
    """Give the words of a text in their order, in small letters and without accents."""
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(part for part in parts if not unicodedata.combining(part))
    for found in _WORD.finditer(text.casefold()):
        yield found[0][:WORD_MAX]


def phrases_of(question: str) -> Sequence[Sequence[str]]:
    """Split what a person looks for: what stands without a space between is found only as it stands.

    Shape:   of each phrase its words; of the last word of each, the beginning is enough.
    """
    return [words for part in question.split() if (words := list(words_of(part)))]
