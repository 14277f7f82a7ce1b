"""A test waits for the thing itself; only tests/support, which owns the bounded waits, may sleep."""

import ast
from collections.abc import Iterator

from tidy.tree import Source, findings, python, python_sources


def sleeps(source: Source) -> Iterator[str]:
    """Calls that wait for time to pass; `asyncio.sleep(0)` only lets others run."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and _is_sleep(node) and not _is_zero(node):
            yield f"line {node.lineno}: {ast.unparse(node)} (wait for a condition: support.waiting)"


def _is_sleep(call: ast.Call) -> bool:
    return ast.unparse(call.func) in {"sleep", "time.sleep", "asyncio.sleep", "anyio.sleep"}


def _is_zero(call: ast.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def test_no_test_sleeps() -> None:
    # The waiting that tests share is in support; in the simulation time is made up and costs nothing.
    exempt = {("tests", "support"), ("tests", "simulation")}
    tests = [source for source in python_sources() if source.is_test and source.path.parts[:2] not in exempt]

    assert findings(sleeps, tests) == ""


def test_a_sleep_is_found() -> None:
    assert list(sleeps(python("import time\ntime.sleep(0.1)\n")))
    assert list(sleeps(python("async def f():\n    await asyncio.sleep(1)\n")))
    assert not list(sleeps(python("async def f():\n    await asyncio.sleep(0)\n")))
