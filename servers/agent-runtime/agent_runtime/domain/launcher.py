"""A launcher: a process on a machine that runs jobs, and the rules that say whether it lives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agent_runtime.domain.ids import LauncherId


class LauncherStatus(StrEnum):
    """`lost` may come back with its jobs; `gone` said goodbye or was removed."""

    ALIVE = "alive"
    LOST = "lost"
    GONE = "gone"


@dataclass(frozen=True)
class Launcher:
    """A row of the launchers table, as it was read.

    Shape:   `epoch` grows by one with each new process; an older one is `superseded`.
             `instance_id` is its process, and `instance_calls` the last registration that was heard from it;
             `past_instances` are processes that it replaced, the newest last, with blanks between them;
             `instance_began` is when its process began, in seconds of its machine's present boot.
             `refusal` is why it takes no job at the moment (a wait reason), or nothing.
             `only_own_jobs` says that it takes no job but those that name it: a command that a person typed.
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


def may_run(
    launcher: Launcher,
    labels: Mapping[str, str],
    required_host: str | None,
    required_launcher_id: LauncherId | None,
) -> bool:
    """Tell whether a launcher is the kind of launcher that a job asks for."""
    if required_launcher_id != launcher.id and (required_launcher_id is not None or launcher.only_own_jobs):
        return False
    if required_host is not None and required_host != launcher.hostname:
        return False
    return all(launcher.labels.get(key) == value for key, value in labels.items())
