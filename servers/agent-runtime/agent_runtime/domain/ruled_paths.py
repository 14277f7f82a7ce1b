"""Paths as rules say them: from the project folder on, from the root with `//`, from anybody's home with `~/`."""

import posixpath
import re

from agent_runtime.domain.ruled_commands import matches

PATH_CHARACTERS_MAX = 4096
_HOMES = re.compile(r"(?:/home/[^/]+|/Users/[^/]+|/root)(?=/|$)")
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


def _beyond(places: set[int], wanted: list[str]) -> set[int]:
    """Add the places that are reached without a further name: any folders may be none."""
    reached = set(places)
    for place in range(len(wanted)):
        if place in reached and wanted[place] == _ANY_FOLDERS:
            reached.add(place + 1)
    return reached
