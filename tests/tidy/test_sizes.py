"""Files and functions stay short enough to be read in one sitting."""

import ast
from collections.abc import Iterator

from tidy.tree import Source, findings, python, python_sources, sources

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def long_files(source: Source) -> Iterator[str]:
    """A file beyond the limit."""
    lines = len(source.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield f"{lines} lines, at most {FILE_LINES_MAX} (look for the second subject in it)"


def long_functions(source: Source) -> Iterator[str]:
    """Each function beyond the limit."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def test_no_python_file_is_longer_than_400_lines() -> None:
    assert findings(long_files, python_sources()) == ""


def test_no_page_script_is_longer_than_400_lines() -> None:
    own = [source for source in sources(".js", ".mjs", ".css") if "vendor" not in source.path.parts]

    assert findings(long_files, own) == ""


def test_no_function_is_longer_than_60_lines() -> None:
    assert findings(long_functions, python_sources()) == ""


def test_a_long_file_is_found() -> None:
    assert list(long_files(python("x = 1\n" * 401)))
    assert not list(long_files(python("x = 1\n" * 400)))


def test_a_long_function_is_found() -> None:
    body = "    x = 1\n"

    assert list(long_functions(python("async def f():\n" + body * 60)))
    assert not list(long_functions(python("def f():\n" + body * 59)))
