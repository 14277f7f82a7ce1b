"""Makes the pictures of the README: `python tests/browser/screenshots.py` writes them to docs/pictures/."""

import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from browser.scene import set_the_scene  # noqa: E402
from browser.stage import Stage  # noqa: E402
from support.chromium import LAUNCH_FLAGS, ensure_chromium  # noqa: E402
from support.desk import Desk  # noqa: E402
from support.runtime_process import RuntimeProcess  # noqa: E402

PICTURES = TESTS.parent / "docs" / "pictures"
WIDE, PHONE = (1360, 850), (390, 800)
# Runs in the page: true when nothing has arrived for a while.
QUIET = """() => {
    const ends = performance.getEntriesByType("resource").map((one) => one.responseEnd);
    return performance.now() - Math.max(0, ...ends) > 700;
}"""
SHOTS = (
    ("sessions", "#/sessions", "light", WIDE),
    ("sessions-dark", "#/sessions", "dark", WIDE),
    ("sessions-phone", "#/sessions", "dark", PHONE),
    ("conversation", "#/sessions/fix-flaky-upload", "light", WIDE),
    ("conversation-dark", "#/sessions/refactor-billing", "dark", WIDE),
    ("conversation-phone", "#/sessions/fix-flaky-upload", "light", PHONE),
    ("tree", "#/sessions/speed-up-ci/tree", "light", WIDE),
    ("overview-dark", "#/overview", "dark", WIDE),
    ("launchers", "#/launchers", "light", WIDE),
)


def main() -> None:
    """Play the scene on a fresh runtime, and photograph it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runtime = RuntimeProcess(Path(folder)).start()
        try:
            with Desk(runtime.url, runtime.token) as desk:
                stage = Stage(desk)
                set_the_scene(stage)
                browser = playwright.chromium.launch(executable_path=ensure_chromium(), args=list(LAUNCH_FLAGS))
                for name, route, theme, size in SHOTS:
                    stage.sign_of_life()
                    photograph(browser, runtime, f"{name}.png", route, theme, size)
                browser.close()
        finally:
            runtime.leave_nothing()


def photograph(
    browser: Browser, runtime: RuntimeProcess, name: str, route: str, theme: str, size: tuple[int, int]
) -> None:
    """Write one picture."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        extra_http_headers={"Authorization": f"Bearer {runtime.token}"},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{runtime.url}/{route}")
    settle(page)
    page.screenshot(path=PICTURES / name)
    context.close()
    print(PICTURES / name)  # noqa: T201 - says what was made


def settle(page: Page) -> None:
    """Wait until the view is there and nothing is on its way."""
    expect(page.locator("#main :is(h1, h2)").first).to_be_visible()
    page.wait_for_function(QUIET)


if __name__ == "__main__":
    main()
