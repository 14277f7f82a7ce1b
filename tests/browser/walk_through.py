"""Photographs every view with nothing, a little, very much and failing data.

    python tests/browser/walk_through.py DIR

For people who change the page: look at all of them before you call it done.
"""

import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402
from playwright.sync_api import Error as BrowserError  # noqa: E402

from browser.scene import SHOP, set_the_scene  # noqa: E402
from browser.screenshots import QUIET  # noqa: E402
from browser.stage import Stage  # noqa: E402
from browser.test_questions import ASKED  # noqa: E402
from support.chromium import LAUNCH_FLAGS, ensure_chromium  # noqa: E402
from support.desk import Desk, Json  # noqa: E402
from support.runtime_process import RuntimeProcess  # noqa: E402
from support.waiting import wait_until  # noqa: E402

# Runs in the page: true when nothing has arrived since this was first asked, for a while.
CALM = """() => {
    const count = performance.getEntriesByType("resource").length;
    if (window.calm?.count !== count) window.calm = { count, since: performance.now() };
    return performance.now() - window.calm.since > 600;
}"""
LOOKS = (
    ("light", "light", 1440, 900),
    ("dark", "dark", 1440, 900),
    ("narrow", "light", 900, 850),
    ("phone", "light", 390, 800),
    ("phone-dark", "dark", 390, 800),
)
PLACES = ("sessions", "questions", "queue", "launchers", "agents", "overview", "new")
LITTLE = (
    *PLACES,
    "agents/new",
    "agents/claude",
    "overview?window=day",
    "sessions/fix-flaky-upload",
    "sessions/refactor-billing",
    "sessions/nightly-audit",
    "sessions/speed-up-ci",
    "sessions/speed-up-ci/tree",
    "sessions/speed-up-ci/events",
    "sessions/speed-up-ci/changes",
    "sessions/ask-me",
    "sessions/ask-leave",
    "sessions/train-ranker",
)
MUCH = ("sessions", "queue", "launchers", "overview", "sessions/fan-out/tree", "sessions/long-talk")
FAILING = (
    "sessions",
    "queue",
    "launchers",
    "overview",
    "sessions/cut-off",
    "sessions/nightly-audit",
    "sessions/not-there",
)
Act = Callable[[Page], object]
ACTS: tuple[tuple[str, str, Act], ...] = (
    ("help", "sessions", lambda page: page.keyboard.press("?")),
    ("search-nothing", "sessions?q=zebra", lambda page: page.keyboard.press("Escape")),
    ("tools-open", "sessions/fix-flaky-upload", lambda page: _open_tools(page)),
    ("log", "sessions/fix-flaky-upload", lambda page: page.locator(".side a", has_text="Completed").first.click()),
    ("delete", "sessions/fix-flaky-upload", lambda page: _delete(page)),
    ("remove-launcher", "launchers", lambda page: page.get_by_role("button", name="Remove studio").click()),
    ("cost", "overview", lambda page: page.get_by_role("button", name="Cost").click()),
    ("agent-wrong", "agents/new", lambda page: _fill_wrongly(page)),
    ("form-wrong", "new?agent=claude", lambda page: page.get_by_label("Name").fill("no spaces!")),
)


def _open_tools(page: Page) -> None:
    for tool in page.locator(".tool-line").all():
        tool.click()


def _delete(page: Page) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Delete").click()


def _fill_wrongly(page: Page) -> None:
    page.get_by_label("Name").fill("claude")
    page.get_by_label("Limits").fill('{"timeout_seconds": ')


class Walk:
    """Goes through the views of one runtime with one browser."""

    def __init__(self, browser: Browser, folder: Path, runtime: RuntimeProcess) -> None:
        self._browser = browser
        self._folder = folder
        self._runtime = runtime

    def photograph(self, state: str, routes: Iterable[str], before_each: Callable[[], None]) -> None:
        """Write a picture of each view in each look."""
        for look, theme, width, height in LOOKS:
            page = self.open(theme, width, height)
            for route in routes:
                before_each()
                page.goto(f"{self._runtime.url}/#/{route}")
                self.take(page, f"{state}-{_plain(route)}-{look}")
            page.context.close()

    def act(self, before_each: Callable[[], None]) -> None:
        """Write a picture of each view after something was done in it."""
        for look, theme, width, height in LOOKS:
            for name, route, act in ACTS:
                before_each()
                page = self.open(theme, width, height)
                page.goto(f"{self._runtime.url}/#/{route}")
                page.wait_for_function(QUIET)
                with suppress(BrowserError):  # On a phone some of these are elsewhere.
                    act(page)
                self.take(page, f"act-{name}-{look}")
                page.context.close()

    def open(self, theme: str, width: int, height: int) -> Page:
        """Open the first view."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            extra_http_headers={"Authorization": f"Bearer {self._runtime.token}"},
            reduced_motion="reduce",
        )
        context.set_default_timeout(4000)
        page = context.new_page()
        page.goto(self._runtime.url)
        page.wait_for_function(QUIET)
        return page

    def take(self, page: Page, name: str) -> None:
        """Write one picture, when nothing is on its way any more."""
        expect(page.locator("#main :is(h1, h2)").first).to_be_visible(timeout=20_000)
        page.evaluate("window.calm = undefined")
        page.wait_for_function(CALM)
        page.screenshot(path=self._folder / f"{name}.png")
        print(name)  # noqa: T201 - says what was made


def _plain(route: str) -> str:
    return route.replace("/", "-").replace("?", "-").replace("=", "-")


def _much(stage: Stage) -> None:
    for number in range(14):
        stage.launcher(f"worker-{number:02}", max_jobs=6 + number, labels={"os": "linux", "zone": f"z{number % 3}"})
    talk = stage.play("long-talk", "Talk for long", on="worker-00").begin()
    for start in range(0, 1500, 500):
        talk.say(*(f"Step {number}: `look` at *this*" for number in range(start, start + 500)))
    stage.play("fan-out", "Do it in forty parts", on="worker-01").begin()
    for number in range(40):
        part = stage.play(f"part-{number:02}", "One part", on=f"worker-{number % 14:02}", parent_session_name="fan-out")
        if number % 3:
            part.begin().end("done", tokens=1000 * number, cost=0.01 * number)
        elif number % 2:
            part.fail("nonzero_exit", "exit status 1")
    for number in range(420):
        labels: Json = {"gpu": "yes"} if number % 6 == 0 else {"group": f"team-{number % 4}"}
        stage.desk.start(f"batch-{number:04}", prompt=f"Work on item {number}", labels=labels, priority=number % 3 - 1)


def _failing(stage: Stage) -> None:
    set_the_scene(stage)
    stage.play("cut-off", "Work on", on="build-01").begin().call("Bash", {"command": "make all"})


def _ask(stage: Stage) -> None:
    play = stage.play("ask-me", "Paint the shed", on="build-01", **SHOP).begin()
    play.say("Two pots are in the cellar.").tell(
        {"type": "result", "data": {"text": "Which colour: **red** or **blue**?", "waiting_input": True}}
    )
    asking = stage.play("ask-leave", "Ship the new prices", on="build-01", **SHOP).begin()
    for question in ASKED:
        asking.ask(**question)


def main(target: str) -> None:
    """Play the scenes, and photograph them."""
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=ensure_chromium(), args=list(LAUNCH_FLAGS))
        _walk_well(browser, folder, Path(home) / "well")
        _walk_failing(browser, folder, Path(home) / "ill")
        browser.close()


def _walk_well(browser: Browser, folder: Path, home: Path) -> None:
    runtime = RuntimeProcess(home).start()
    try:
        with Desk(runtime.url, runtime.token) as desk:
            stage = Stage(desk)
            walk = Walk(browser, folder, runtime)
            walk.photograph("nothing", PLACES, lambda: None)
            set_the_scene(stage)
            _ask(stage)
            walk.photograph("little", LITTLE, stage.sign_of_life)
            walk.act(stage.sign_of_life)
            _much(stage)
            walk.photograph("much", MUCH, stage.sign_of_life)
    finally:
        runtime.leave_nothing()


def _walk_failing(browser: Browser, folder: Path, home: Path) -> None:
    runtime = RuntimeProcess(home, {"LAUNCHER_HEARTBEAT_TIMEOUT": "8"}).start()
    try:
        with Desk(runtime.url, runtime.token) as desk:
            _failing(Stage(desk))
            wait_until(lambda: "alive" not in desk.get("/launchers").text, "the launchers count as lost")
        walk = Walk(browser, folder, runtime)
        walk.photograph("lost", FAILING, lambda: None)
        pages = [(look, walk.open(theme, width, height)) for look, theme, width, height in LOOKS]
        runtime.stop()
        for look, page in pages:
            expect(page.get_by_role("alert").first).to_be_visible(timeout=20_000)
            for place in (*PLACES, "sessions/cut-off"):
                page.evaluate("route => void (location.hash = `#/${route}`)", place)
                page.wait_for_timeout(900)
                walk.take(page, f"down-{_plain(place)}-{look}")
    finally:
        runtime.leave_nothing()


if __name__ == "__main__":
    main(sys.argv[1])
