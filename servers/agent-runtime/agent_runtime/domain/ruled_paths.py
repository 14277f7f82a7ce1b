"""Paths as rules say them: from the project folder on, from the root with `//`, from anybody's home with `~/`."""

import posixpath
import re
import unicodedata

from agent_runtime.domain.ruled_commands import matches

PATH_CHARACTERS_MAX = 4096
_HOMES = re.compile(r"(?:/home/[^/]+|/Users/[^/]+|/root)(?=/|$)", re.IGNORECASE)
_ABOVE_HOMES = frozenset({"/", "/home", "/users"})
_LINKS_OF_A_PROCESS = frozenset({"cwd", "exe", "fd", "map_files", "root", "task"})
_OPEN_FILES = frozenset({"fd", "stderr", "stdin", "stdout"})
_ANY_FOLDERS = "**"


def whole_path(path: str, folder: str | None) -> str:
    """Give a path its one spelling; what begins in a home keeps that: which one it is, its machine knows.

    Shape:   empty for what leads out of such a home, or into that of `~somebody`: only their machine knows where it is.
    """
    if path.startswith("~"):
        inside = posixpath.normpath(path)
        return inside if inside.partition("/")[0] == "~" == path.partition("/")[0] else ""
    if path.startswith("//"):
        path = f"/{path.lstrip('/')}"
    whole = posixpath.normpath(posixpath.join(folder or "/", path))
    return f"/{whole.lstrip('/')}"


def from_home(path: str) -> str:
    """Say a whole path from the home of its owner on, if it is in one."""
    found = _HOMES.match(path)
    return path if found is None else f"~{path[found.end() :]}"


def in_one_spelling(path: str) -> str:
    """Give a path as it is to those file systems for which capitals, and the ways to write an accent, are the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def is_above_homes(path: str) -> bool:
    """Tell whether the homes of people lie below a whole path in its one spelling."""
    return path in _ABOVE_HOMES


def may_be_anywhere(path: str, folder: str | None) -> bool:
    """Tell whether a path leads through what the system links to for a process: `/proc/self/cwd/x`, `/dev/fd/3`.

    It is judged before `..` is taken out of it: the system takes that from where the link leads.
    """
    before: list[str] = []
    for name in posixpath.join(folder or "/", path).split("/"):
        if name == "..":
            del before[-1:]
        elif name not in ("", "."):
            before.append(name)
        if _is_link_of_a_process(before):
            return True
    return False


def is_at(pattern: str, path: str, *, above: bool = False) -> bool:
    """Tell whether a whole path is as a whole pattern says, or, `above`, whether something below it may be.

    Two stars stand for any folders and all in them, one for anything within a name.
    """
    names = path.strip("/").split("/")
    wanted = pattern.strip("/").split("/")
    places = _beyond({0}, wanted)
    for name in names if names != [""] else []:
        following = {place for place in places if place < len(wanted) and wanted[place] == _ANY_FOLDERS}
        following |= {
            place + 1
            for place in places
            if place < len(wanted) and wanted[place] != _ANY_FOLDERS and matches(wanted[place], name)
        }
        places = _beyond(following, wanted)
    return bool(places) if above else len(wanted) in places


def _is_link_of_a_process(names: list[str]) -> bool:
    match names:
        case ["proc", process, link]:
            return link in _LINKS_OF_A_PROCESS and (process in ("self", "thread-self") or process.isdecimal())
        case ["dev", link]:
            return link in _OPEN_FILES
    return False


def _beyond(places: set[int], wanted: list[str]) -> set[int]:
    """Add the places that are reached without a further name: any folders may be none."""
    reached = set(places)
    for place in range(len(wanted)):
        if place in reached and wanted[place] == _ANY_FOLDERS:
            reached.add(place + 1)
    return reached
