"""The numbers of one moment as families of OpenMetrics."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from agent_runtime.services.numbers import Numbers

K = TypeVar("K", bound=str)


class Gauges(Collector):
    """Gives the numbers that were read for one answer."""

    def __init__(self, numbers: Numbers, parked_polls: int) -> None:
        self._numbers = numbers
        self._parked_polls = parked_polls

    def collect(self) -> Iterable[Metric]:
        """Write all families."""
        numbers = self._numbers
        yield _by("jobs", "Jobs that are kept, by status.", "status", numbers.jobs)
        yield _by("jobs_waiting", "Pending jobs, by what they wait for.", "reason", numbers.waiting)
        yield _by("sessions", "Sessions, by status.", "status", numbers.sessions)
        yield from self._launchers()
        yield _one("parked_polls", "Launchers' calls that wait for work.", self._parked_polls)
        yield _one("callbacks_pending", "Callbacks whose parent is not told yet.", numbers.callbacks.pending)
        yield _one("callbacks_late", "Of these, those of children at rest for over a minute.", numbers.callbacks.late)
        yield _by("webhook_deliveries", "News for webhooks that is kept, by status.", "status", numbers.deliveries)
        yield _one("database_size_bytes", "How large the database is.", numbers.database_bytes)

    def _launchers(self) -> Iterator[Metric]:
        states: dict[str, int] = {}
        who = ["launcher", "launcher_id"]
        jobs = GaugeMetricFamily("agent_runtime_launcher_jobs", "Jobs that a launcher has.", labels=who)
        slots = GaugeMetricFamily("agent_runtime_launcher_slots", "Jobs that it may have at once.", labels=who)
        for load in sorted(self._numbers.launchers, key=lambda load: load.launcher.id):
            one = load.launcher
            if one.only_own_jobs:
                continue  # A command that somebody typed.
            state = "draining" if one.draining and one.status == "alive" else str(one.status)
            states[state] = states.get(state, 0) + 1
            jobs.add_metric([one.name, one.id], load.jobs)
            if one.max_jobs is not None:
                slots.add_metric([one.name, one.id], one.max_jobs)
        yield _by("launchers", "Launchers that have not gone, by state.", "status", states)
        yield jobs
        yield slots


def _by(name: str, text: str, label: str, counts: Mapping[K, int]) -> Metric:
    family = GaugeMetricFamily(f"agent_runtime_{name}", text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([str(value)], count)
    return family


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"agent_runtime_{name}", text, value=value)
