"""Which process of a launcher registers: the present one, a later one, or one that was replaced."""

from dataclasses import dataclass

from agent_runtime.domain.launcher import Launcher

PAST_INSTANCES_KEPT = 8
"""A call of an older process than these would have been on its way through as many restarts."""


@dataclass(frozen=True)
class Instance:
    """One process of a launcher, and which of its registrations this is, counted from 1.

    Units:   `began` is in seconds since its machine has started.
    """

    id: str
    call: int
    began: float | None = None


def is_past(known: Launcher, instance: Instance, boot_id: str | None) -> bool:
    """Tell whether a process that registers was replaced already, or began before the present one."""
    if instance.id in known.past_instances.split():
        return True
    if boot_id is None or boot_id != known.boot_id or instance.began is None or known.instance_began is None:
        return False
    return instance.began < known.instance_began


def is_repeated(known: Launcher, instance: Instance | None) -> bool:
    """Tell whether the present process has said so before."""
    return instance is not None and known.instance_id == instance.id and instance.call <= known.instance_calls


def past_instances_of(known: Launcher | None, instance: Instance | None) -> str:
    """Name the processes that were replaced, the newest last."""
    if known is None:
        return ""
    past = known.past_instances.split()
    is_replaced = known.instance_id is not None and (instance is None or instance.id != known.instance_id)
    return " ".join([*past, *([known.instance_id] if is_replaced and known.instance_id else [])][-PAST_INSTANCES_KEPT:])


def epoch_of(known: Launcher | None, instance: Instance | None) -> int:
    """Count the processes: who registers is the next one, or still the same."""
    if known is None:
        return 1
    is_same = instance is not None and instance.id == known.instance_id
    return known.epoch if is_same else known.epoch + 1
