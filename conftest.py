"""What long tests have to wait for begins first, and nothing is skipped in silence.

A skip for a reason that `support.skips` does not list fails the run.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from support.skips import not_allowed


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, or one worker would have to end them alone; the smallest come last."""
    counts = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("long") is None, -counts[item.path]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that would pass although something was skipped that may not be."""
    if session.exitstatus == pytest.ExitCode.OK and list(not_allowed(_skips(session.config))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was skipped and may not be."""
    for line in not_allowed(_skips(config)):
        terminalreporter.write_line(f"skipped for a reason that tests/support/skips.py does not list: {line}", red=True)


def _skips(config: pytest.Config) -> Iterator[tuple[str, str]]:
    # With several workers only the one that reports has a reporter, and it has heard of all.
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for report in reporter.stats.get("skipped", ()) if reporter is not None else ():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        yield report.nodeid, reason.removeprefix("Skipped: ")
