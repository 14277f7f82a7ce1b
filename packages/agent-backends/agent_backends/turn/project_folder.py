"""The folder that a turn works in: there, a folder, and within what the launcher may work in."""

import os
from collections.abc import Mapping
from pathlib import Path

from agent_backends.protocol import CannotRunError
from runtime_client.reasons import Reason

ROOTS = "AGENT_LAUNCHER_PROJECT_ROOTS"


def checked_folder(asked: Path, session_name: str, environment: Mapping[str, str]) -> Path:
    """Return the folder to work in; where the launcher is limited to some folders, by its real path.

    Errors:  CannotRunError.
    """
    found = "nothing" if not asked.exists() else "a file" if not asked.is_dir() else ""
    if not asked.is_absolute():
        found = "a relative path"
    if found:
        raise CannotRunError(
            Reason.INVALID_PARAMETERS,
            f"cannot run session {session_name!r}: expected project folder {str(asked)!r} to be an existing"
            f" folder on this machine, found {found}",
        )
    roots = [Path(word) for word in environment.get(ROOTS, "").split(os.pathsep) if word]
    return _within(asked, [root.resolve() for root in roots], session_name) if roots else asked


def _within(asked: Path, roots: list[Path], session_name: str) -> Path:
    # From here on the real path is used: a link that is changed later leads nowhere else.
    real = asked.resolve()
    if any(real.is_relative_to(root) for root in roots):
        return real
    raise CannotRunError(
        Reason.PROJECT_DIR_REFUSED,
        f"cannot run session {session_name!r}: project folder {str(asked)!r} is the folder {str(real)!r}, and this"
        f" launcher works in {', '.join(repr(str(root)) for root in roots)} only ({ROOTS})",
    )
