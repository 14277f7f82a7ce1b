"""Who is alive: finds launchers that nothing has been heard of, and marks what they ran as lost."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from agent_runtime.domain.job import JobStatus
from agent_runtime.domain.launcher import Launcher, LauncherStatus
from agent_runtime.services.launchers.presence import emit_launcher_event, let_go
from agent_runtime.services.ports.store import Transaction

log = logging.getLogger(__name__)

DROPPED_POLL_MEANS_GONE_AFTER = timedelta(seconds=15)
SUSPECTS_ITSELF_FOR = timedelta(minutes=10)
VANISHED_MIN = 3
VANISHED_SHARE = 0.55


def silent_at(launcher: Launcher, lease: timedelta) -> datetime:
    """Tell when a launcher counts as gone if nothing more is heard of it."""
    ends = launcher.last_seen_at + lease
    dropped = launcher.poll_dropped_at
    return ends if dropped is None else min(ends, dropped + DROPPED_POLL_MEANS_GONE_AFTER)


class SilentLaunchers:
    """Marks silent launchers as lost, unless so many fell silent at once that the fault is rather ours."""

    def __init__(self, lease: timedelta) -> None:
        self._lease = lease
        self._suspects_itself_until: datetime | None = None

    def mark(self, tx: Transaction) -> None:
        """Mark who has been silent for too long, and let go of what they held."""
        launchers = tx.launchers.present()
        alive = [item for item in launchers if item.status is LauncherStatus.ALIVE]
        silent = [item for item in alive if silent_at(item, self._lease) <= tx.now]
        if silent and not self._is_rather_our_fault(tx, launchers, alive, silent):
            for launcher in silent:
                _lose(tx, launcher)

    def renew(self, tx: Transaction) -> None:
        """Give every launcher a whole lease again: we were away ourselves, and could not have heard them."""
        for launcher in tx.launchers.present():
            if launcher.status is LauncherStatus.ALIVE:
                tx.launchers.change(launcher.id, {"last_seen_at": tx.now, "poll_dropped_at": None})

    def next_at(self, tx: Transaction) -> datetime | None:
        """Tell when the next launcher counts as gone."""
        alive = [item for item in tx.launchers.present() if item.status is LauncherStatus.ALIVE]
        if not alive:
            return None
        earliest = min(silent_at(item, self._lease) for item in alive)
        suspected = self._suspects_itself_until
        return earliest if suspected is None else max(earliest, suspected)

    def _is_rather_our_fault(
        self, tx: Transaction, known: Sequence[Launcher], alive: Sequence[Launcher], silent: Sequence[Launcher]
    ) -> bool:
        if self._suspects_itself_until is not None:
            if tx.now < self._suspects_itself_until:
                return True
            began_at = self._suspects_itself_until - SUSPECTS_ITSELF_FOR
            self._suspects_itself_until = None
            if any(item.last_seen_at <= began_at for item in silent):
                # The time is over and they are still silent: so they are gone after all.
                return False
        recent = tx.now - 2 * self._lease
        lost = sum(item.status is LauncherStatus.LOST and item.last_seen_at >= recent for item in known)
        vanished = len(silent) + lost
        if vanished < VANISHED_MIN or vanished < VANISHED_SHARE * (len(alive) + lost):
            return False
        self._suspects_itself_until = tx.now + SUSPECTS_ITSELF_FOR
        log.error(
            "most launchers fell silent at once; nothing is called lost until this is looked at",
            extra={"silent": vanished, "known": len(alive) + lost, "until": self._suspects_itself_until.isoformat()},
        )
        return True


def _lose(tx: Transaction, launcher: Launcher) -> None:
    lost = tx.launchers.change(launcher.id, {"status": LauncherStatus.LOST, "poll_dropped_at": None})
    assert lost is not None, f"launcher '{launcher.id}' vanished inside a transaction"
    emit_launcher_event(tx, lost, "launcher.lost")
    for job in tx.jobs.at_launcher(launcher.id, frozenset({JobStatus.CLAIMED, JobStatus.RUNNING})):
        let_go(tx, job)
