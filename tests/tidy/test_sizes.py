"""Files and functions stay short enough to be read in one sitting."""

import ast
from collections.abc import Iterator

import pytest

from tidy.javascript import functions
from tidy.tree import Source, findings, page_scripts, page_sources, python, python_sources, script

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PAGE_LINE_CHARACTERS_MAX = 140


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


def long_script_functions(source: Source) -> Iterator[str]:
    """Each function of a script beyond the limit."""
    for function in functions(source.text):
        if function.lines > FUNCTION_LINES_MAX:
            yield f"line {function.line}: {function.name} has {function.lines} lines, at most {FUNCTION_LINES_MAX}"


def long_lines(source: Source) -> Iterator[str]:
    """Each line beyond the page's limit; Python has its own check."""
    for number, line in enumerate(source.text.splitlines(), start=1):
        if len(line) > PAGE_LINE_CHARACTERS_MAX:
            yield f"line {number}: {len(line)} characters, at most {PAGE_LINE_CHARACTERS_MAX}"


def test_no_python_file_is_longer_than_400_lines() -> None:
    assert findings(long_files, python_sources()) == ""


def test_no_file_of_the_page_is_longer_than_400_lines() -> None:
    assert page_sources()
    assert findings(long_files, page_sources()) == ""


def test_no_line_of_the_page_is_longer_than_140_characters() -> None:
    assert findings(long_lines, page_sources()) == ""


def test_no_function_of_the_page_is_longer_than_60_lines() -> None:
    assert page_scripts()
    assert findings(long_script_functions, page_scripts()) == ""


def test_no_function_is_longer_than_60_lines() -> None:
    assert findings(long_functions, python_sources()) == ""


def test_a_long_file_is_found() -> None:
    assert list(long_files(python("x = 1\n" * 401)))
    assert not list(long_files(python("x = 1\n" * 400)))


def test_a_long_function_is_found() -> None:
    body = "    x = 1\n"

    assert list(long_functions(python("async def f():\n" + body * 60)))
    assert not list(long_functions(python("def f():\n" + body * 59)))


def test_a_long_line_is_found() -> None:
    assert list(long_lines(script("x" * 141 + "\n")))
    assert not list(long_lines(script("x" * 140 + "\n")))


@pytest.mark.parametrize(
    "header",
    [
        "function f() {",
        "export async function f({ a = {} }) {",
        "const f = async ({ a }) => {",
        "useEffect(() => {",
        "class A {\n  #f(a = `}`) {",
        "class A {\n  async f() { // }",
        "const words = {\n  'job.started'(line) {",
    ],
)
def test_a_long_function_of_the_page_is_found(header: str) -> None:
    end = {"useEffect(() => {": "}, []);", "const words = {\n  'job.started'(line) {": "}\n};"}.get(header, "}")
    after = "\n}\n" if header.startswith("class") else "\n"
    tricky = "  const x = /[}`]/.test(`${a.map((b) => `{${b}`)} {`) ? '}' : \"{\"; // {\n"

    assert list(long_script_functions(script(f"{header}\n{tricky * 60}{end}{after}")))
    assert not list(long_script_functions(script(f"{header}\n{tricky * 58}{end}{after}")))


def test_a_long_arrow_without_braces_is_found() -> None:
    assert list(long_script_functions(script("const f = () => html`\n" + "<br />\n" * 60 + "`;\n")))
    assert not list(long_script_functions(script("const f = () => html`\n" + "<br />\n" * 58 + "`;\n")))
