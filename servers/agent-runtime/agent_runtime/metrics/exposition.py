"""Puts counters and gauges together in the OpenMetrics form."""

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector


def write_openmetrics(counted: CollectorRegistry, *moment: Collector) -> bytes:
    """Write what was counted so far, and the collectors of this moment behind it."""
    everything = CollectorRegistry()
    everything.register(counted)
    for collector in moment:
        everything.register(collector)
    return bytes(generate_latest(everything))  # type: ignore[no-untyped-call]  # so the library has it
