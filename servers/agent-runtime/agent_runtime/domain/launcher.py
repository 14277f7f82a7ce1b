"""A launcher: a process on a machine that runs jobs, and the rules that say whether it lives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agent_runtime.domain.ids import LauncherId
from agent_runtime.domain.json import Json


class LauncherStatus(StrEnum):
    """`lost` may come back with its jobs; `gone` said goodbye or was removed."""

    ALIVE = "alive"
    LOST = "lost"
    GONE = "gone"


Clients = Mapping[str, Mapping[str, Json]]
"""What a launcher says of each client, by its name; empty while it looks for the first time."""


@dataclass(frozen=True)
class Launcher:
    """A row of the launchers table, as it was read.

    Shape:   `epoch` grows by one with each new process; an older one is `superseded`.
             `instance_id` is its process, and `instance_calls` the last registration that was heard from it;
             `past_instances` are processes that it replaced, the newest last, with blanks between them;
             `instance_began` is when its process began, in seconds of its machine's present boot.
             `refusal` is why it takes no job at the moment (a wait reason), or nothing.
             `only_own_jobs` says that it takes no job but those that name it: a command that a person typed.
             `clients` is what it said of each client that it looked for, empty while it looks for the first time,
             None if it does not say.
             `is_asked` says that there is an inquiry for its next poll.
             `poll_dropped_at` is since when its waiting call has been cut off with no other call after it.
    """

    id: LauncherId
    name: str
    hostname: str
    boot_id: str | None
    version: str | None
    labels: Mapping[str, str]
    max_jobs: int | None
    backends: Sequence[str]
    epoch: int
    status: LauncherStatus
    draining: bool
    refusal: str | None
    registered_at: datetime
    last_seen_at: datetime
    poll_dropped_at: datetime | None
    only_own_jobs: bool
    instance_id: str | None
    instance_calls: int
    instance_began: float | None
    past_instances: str
    clients: Mapping[str, Mapping[str, Json]] | None = None
    is_asked: bool = False


def may_run(
    launcher: Launcher,
    labels: Mapping[str, str],
    required_host: str | None,
    required_launcher_id: LauncherId | None,
    client: str | None = None,
) -> bool:
    """Tell whether a launcher is the kind of launcher that a job asks for."""
    if required_launcher_id != launcher.id and (required_launcher_id is not None or launcher.only_own_jobs):
        return False
    if required_host is not None and required_host != launcher.hostname:
        return False
    if client is not None and what_is_amiss(launcher, client) is not None:
        return False
    return all(launcher.labels.get(key) == value for key, value in labels.items())


def what_is_amiss(launcher: Launcher, client: str) -> str | None:
    """Say why a launcher cannot run a client; None if it can, or if nobody has looked.

    A launcher that says nothing, and a client that it knows nothing of, get the job: what cannot be known is tried.
    """
    if launcher.clients is None:
        return None
    if not launcher.clients:
        return "still being looked for"
    told = launcher.clients.get(client)
    if told is None:
        return None
    if told.get("program") is None:
        return "not installed"
    return "not signed in" if told.get("is_signed_in") is False else None


def surely_has(launcher: Launcher, client: str) -> bool:
    """Tell whether a launcher has said that a client is there."""
    told = (launcher.clients or {}).get(client)
    return told is not None and what_is_amiss(launcher, client) is None
