"""A module holds words and values, never something alive: one place builds things, and passes them on."""

import ast
from collections.abc import Iterator

from tidy.tree import Source, findings, python, python_sources

CHANGEABLE_TYPES = frozenset({"dict", "list", "set", "defaultdict", "deque"})
CHANGEABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
# What these make cannot change afterwards, or is a mere description (SQLAlchemy's tables, logging's names).
HARMLESS_CALLS = frozenset(
    """
    Annotated BigInteger Column Decimal Index Integer Literal MappingProxyType MetaData NewType ParamSpec Path PurePath
    PurePosixPath String Struct Table ToolAnnotations TypeAdapter TypeVar TypedDict compile date datetime escape
    frozenset get_args getLogger get_logger hasattr int join len map maketrans max min namedtuple parent range resolve
    sorted str text timedelta tuple version with_name with_variant
    """.split()  # noqa: SIM905 - words, not a column of quotes
)


def things_alive(source: Source) -> Iterator[str]:
    """Module-level values that can change, or that were built by a call."""
    frozen = HARMLESS_CALLS | _frozen_classes(source.tree)
    for statement in _module_statements(source.tree.body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            names = _names(statement)
            if names != {"__all__"} and (found := _complaint(statement, statement.value, frozen)):
                yield f"line {statement.lineno}: {', '.join(sorted(names))} {found}"


def _module_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from _module_statements(statement.body)


def _names(statement: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return {ast.unparse(target) for target in targets}


def _frozen_classes(tree: ast.Module) -> frozenset[str]:
    """The module's own classes whose instances cannot change."""
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return frozenset(
        node.name for node in classes if any("frozen=True" in ast.unparse(line) for line in node.decorator_list)
    )


def _complaint(statement: ast.Assign | ast.AnnAssign, value: ast.expr, harmless: frozenset[str]) -> str | None:
    if isinstance(value, CHANGEABLE) and _may_be_changed(statement):
        return "can be changed by anybody (a tuple, frozenset or Mapping[...] cannot)"
    if isinstance(value, ast.Call) and _called(value) not in harmless:
        return f"is built at import by {_called(value)}() (build it where it is needed, and pass it on)"
    return None


def _may_be_changed(statement: ast.Assign | ast.AnnAssign) -> bool:
    """Whether a type checker would let somebody write to it; a declared Mapping or TypedDict is read by all."""
    if isinstance(statement, ast.Assign):
        return True
    annotation = statement.annotation
    outermost = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return ast.unparse(outermost) in CHANGEABLE_TYPES


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
    frozen = "@dataclass(frozen=True)\nclass Limits:\n    depth: int = 3\nDEFAULT = Limits()\n"

    assert not list(things_alive(python(frozen)))
    assert not list(things_alive(python("LIMITS: Mapping[str, int] = {'a': 1}\n")))
    assert not list(things_alive(python("NAME = re.compile('x')\nWORDS = frozenset({'a'})\n__all__ = ['x']\n")))


def test_a_global_statement_is_found() -> None:
    assert list(global_statements(python("def f() -> None:\n    global cache\n    cache = 1\n")))
