"""Files are named for what they do, say why they exist, and carry no leftovers."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import PurePosixPath

from tidy.tree import Source, findings, python, python_sources, sources, tracked_paths

# A file that is called one of these takes in everything that nobody found a place for.
EMPTY_WORDS = re.compile(r"(^|[_-])(util|utils|helper|helpers|common|manager|managers|misc)($|[_-])")
LEFTOVERS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
IGNORE_WITHOUT_CODE = re.compile(r"#\s*type:\s*ignore(?!\[)")


def comments(source: Source) -> Iterator[tuple[int, str]]:
    """The file's comments with their line numbers; words inside strings are the program's business."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def leftovers(source: Source) -> Iterator[str]:
    """Comments that put work off."""
    for line, comment in comments(source):
        if LEFTOVERS.search(comment):
            yield f"line {line}: '{comment}' (do it, or file an issue)"


def ignores_without_code(source: Source) -> Iterator[str]:
    """Type errors that are silenced without saying which."""
    for line, comment in comments(source):
        if IGNORE_WITHOUT_CODE.search(comment):
            yield f"line {line}: '{comment}' (name the error: type: ignore[code])"


def missing_docstring(source: Source) -> Iterator[str]:
    """A module with contents that does not say why it exists."""
    if source.tree.body and ast.get_docstring(source.tree) is None:
        yield "no docstring (one sentence: why does this file exist?)"


def empty_name(path: PurePosixPath) -> bool:
    """Whether a part of the path is a word for anything at all."""
    return any(EMPTY_WORDS.search(part.lower().removesuffix(path.suffix)) for part in path.parts)


def test_no_file_or_folder_has_an_empty_name() -> None:
    assert [str(path) for path in tracked_paths() if "vendor" not in path.parts and empty_name(path)] == []


def test_every_module_says_why_it_exists() -> None:
    assert findings(missing_docstring, python_sources()) == ""


def test_no_comment_puts_work_off() -> None:
    assert findings(leftovers, python_sources()) == ""


def test_no_page_script_puts_work_off() -> None:
    own = [source for source in sources(".js", ".mjs", ".css", ".html") if "vendor" not in source.path.parts]

    assert [str(source.path) for source in own if LEFTOVERS.search(source.text)] == []


def test_every_silenced_type_error_is_named() -> None:
    assert findings(ignores_without_code, python_sources()) == ""


def test_empty_names_are_found() -> None:
    assert empty_name(PurePosixPath("servers/x/string_utils.py"))
    assert empty_name(PurePosixPath("packages/common/words.py"))
    assert empty_name(PurePosixPath("lib/job-manager.py"))
    assert not empty_name(PurePosixPath("lib/utility_bill.py"))


def test_leftovers_are_found_in_comments_only() -> None:
    put_off = "# TO" + "DO later\n"

    assert list(leftovers(python(f"x = 1  {put_off}")))
    assert not list(leftovers(python("words = 'TO" + "DO'\n")))


def test_a_silenced_type_error_without_code_is_found() -> None:
    silenced = "x = f()  # type: " + "ignore"

    assert list(ignores_without_code(python(silenced)))
    assert not list(ignores_without_code(python(silenced + "[attr-defined]")))


def test_a_module_without_docstring_is_found() -> None:
    assert list(missing_docstring(python("x = 1\n")))
    assert not list(missing_docstring(python("")))
