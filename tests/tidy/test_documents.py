"""Documents have one title, and their links lead somewhere."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from tidy.tree import ROOT, Source, findings, python, sources

CODE_BLOCK = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"^# ", re.MULTILINE)
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def prose(source: Source) -> str:
    """The document without its code blocks."""
    return CODE_BLOCK.sub("", source.text)


def titles(source: Source) -> Iterator[str]:
    """A document with no title, or with several."""
    count = len(TITLE.findall(prose(source)))
    if count != 1:
        yield f"{count} titles, exactly 1 wanted"


def broken_links(source: Source) -> Iterator[str]:
    """Links to files or headings that are not there."""
    for target in LINK.findall(prose(source)):
        if "://" not in target and not target.startswith("mailto:") and not _leads_somewhere(source, target):
            yield f"link to '{target}', which is not there"


def _leads_somewhere(source: Source, target: str) -> bool:
    path, _, anchor = unquote(target).partition("#")
    file = (ROOT / source.path).parent / path if path else ROOT / source.path
    if not file.exists():
        return False
    return not anchor or anchor in _anchors(file.read_text(encoding="utf-8"))


def _anchors(text: str) -> set[str]:
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(CODE_BLOCK.sub("", text)))
    return {heading.strip().replace(" ", "-") for heading in plain}


def documents() -> list[Source]:
    """The Markdown files for people; prompts and agent files have shapes of their own."""
    return [source for source in sources(".md") if source.path.parts[0] not in {"agents", "plugins"}]


def test_every_document_has_one_title() -> None:
    assert findings(titles, documents()) == ""


def test_every_link_leads_somewhere() -> None:
    assert findings(broken_links, documents()) == ""


def test_a_second_title_is_found() -> None:
    assert list(titles(python("# One\n\n# Two\n", path="docs/example.md")))
    assert not list(titles(python("# One\n```\n# a comment\n```\n", path="docs/example.md")))


def test_a_broken_link_is_found() -> None:
    assert list(broken_links(python("[x](nowhere.md)", path="docs/example.md")))
    assert list(broken_links(python("[x](../STYLE.md#no-such-heading)", path="docs/example.md")))
