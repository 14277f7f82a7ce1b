"""What of an inherited environment is about the place where it was set, and not about the folder of a job.

The rule stands in docs/reference/settings.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

# The repository that git works on, whatever the folder: what `git rev-parse --local-env-vars` lists.
_GIT: Final = (
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"),
    *("GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX"),
    *("GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE"),
    "GIT_WORK_TREE",
)
# Where somebody stood, and what a program that runs others tells those about itself.
_PLACES: Final = (
    *("OLDPWD", "INIT_CWD", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHONHOME", "__PYVENV_LAUNCHER__"),
    *("UV_ENV_FILE", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "VIRTUAL_ENV"),
)
NOT_INHERITED: Final = frozenset({*_GIT, *_PLACES})
# In these an entry that is relative, or empty, would mean whatever folder a program happens to be in.
SEARCH_PATHS: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")


def without_places(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Copy an environment so that it means the same in any folder.

    Shape:   `folder` is where it was set: what its search paths name relatively lies there.
    """
    kept = {name: value for name, value in environment.items() if name not in NOT_INHERITED}
    return kept | {name: _absolute(kept[name], folder) for name in SEARCH_PATHS if kept.get(name)}


def _absolute(search_path: str, folder: Path) -> str:
    entries = search_path.split(os.pathsep)
    return os.pathsep.join(entry if entry.startswith(os.sep) else str(folder / entry) for entry in entries)
