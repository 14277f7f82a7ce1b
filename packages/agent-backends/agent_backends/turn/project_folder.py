"""The folder that a turn works in: opened once, looked at once it is open, and from there on that very folder."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent_backends.protocol import CannotRunError
from runtime_client.reasons import Reason

ROOTS = "AGENT_LAUNCHER_PROJECT_ROOTS"
_FOUND: Mapping[type[Exception], str] = {FileNotFoundError: "nothing", NotADirectoryError: "a file"}


@dataclass(frozen=True)
class ProjectFolder:
    """An open folder, whatever its path leads to by now; `path` is for people, and for those inside."""

    path: Path
    descriptor: int


def opened_folder(asked: Path, session_name: str, environment: Mapping[str, str]) -> ProjectFolder:
    """Open the folder to work in; where the launcher is limited to some folders, `path` is its real one.

    Errors:  CannotRunError.
    """
    if not asked.is_absolute():
        raise _no_folder(asked, session_name, "a relative path")
    try:
        # Links are followed: what was opened counts, and not the way there.
        descriptor = os.open(asked, _for_itself() | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as cause:
        raise _no_folder(asked, session_name, _FOUND.get(type(cause), str(cause))) from cause
    roots = [Path(word) for word in environment.get(ROOTS, "").split(os.pathsep) if word]
    if not roots:
        return ProjectFolder(asked, descriptor)
    return ProjectFolder(_within(asked, descriptor, [root.resolve() for root in roots], session_name), descriptor)


def _for_itself() -> int:
    """Return how to open a folder without a right to read it, where the system knows that."""
    return os.O_PATH if sys.platform == "linux" else os.O_RDONLY


def _within(asked: Path, descriptor: int, roots: list[Path], session_name: str) -> Path:
    real = _path_of(asked, descriptor)
    if any(real.is_relative_to(root) for root in roots):
        return real
    os.close(descriptor)
    raise CannotRunError(
        Reason.PROJECT_DIR_REFUSED,
        f"cannot run session {session_name!r}: project folder {str(asked)!r} is the folder {str(real)!r}, and this"
        f" launcher works in {', '.join(repr(str(root)) for root in roots)} only ({ROOTS})",
    )


def _path_of(asked: Path, descriptor: int) -> Path:
    """Ask the kernel where an open folder is: its path may lead elsewhere by now."""
    return Path(f"/proc/self/fd/{descriptor}").readlink() if sys.platform == "linux" else asked.resolve()


def _no_folder(asked: Path, session_name: str, found: str) -> CannotRunError:
    return CannotRunError(
        Reason.INVALID_PARAMETERS,
        f"cannot run session {session_name!r}: expected project folder {str(asked)!r} to be an existing"
        f" folder on this machine, found {found}",
    )
