"""Which names the data of an event has: as the page reads them, and as the runtime and the backends send them."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tidy.tree import Source

DOTTED = re.compile(r"^(job|session|launcher|agent|callback|question)\.")
AGENT_EVENTS = frozenset(
    {
        *("session_start", "message", "pre_tool", "post_tool", "verification", "result", "session_stop"),
        *("session.stalled", "session.stirred", "session.looped"),
    }
)
# An entry of the page's table: what it makes of one type of event.
ENTRY = re.compile(r"""^  "?([a-z_]+(?:\.[a-z_]+)?)"?(?:: )?\(""", re.MULTILINE)
TABLE = re.compile(r"^const TAKERS = \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
READ = re.compile(r"\bdata\.(\w+)")
UNPACKED = re.compile(r"\{([^{}]*)\} = event\.data\b")
Names = Mapping[str, frozenset[str]]


def names_read(sources: Iterable[Source]) -> Names:
    """For each type of event that the page tells of, the names in its data that it reads."""
    found: dict[str, frozenset[str]] = {}
    for source in sources:
        for table in TABLE.findall(source.text):
            pieces = ENTRY.split(table)
            found |= {kind: _names_in_script(body) for kind, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    return found


def _names_in_script(script: str) -> frozenset[str]:
    unpacked = ",".join(UNPACKED.findall(script)).split(",")
    words = (re.split(r"[:=]", word)[0].strip() for word in unpacked)
    return frozenset({*READ.findall(script), *(word for word in words if word)})


@dataclass(frozen=True)
class _Saying:
    """One call that makes an event, or that passes its name and its data on to a function that does."""

    within: str
    speaker: str
    topics: frozenset[str]
    names: frozenset[str]


def names_sent(sources: Iterable[Source]) -> Names:
    """For each topic of events, the names that the runtime puts into their data, wherever in it that is."""
    functions = _functions(sources)
    speakers = {name for name, bodies in functions.items() if any(_makes_event(call) for call in _calls(bodies))}
    sayings = [
        _Saying(name, _called(call), _topics(call, functions), _names(call, body, functions))
        for name, bodies in functions.items()
        for body in bodies
        for call in _calls([body])
        if _makes_event(call) or _called(call) in speakers
    ]
    topics: dict[str, set[str]] = defaultdict(set)
    for saying in sayings:
        topics[saying.speaker] |= saying.topics
    sent: dict[str, set[str]] = defaultdict(set)
    for saying in sayings:
        # Without a word of its own it is about what its function is called for, or what it calls is about.
        about = saying.topics or topics[saying.within] or topics[saying.speaker]
        for topic in about:
            sent[topic] |= saying.names
    return {topic: frozenset(names) for topic, names in sent.items()}


def names_recorded(sources: Iterable[Source]) -> Names:
    """For each type of an agent's events, the names that the backends put into its data."""
    functions = _functions(sources)
    found: dict[str, frozenset[str]] = {}
    for bodies in functions.values():
        for body in bodies:
            for call in _calls([body]):
                kind = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
                if isinstance(kind, str) and kind in AGENT_EVENTS:
                    found[kind] = found.get(kind, frozenset()) | _names(call, body, functions)
    return found


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(sources: Iterable[Source]) -> Mapping[str, list[Function]]:
    found: dict[str, list[Function]] = defaultdict(list)
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, Function):
                found[node.name].append(node)
    return found


def _calls(bodies: Iterable[ast.AST]) -> Iterator[ast.Call]:
    return (node for body in bodies for node in ast.walk(body) if isinstance(node, ast.Call))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _makes_event(call: ast.Call) -> bool:
    owner = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    return isinstance(owner, ast.Name) and owner.id == "NewEvent"


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _topics(call: ast.Call, functions: Mapping[str, list[Function]]) -> frozenset[str]:
    found = {topic for argument in _arguments(call) for topic in _dotted(argument)}
    for argument in _arguments(call):
        if isinstance(argument, ast.Call):
            found |= {topic for body in functions.get(_called(argument), []) for topic in _dotted(body)}
    return frozenset(found)


def _dotted(within: ast.AST) -> Iterator[str]:
    for node in ast.walk(within):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (word := DOTTED.match(node.value)):
            yield word[1]


def _names(call: ast.Call, body: Function, functions: Mapping[str, list[Function]]) -> frozenset[str]:
    """The keys of the objects among the arguments: written there, or before, or in the function that makes them."""
    found: set[str] = set()
    for argument in _arguments(call):
        if isinstance(argument, ast.Dict):
            found |= _keys(argument, body)
        elif isinstance(argument, ast.Name):
            found |= _keys_of_variable(argument.id, body)
        elif isinstance(argument, ast.Call):
            found |= {key for made in functions.get(_called(argument), []) for key in _all_keys(made)}
    return frozenset(found)


def _keys(value: ast.Dict, body: Function) -> set[str]:
    found = set(_all_keys(value))
    for key, item in zip(value.keys, value.values, strict=True):
        if key is None and isinstance(item, ast.Name):
            found |= _keys_of_variable(item.id, body)
    return found


def _keys_of_variable(name: str, body: Function) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and target.id == name and isinstance(value, ast.AST):
                found |= set(_all_keys(value))
            if isinstance(target, ast.Subscript) and getattr(target.value, "id", "") == name:
                found |= set(_all_keys(target))
    return found


def _all_keys(within: ast.AST) -> Iterator[str]:
    for node in ast.walk(within):
        keys = node.keys if isinstance(node, ast.Dict) else [getattr(node, "slice", None)]
        yield from (key.value for key in keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
