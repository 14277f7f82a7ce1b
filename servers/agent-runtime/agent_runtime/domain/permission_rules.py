"""Rules about tools, in Claude Code's own words: `Bash(npm test:*)`, `Edit(src/**)`, `WebFetch(domain:example.com)`.

A rule that allows must fit all that a call would do; one that denies or asks need only fit a part of it.
"""

from __future__ import annotations

import functools
import ipaddress
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from agent_runtime.domain.json import Json
from agent_runtime.domain.ruled_commands import is_like, matches, meant, written
from agent_runtime.domain.ruled_paths import (
    PATH_CHARACTERS_MAX,
    from_home,
    in_one_spelling,
    is_above_homes,
    is_at,
    may_be_anywhere,
    whole_path,
)

RULE_CHARACTERS_MAX = 500
_RULE = re.compile(r"(?P<tool>[A-Za-z0-9_.*/-]{1,200})(?:\((?P<pattern>.+)\))?", re.ASCII | re.DOTALL)
_SHELL = frozenset({"Bash", "Monitor"})
_SEARCHING = frozenset({"Grep", "Glob", "LS"})
READING = frozenset({"Read", "NotebookRead"}) | _SEARCHING
_EDITING = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})
_FETCHING = frozenset({"WebFetch"})
_DOMAIN = "domain:"
# Clients read in their own ways what is not as plain as this: `https:a.example`, `https://a.example\uff0f@b.example`.
_PLAIN_ADDRESS = re.compile(
    r"https?://(?:(?P<host>[a-z0-9.-]+)|\[(?P<ipv6>[0-9a-f:.]+)\])(?::\d+)?(?:[/?#].*)?",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII)
_PATTERNED = ("Bash", "Monitor", "Read", "Edit", "Write", "WebFetch")


@dataclass(frozen=True)
class Rule:
    """Which calls of tools something is said about; without a pattern, all calls of the tool."""

    tool: str
    pattern: str | None = None


@dataclass(frozen=True)
class Call:
    """What a tool is to do, and in which folder; `rules_folder` is that of the rules, if they are about another one."""

    tool: str
    input: Json = None
    folder: str | None = None
    rules_folder: str | None = None

    def judged_in(self, folder: str | None) -> Call:
        """Give this call to rules about a folder; those of which none is known are taken to be about its own."""
        return self if folder in (None, self.folder) else replace(self, rules_folder=folder)

    @property
    def said(self) -> Mapping[str, Json]:
        """What the tool is given, by its names."""
        return self.input if isinstance(self.input, dict) else {}

    @functools.cached_property
    def commands_written(self) -> tuple[str, ...]:
        """The commands of a line for the shell; none if there may be more."""
        return written(str(self.said.get("command") or ""))

    @functools.cached_property
    def commands_meant(self) -> frozenset[str] | None:
        """All that a line for the shell might run; None if that is too much to tell."""
        return meant(str(self.said.get("command") or ""))


def read_rule(text: str) -> Rule:
    """Read one rule.

    Errors:  ValueError, with a sentence that names the rule.
    """
    found = _RULE.fullmatch(text.strip()) if len(text) <= RULE_CHARACTERS_MAX else None
    if found is None or not (found["pattern"] or "*").strip():
        raise ValueError(f"a rule such as 'Bash' or 'Bash(git status:*)' is expected, found '{text[:60]}'")
    tool, pattern = found["tool"], found["pattern"]
    _check_spelling(tool, text)
    if pattern is None or pattern == "*":
        return Rule(tool)
    if tool not in _PATTERNED:
        known = ", ".join(_PATTERNED)
        raise ValueError(f"tool '{tool[:60]}' of rule '{text[:60]}' takes no pattern (those that do: {known})")
    if tool in _FETCHING:
        _check_domain(pattern, text)
    elif tool in _SHELL:
        _check_command(pattern, text)
    elif pattern.startswith("/") and not pattern.startswith("//"):
        raise ValueError(
            f"rule '{text[:60]}' begins with one slash: a path begins in the project folder ('src/**'), at the root of "
            "the machine ('//etc/**') or in a home ('~/.ssh/**')"
        )
    elif not whole_path(pattern, None):
        raise ValueError(
            f"rule '{text[:60]}' leads out of a home, or into that of somebody: name the path from the root of the "
            "machine on ('//etc/**')"
        )
    return Rule(tool, pattern)


def fits(rule: Rule, call: Call, *, wholly: bool) -> bool:
    """Tell whether a rule is about a call: about all that it would do, or about a part of it."""
    if not _is_about(rule.tool, call.tool):
        return False
    if rule.pattern is None:
        return True
    if rule.tool in _SHELL:
        return _fits_command(rule.pattern, call, wholly=wholly)
    if rule.tool in _FETCHING:
        return _fits_domain(rule.pattern.removeprefix(_DOMAIN), str(call.said.get("url") or ""), wholly=wholly)
    return _fits_paths(rule.pattern, call, wholly=wholly)


def _check_spelling(tool: str, text: str) -> None:
    known = {name.casefold(): name for name in (*_SHELL, *READING, *_EDITING, *_FETCHING)}
    meant_tool = known.get(tool.casefold())
    if meant_tool not in (None, tool):
        raise ValueError(f"rule '{text[:60]}' is about no tool: did you mean '{meant_tool}'?")


def _check_domain(pattern: str, text: str) -> None:
    if not pattern.removeprefix(_DOMAIN).strip() or not pattern.startswith(_DOMAIN):
        raise ValueError(f"rule '{text[:60]}' must name a domain: 'WebFetch(domain:example.com)'")


def _check_command(pattern: str, text: str) -> None:
    if ":*" in pattern.removesuffix(":*") or pattern == ":*":
        raise ValueError(f"rule '{text[:60]}': ':*' stands at the end of a command, for what may follow")


def _is_about(named: str, tool: str) -> bool:
    if named == tool:
        return True
    if named == "Bash" and tool in _SHELL:
        return True
    if named in ("Edit", "Write") and tool in _EDITING:
        return True
    if named == "Read" and tool in READING:
        return True
    if "*" in named:
        return matches(named, tool)
    is_server = named.startswith("mcp__") and "__" not in named[len("mcp__") :]
    return is_server and tool.startswith(f"{named}__")


def _fits_command(pattern: str, call: Call, *, wholly: bool) -> bool:
    if wholly:
        return bool(call.commands_written) and all(is_like(pattern, one) for one in call.commands_written)
    # What is too much to be looked at is not let through because of that.
    return call.commands_meant is None or any(is_like(pattern, one) for one in call.commands_meant)


def _fits_domain(pattern: str, url: str, *, wholly: bool) -> bool:
    address = _PLAIN_ADDRESS.fullmatch(url)
    if address is None:
        return not wholly
    domain = unicodedata.normalize("NFKC", pattern).lower().removesuffix(".")
    if address["ipv6"]:
        # One such number has many spellings, and may stand for one of the older kind.
        return not wholly or matches(domain, address["ipv6"].lower())
    host = address["host"].lower().removesuffix(".")
    if not _is_one_host(host):
        return not wholly
    if not domain.isascii():
        return not wholly and "xn--" in host  # The letters of such a name are not told from here.
    return matches(domain, host)


def _is_one_host(host: str) -> bool:
    """Tell whether all clients take a host for the same one: `2130706433` and `127.1` are 127.0.0.1 to many."""
    names = host.split(".")
    if not _NUMBER.fullmatch(names[-1]):
        return all(names)
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False


def _fits_paths(pattern: str, call: Call, *, wholly: bool) -> bool:
    said = list(_paths(call))
    paths = [whole_path(path, call.folder) for path in said]
    if any(not path or len(path) > PATH_CHARACTERS_MAX for path in paths):
        return not wholly  # It may be anywhere, or no file is called so.
    if any(may_be_anywhere(path, call.folder) for path in said):
        return not wholly
    wanted = whole_path(pattern, call.rules_folder or call.folder)
    if wholly:
        return bool(paths) and all(is_at(wanted, path) for path in paths)
    # It reads what lies below where it looks.
    above = call.tool == "Grep"
    return any(_may_be_at(in_one_spelling(wanted), in_one_spelling(path), above=above) for path in paths)


def _may_be_at(wanted: str, path: str, *, above: bool) -> bool:
    if above and wanted.startswith("~") and is_above_homes(path):
        return True
    return is_at(wanted, path, above=above) or is_at(from_home(wanted), from_home(path), above=above)


def _paths(call: Call) -> Iterator[str]:
    said = call.said
    several = said.get("paths")
    found = [said.get(name) for name in ("file_path", "notebook_path", "path")]
    found += several if isinstance(several, list) else []
    given = [one for one in found if isinstance(one, str) and one]
    yield from given
    if call.tool in _SEARCHING and not given:
        yield "."
    if call.tool == "Glob" and isinstance(wanted := said.get("pattern"), str):
        yield posixpath.join(given[0] if given else ".", wanted)
