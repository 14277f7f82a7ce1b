"""The numbers in the OpenMetrics form. Loaded only when they were asked for.

`prometheus_client` is needed here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from lib.numbers.processes import KEEPER, WARM_PARENT, helpers
from lib.numbers.tally import STEPS, Spread, Tally
from lib.version import VERSION

PREFIX = "agent_launcher"


@dataclass(frozen=True, slots=True)
class Moment:
    """What a launcher has at the moment: each is asked for anew."""

    running: Callable[[], int]
    unreported: Callable[[], int]
    keepers_folder: Path
    max_jobs: int | None = None


class Numbers(Collector):
    """Gives what one launcher has done and has, as it is at the moment of the question."""

    def __init__(self, tally: Tally, moment: Moment) -> None:
        self._tally = tally
        self._moment = moment

    def write(self) -> bytes:
        """Write all of them."""
        everything = CollectorRegistry()
        everything.register(self)
        ProcessCollector(namespace=PREFIX, registry=everything)
        return bytes(generate_latest(everything))  # type: ignore[no-untyped-call]  # so the library has it

    def collect(self) -> Iterator[Metric]:
        """Write all families but those of the process itself."""
        yield InfoMetricFamily(f"{PREFIX}_build", "Which launcher this is.", value={"version": VERSION})
        yield _one("jobs_running", "Jobs that take a place.", self._moment.running())
        if self._moment.max_jobs is not None:
            yield _one("slots", "Jobs that it may have at once.", self._moment.max_jobs)
        yield _one("reports_pending", "Ends that the runtime does not know yet.", self._moment.unreported())
        tally = self._tally
        yield CounterMetricFamily(f"{PREFIX}_job_starts", "Attempts that were granted and begun.", tally.starts)
        yield CounterMetricFamily(f"{PREFIX}_claims_declined", "Claims of which nothing ran.", tally.declined)
        ends = CounterMetricFamily(f"{PREFIX}_job_ends", "Ends that were reported.", labels=["outcome", "reason"])
        for (outcome, reason), count in sorted(tally.ends.items()):
            ends.add_metric([outcome, reason], count)
        yield ends
        yield _spread("claim", "From hearing of a claim until the runtime has granted its start.", tally.claim)
        yield _spread("start", "From that grant until the process was there, counted when it has ended.", tally.start)
        yield from self._helpers()

    def _helpers(self) -> Iterator[Metric]:
        found = list(helpers(self._moment.keepers_folder))
        count = GaugeMetricFamily(f"{PREFIX}_helpers", "Keepers and warm parents that live.", labels=["kind"])
        memory = GaugeMetricFamily(f"{PREFIX}_helper_memory_bytes", "Their resident memory.", labels=["kind"])
        for kind in (KEEPER, WARM_PARENT):
            ours = [one for one in found if one.kind == kind]
            count.add_metric([kind], len(ours))
            memory.add_metric([kind], sum(one.memory_bytes for one in ours))
        yield count
        yield memory


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _spread(name: str, text: str, spread: Spread) -> Metric:
    buckets, so_far = [], 0
    for limit, count in zip((*map(str, STEPS), "+Inf"), spread.counts, strict=True):
        so_far += count
        buckets.append((limit, float(so_far)))
    return HistogramMetricFamily(f"{PREFIX}_{name}_seconds", text, buckets=buckets, sum_value=spread.total)
