"""Numbers for people: percentiles, ratios, and whether an aim was met."""

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of all values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def line(what: str, value: float, unit: str, aim: str = "") -> None:
    """Print one figure."""
    print(f"  {what:<48} {value:>10.2f} {unit:<8} {f'(aim {aim})' if aim else ''}".rstrip(), flush=True)


def milliseconds(nanoseconds: Sequence[int]) -> list[float]:
    """The same spans in milliseconds."""
    return [span / 1e6 for span in nanoseconds]


def spread(what: str, values_ms: Sequence[float], aim_p50: str = "", aim_p99: str = "") -> None:
    """Print the middle and the tail of many spans."""
    line(f"{what}, p50", percentile(values_ms, 0.50), "ms", aim_p50)
    line(f"{what}, p99", percentile(values_ms, 0.99), "ms", aim_p99)


def title(text: str) -> None:
    """Print what is measured next."""
    print(f"\n{text}", flush=True)
