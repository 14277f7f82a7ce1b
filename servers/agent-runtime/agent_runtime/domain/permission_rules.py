"""Rules about tools, in Claude Code's own words: `Bash(npm test:*)`, `Edit(src/**)`, `WebFetch(domain:example.com)`.

A rule that allows must fit all that a call would do; one that denies or asks need only fit a part of it.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from agent_runtime.domain.json import Json

RULE_CHARACTERS_MAX = 500
_RULE = re.compile(r"(?P<tool>[A-Za-z0-9_.*/-]{1,200})(?:\((?P<pattern>.+)\))?", re.ASCII | re.DOTALL)
_SHELL = frozenset({"Bash"})
_READING = frozenset({"Read", "Grep", "Glob", "NotebookRead", "LS"})
_EDITING = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})
_FETCHING = frozenset({"WebFetch"})
_DOMAIN = "domain:"
_PATTERNED = ("Bash", "Read", "Edit", "Write", "WebFetch")
_JOINTS = re.compile(r"&&|\|\||[;&|\n]")
# What puts one command into another, or its output into a file, is more than the words at its head say.
_HIDES_MORE = re.compile(r"[`<>]|\$\(|\$\{|\\\n")


@dataclass(frozen=True)
class Rule:
    """Which calls of tools something is said about; without a pattern, all calls of the tool."""

    tool: str
    pattern: str | None = None


@dataclass(frozen=True)
class Call:
    """What a tool is to do, and in which folder."""

    tool: str
    input: Json = None
    folder: str | None = None


def read_rule(text: str) -> Rule:
    """Read one rule.

    Errors:  ValueError, with a sentence that names the rule.
    """
    found = _RULE.fullmatch(text.strip()) if len(text) <= RULE_CHARACTERS_MAX else None
    if found is None:
        raise ValueError(f"a rule such as 'Bash' or 'Bash(git status:*)' is expected, found '{text[:60]}'")
    tool, pattern = found["tool"], found["pattern"]
    if pattern is None or pattern == "*":
        return Rule(tool)
    if tool not in _PATTERNED:
        known = ", ".join(_PATTERNED)
        raise ValueError(f"tool '{tool[:60]}' of rule '{text[:60]}' takes no pattern (those that do: {known})")
    if tool in _FETCHING and not pattern.startswith(_DOMAIN):
        raise ValueError(f"rule '{text[:60]}' must name a domain: 'WebFetch(domain:example.com)'")
    if ":*" in pattern[:-2] and tool in _SHELL:
        raise ValueError(f"rule '{text[:60]}' has ':*' in its middle: it stands at the end, for what may follow")
    return Rule(tool, pattern)


def fits(rule: Rule, call: Call, *, wholly: bool) -> bool:
    """Tell whether a rule is about a call: about all that it would do, or about a part of it."""
    if not _is_about(rule.tool, call.tool):
        return False
    if rule.pattern is None:
        return True
    said = call.input if isinstance(call.input, dict) else {}
    if rule.tool in _SHELL:
        return _fits_command(rule.pattern, str(said.get("command") or ""), wholly=wholly)
    if rule.tool in _FETCHING:
        return _fits_domain(rule.pattern.removeprefix(_DOMAIN), str(said.get("url") or ""))
    paths = [_whole_path(path, call.folder) for path in _paths(said)]
    matched = [_glob(_whole_path(rule.pattern, call.folder)).fullmatch(path) is not None for path in paths]
    return bool(matched) and (all(matched) if wholly else any(matched))


def _is_about(named: str, tool: str) -> bool:
    if named == tool:
        return True
    if named in ("Edit", "Write") and tool in _EDITING:
        return True
    if named == "Read" and tool in _READING:
        return True
    if named.startswith("mcp__") and "__" not in named[len("mcp__") :]:
        return tool.startswith(f"{named}__")
    return "*" in named and _words(named).fullmatch(tool) is not None


def _fits_command(pattern: str, command: str, *, wholly: bool) -> bool:
    parts = [part.strip() for part in _JOINTS.split(command) if part.strip()]
    matched = [_fits_words(pattern, part) for part in parts]
    if not wholly:
        return any(matched) or _fits_words(pattern, command.strip())
    return bool(matched) and all(matched) and _HIDES_MORE.search(command) is None


def _fits_words(pattern: str, command: str) -> bool:
    if pattern.endswith(":*"):
        head = pattern[:-2]
        return command == head or command.startswith(f"{head} ")
    return _words(pattern).fullmatch(command) is not None


def _fits_domain(domain: str, url: str) -> bool:
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return _words(domain.lower()).fullmatch(host) is not None


def _paths(said: Mapping[str, Json]) -> Iterator[str]:
    for name in ("file_path", "notebook_path", "path"):
        value = said.get(name)
        if isinstance(value, str) and value:
            yield value
    several = said.get("paths")
    yield from (one for one in several if isinstance(one, str)) if isinstance(several, list) else ()


def _whole_path(path: str, folder: str | None) -> str:
    # Two slashes are Claude Code's word for the root of the machine; one path has one spelling here.
    if path.startswith("//"):
        path = path[1:]
    return posixpath.normpath(posixpath.join(folder or "/", path))


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def _glob(pattern: str) -> re.Pattern[str]:
    """Two stars stand for any folders, one for anything within a folder's name."""
    marks = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return re.compile("".join(marks.get(part) or re.escape(part) for part in parts), re.DOTALL)
