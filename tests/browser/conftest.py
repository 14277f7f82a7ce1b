"""A browser for the package, a runtime for each module, a fresh page for each test."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from browser.stage import Stage
from support.chromium import LAUNCH_FLAGS, ensure_chromium
from support.desk import Desk
from support.launcher_process import LauncherProcess
from support.runtime_process import RuntimeProcess

PATIENCE_MS = 60_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window, for all modules of this package that a worker runs on end.

    Not kept for another package: while it is open the worker's thread has a running event loop, and no test that
    wants one of its own could run there.
    """
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=ensure_chromium(), args=list(LAUNCH_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime of the module's own, with tokens."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture(scope="module")
def launcher(runtime: RuntimeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LauncherProcess]:
    """A real launcher with this repository's commands."""
    process = LauncherProcess(tmp_path_factory.mktemp("launcher"), runtime.url, runtime.token)
    try:
        yield process.start()
    finally:
        process.leave_nothing()


@pytest.fixture
def desk(runtime: RuntimeProcess) -> Iterator[Desk]:
    """Calls the runtime with the user's token."""
    with Desk(runtime.url, runtime.token) as calls:
        yield calls


@pytest.fixture
def stage(desk: Desk) -> Stage:
    """A launcher that plays what it is told."""
    return Stage(desk)


@pytest.fixture
def open_page(browser: Browser, runtime: RuntimeProcess) -> Iterator[OpenPage]:
    """Opens pages for a person that the runtime knows; an error on any console fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            # A browser writes each refused call to the console; a test that wants one looks at what the page says.
            errors.append(f"{message.text} ({message.location.get('url')})")

    def open_one(
        route: str = "", *, known: bool = True, refused: bool = False, width: int = 1280, theme: str = "light"
    ) -> Page:
        headers = {"Authorization": f"Bearer {runtime.token}"} if known else {}
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            extra_http_headers=headers,
            color_scheme="dark" if theme == "dark" else "light",
            permissions=["clipboard-read", "clipboard-write"],
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if known and not refused:
            page.on("console", heard)
        page.goto(f"{runtime.url}/{route}")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The first view."""
    return open_page()
