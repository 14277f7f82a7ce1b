"""What long tests have to wait for begins first, nothing is skipped in silence, and what failed is named last.

A skip for a reason that `support.skips` does not list fails the run. Who has only the last lines of a run, as a page
of CI shows them, finds there what failed.
"""

from collections import Counter
from collections.abc import Iterator

import pytest

from support.skips import not_allowed

LINE_CHARACTERS = 200


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, or one worker would have to end them alone; the smallest come last."""
    counts = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.get_closest_marker("long") is None, -counts[item.path]))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that would pass although something was skipped that may not be."""
    if session.exitstatus == pytest.ExitCode.OK and list(not_allowed(_skips(session.config))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Iterator[None]:
    """Say, after all else, what failed, and what was skipped and may not be."""
    yield
    for outcome in ("failed", "error"):
        for report in terminalreporter.stats.get(outcome, ()):
            terminalreporter.write_line(_line_of(outcome, report), red=True)
    for line in not_allowed(_skips(config)):
        terminalreporter.write_line(f"skipped for a reason that tests/support/skips.py does not list: {line}", red=True)


def _line_of(outcome: str, report: pytest.TestReport | pytest.CollectReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    told = str(report.longrepr if crash is None else crash.message).strip().partition("\n")[0]
    return f"{outcome.upper()} {report.nodeid} - {told[:LINE_CHARACTERS]}"


def _skips(config: pytest.Config) -> Iterator[tuple[str, str]]:
    # With several workers only the one that reports has a reporter, and it has heard of all.
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for report in reporter.stats.get("skipped", ()) if reporter is not None else ():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        yield report.nodeid, reason.removeprefix("Skipped: ")
