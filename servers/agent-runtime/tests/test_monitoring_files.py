"""The alert rules and the dashboard that come with the product ask only for what the runtime tells."""

import json
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from agent_runtime.domain.launcher import LauncherStatus
from agent_runtime.metrics.exposition import write_openmetrics
from agent_runtime.metrics.gauges import Gauges
from agent_runtime.metrics.tally import Tally
from agent_runtime.services.numbers import read_numbers
from support.store_rig import StoreRig

FOLDER = Path(__file__).parents[3] / "monitoring"
ALERTS = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
TARGETS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
ASKED = [*(rule["expr"] for rule in RULES), *(expr.replace("$__rate_interval", "5m") for expr in TARGETS)]
FROM_PROMETHEUS = {"up"}


def names(expression: object) -> Iterator[str]:
    """The metrics that an expression names, however deep."""
    if isinstance(expression, promql_parser.VectorSelector):
        assert expression.name
        yield expression.name
    for part in ("expr", "lhs", "rhs", "vector_selector", "args"):
        inner = getattr(expression, part, None)
        for one in inner if isinstance(inner, list) else [inner] if inner is not None else []:
            yield from names(one)


@pytest.fixture
def told(rig: StoreRig) -> set[str]:
    """The names of the samples that a runtime may tell."""
    rig.launcher(name="one", max_jobs=2)
    rig.create()
    numbers = rig.runner.run(rig.store.read(read_numbers))
    assert numbers.launchers[0].launcher.status is LauncherStatus.ALIVE
    registry = CollectorRegistry()
    Tally(registry)
    text = write_openmetrics(registry, Gauges(numbers, 0)).decode()
    found: set[str] = set()
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]  # so the library has it
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        found |= {family.name + ending for ending in endings}
    return found


def test_each_expression_is_in_the_grammar_and_names_what_is_told(told: set[str]) -> None:
    asked = {name for expression in ASKED for name in names(promql_parser.parse(expression))}

    assert asked - told - FROM_PROMETHEUS == set()
    assert len(asked) > 10


def test_each_alert_says_for_how_long_how_bad_and_what() -> None:
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}, rule
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]


def test_no_two_panels_of_the_dashboard_are_one() -> None:
    panels = DASHBOARD["panels"]

    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
