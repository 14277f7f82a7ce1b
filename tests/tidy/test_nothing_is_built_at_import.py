"""A module holds words and values, never something alive: one place builds things, and passes them on."""

import ast
from collections.abc import Iterator

from tidy.tree import Source, findings, python, python_sources

READ_ONLY_TYPES = frozenset({"Mapping", "Sequence", "Collection", "AbstractSet", "MappingProxyType", "TypeAlias"})
CHANGEABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
# What these make cannot change afterwards, or is a mere description (SQLAlchemy's tables, logging's names).
HARMLESS_CALLS = frozenset(
    {
        "Annotated", "BigInteger", "Column", "Decimal", "Index", "Integer", "String", "with_variant",
        "Literal", "MappingProxyType", "MetaData", "NewType", "ParamSpec",
        "Path", "PurePath", "PurePosixPath", "Struct", "Table", "TypeAdapter", "TypeVar", "TypedDict", "compile",
        "datetime", "escape", "frozenset", "get_args", "getLogger", "get_logger", "int", "join", "len", "max", "min",
        "namedtuple", "parent", "resolve", "sorted", "str", "text", "timedelta", "tuple", "version", "range",
    }
)  # fmt: skip


def things_alive(source: Source) -> Iterator[str]:
    """Module-level values that can change, or that were built by a call."""
    for statement in _module_statements(source.tree.body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            names = _names(statement)
            if names != {"__all__"} and (found := _complaint(statement, statement.value)):
                yield f"line {statement.lineno}: {', '.join(sorted(names))} {found}"


def _module_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from _module_statements(statement.body)


def _names(statement: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return {ast.unparse(target) for target in targets}


def _complaint(statement: ast.Assign | ast.AnnAssign, value: ast.expr) -> str | None:
    if isinstance(value, CHANGEABLE) and not _is_declared_read_only(statement):
        return "can be changed by anybody (a tuple, frozenset or Mapping[...] cannot)"
    if isinstance(value, ast.Call) and _called(value) not in HARMLESS_CALLS:
        return f"is built at import by {_called(value)}() (build it where it is needed, and pass it on)"
    return None


def _is_declared_read_only(statement: ast.Assign | ast.AnnAssign) -> bool:
    if isinstance(statement, ast.Assign):
        return False
    mentioned = {node.id for node in ast.walk(statement.annotation) if isinstance(node, ast.Name)}
    return not READ_ONLY_TYPES.isdisjoint(mentioned)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


def global_statements(source: Source) -> Iterator[str]:
    """Functions that rebind a module's names."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global {', '.join(node.names)}"


def test_product_modules_build_nothing_when_imported() -> None:
    assert findings(things_alive, [source for source in python_sources() if source.is_product]) == ""


def test_no_function_rebinds_a_modules_names() -> None:
    assert findings(global_statements, python_sources()) == ""


def test_changeable_values_and_instances_are_found() -> None:
    assert list(things_alive(python("cache = {}\n")))
    assert list(things_alive(python("jobs: list[str] = []\n")))
    assert list(things_alive(python("client = httpx.Client()\n")))
    assert list(things_alive(python("try:\n    store = Store()\nexcept OSError:\n    pass\n")))


def test_constants_are_welcome() -> None:
    assert not list(things_alive(python("LIMITS: Mapping[str, int] = {'a': 1}\n")))
    assert not list(things_alive(python("NAME = re.compile('x')\nWORDS = frozenset({'a'})\n__all__ = ['x']\n")))


def test_a_global_statement_is_found() -> None:
    assert list(global_statements(python("def f() -> None:\n    global cache\n    cache = 1\n")))
