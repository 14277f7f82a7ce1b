"""Questions about the whole: how many there are, and where the order of events begins and ends."""

from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.services.ports import Transaction


def count_alive_launchers(tx: Transaction) -> int:
    """Tell how many launchers are there to run something."""
    return sum(launcher.status is LauncherStatus.ALIVE for launcher in tx.launchers.present())


def event_bounds(tx: Transaction) -> tuple[int, int]:
    """Tell the oldest sequence number that can still be read, and the newest."""
    return tx.events.bounds()
