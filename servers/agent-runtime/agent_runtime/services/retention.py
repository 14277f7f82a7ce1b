"""What is let go of when it is old, or when there is too much: never of work that is not over, and never a session.

A session can be resumed for ever, so its row, its result and its newest job stay. Older jobs go with their prompts and
output; so do events, settled callbacks, and launchers that have long been gone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent_runtime.services.ports.store import Store, Transaction

AT_ONCE = 200
"""How many rows of a kind one transaction removes, so that no client waits long for it."""
YOUNGEST_AGE = timedelta(hours=1)
AGE_MIN = timedelta(days=2)
"""What ended within a day may still be corrected by a launcher that comes back, so it is not removed by age."""


@dataclass(frozen=True)
class Retention:
    """For how long what is over is kept, and how much of it; None is without limit.

    Units:   `bytes_max` counts what the database holds, not what its files occupy on the disk.
    """

    age: timedelta | None = None
    bytes_max: int | None = None


@dataclass
class Removed:
    """How much was let go of."""

    jobs: int = 0
    outputs: int = 0
    events: int = 0
    callbacks: int = 0
    launchers: int = 0
    lanes: int = 0
    bytes_too_many: int = 0
    """By how much the database still holds more than it should: what is left may not go."""

    def add(self, other: "Removed") -> None:
        """Count further rows."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    @property
    def is_full_round(self) -> bool:
        """Tell whether there may be more of what was just removed."""
        return max(self.jobs, self.outputs, self.events, self.callbacks, self.launchers) >= AT_ONCE


async def prune(store: Store, retention: Retention) -> Removed:
    """Let go of what is too old, then of the oldest of what is too much."""
    removed = Removed()
    if retention.age is not None:
        await _remove_older(store, max(retention.age, AGE_MIN), removed)
    if retention.bytes_max is not None:
        for age in _shrinking_ages(await store.read(_age_of_oldest)):
            if await store.read(lambda tx: tx.retention.used_bytes()) <= retention.bytes_max:
                break
            await _remove_older(store, age, removed)
        used = await store.read(lambda tx: tx.retention.used_bytes())
        removed.bytes_too_many = max(0, used - retention.bytes_max)
    removed.lanes += await store.write(lambda tx: tx.queue.forget_empty_lanes(AT_ONCE))
    return removed


async def _remove_older(store: Store, age: timedelta, removed: Removed) -> None:
    while True:
        one_round = await store.write(lambda tx: _remove_some(tx, tx.now - age, with_jobs=age >= AGE_MIN))
        removed.add(one_round)
        if not one_round.is_full_round:
            return


def _remove_some(tx: Transaction, before: datetime, *, with_jobs: bool) -> Removed:
    rows = tx.retention
    return Removed(
        outputs=rows.remove_outputs(before, AT_ONCE),
        jobs=rows.remove_jobs(before, AT_ONCE) if with_jobs else 0,
        events=rows.remove_events(before, AT_ONCE),
        callbacks=rows.remove_callbacks(before, AT_ONCE) if with_jobs else 0,
        launchers=rows.remove_launchers(before, AT_ONCE) if with_jobs else 0,
    )


def _age_of_oldest(tx: Transaction) -> timedelta:
    oldest = tx.retention.oldest_ended_at()
    return tx.now - oldest if oldest is not None else timedelta()


def _shrinking_ages(oldest: timedelta) -> Iterator[timedelta]:
    age = oldest * 0.75
    while age > YOUNGEST_AGE:
        yield age
        age *= 0.75
    yield YOUNGEST_AGE
