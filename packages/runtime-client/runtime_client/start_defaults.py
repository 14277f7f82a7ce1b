"""What a start goes by that nobody said on its command line: the environment, the project's file, the user's file.

A project is somebody else's: its file may choose among what the user has, and make an order smaller, never larger.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime_client.configured import is_of_session, worded
from runtime_client.errors import UsageError
from settings_file.known import FOR_STARTS, START
from settings_file.reader import file_of_user, settings_in

PROJECT_FILE = Path(".agent-orchestrator/config.toml")
AMOUNTS = frozenset({
    *("max_cost_usd", "max_tokens", "max_run_seconds"),
    *("max_tree_cost_usd", "max_tree_tokens", "max_tree_run_seconds"),
})  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A value, and where it came from."""

    value: str
    source: str


def start_defaults(
    environment: Mapping[str, str], folder: Path, seconds_of: Callable[[str], float]
) -> Mapping[str, Told]:
    """Return `agent`, `labels`, `limits` and `timeout` as far as they are said, for a session that works in a folder.

    Errors:  UsageError.
    """
    if is_of_session(environment):
        return {}
    user_file, project_file = file_of_user(environment), file_of_project(folder)
    found = _told_in(user_file)
    if project_file is not None and project_file != user_file:
        found |= _of_project(_told_in(project_file), found, project_file, seconds_of)
    told = {name: environment.get(key.variable, "").strip() for name, key in START.items()}
    return found | {name: Told(value, START[name].variable) for name, value in told.items() if value}


def file_of_project(folder: Path) -> Path | None:
    """Find the file of the project that a folder belongs to: there, or above it up to its repository's root."""
    above = [folder, *folder.parents]
    root = next((number for number, place in enumerate(above) if (place / ".git").exists()), 0)
    return next((place / PROJECT_FILE for place in above[: root + 1] if (place / PROJECT_FILE).exists()), None)


def pairs_in(text: str) -> dict[str, str]:
    """Read names and values as a variable holds them."""
    parts = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): value.strip() for name, _, value in parts}


def _told_in(path: Path) -> dict[str, Told]:
    with worded():
        told = settings_in(path, FOR_STARTS).get("start", {})
    return {name: Told(value, str(path)) for name, value in told.items() if value}


def _of_project(
    project: dict[str, Told], user: Mapping[str, Told], path: Path, seconds_of: Callable[[str], float]
) -> dict[str, Told]:
    if "timeout" in project and "timeout" in user:
        project["timeout"] = min(project["timeout"], user["timeout"], key=lambda told: _seconds(told, seconds_of))
    if "limits" not in project:
        return project
    limits = pairs_in(project["limits"].value)
    for name in limits:
        if name not in AMOUNTS:
            raise UsageError(
                f"cannot use the limit {name!r} of '{path}': a project's file may only limit what is spent"
                f" ({', '.join(sorted(AMOUNTS))})"
            )
    own = pairs_in(user["limits"].value) if "limits" in user else {}
    smaller = {name: min(value, own.get(name, value), key=_amount) for name, value in limits.items()}
    source = f"{path}, {user['limits'].source}" if own else str(path)
    return {
        **project,
        "limits": Told(",".join(f"{name}={value}" for name, value in {**own, **smaller}.items()), source),
    }


def _seconds(told: Told, seconds_of: Callable[[str], float]) -> float:
    try:
        return seconds_of(told.value)
    except ValueError as cause:
        raise UsageError(f"cannot use 'timeout' {told.value!r} of '{told.source}': {cause}") from cause


def _amount(value: str) -> float:
    try:
        return float(value)
    except ValueError as cause:
        raise UsageError(f"cannot use the limit {value!r}: expected a number") from cause
