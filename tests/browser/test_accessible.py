"""Everybody can use it: axe finds nothing, in both themes; nothing is cut off on a phone; themes can be chosen."""

from importlib.resources import files
from typing import cast

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import OpenPage
from browser.scene import set_the_scene
from browser.stage import Stage
from support.desk import Desk, JsonObject
from support.runtime_process import RuntimeProcess

ROUTES = (
    "#/sessions",
    "#/sessions/fix-flaky-upload",
    "#/sessions/refactor-billing",
    "#/sessions/nightly-audit",
    "#/sessions/speed-up-ci/tree",
    "#/sessions/speed-up-ci/events",
    "#/sessions/speed-up-ci/details",
    "#/new",
    "#/queue",
    "#/launchers",
    "#/agents",
    "#/agents/claude",
    "#/overview",
    "#/nowhere",
)
PHONE = 390
# Runs in the page: whether something is cut or must be pushed aside to be seen; a graph may.
WIDER_THAN_THE_PAGE = """() => [document.documentElement, ...document.querySelectorAll(".scroll:not(.tree-page)")]
    .some((box) => box.scrollWidth > box.clientWidth)"""


@pytest.fixture(scope="module", autouse=True)
def scene(runtime: RuntimeProcess) -> None:
    """An afternoon with something of everything."""
    with Desk(runtime.url, runtime.token) as desk:
        set_the_scene(Stage(desk))


def complaints(page: Page) -> list[str]:
    """What axe has to say of the page as it is shown."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = cast("JsonObject", page.evaluate("axe.run({ resultTypes: ['violations'] })"))
    violations = cast("list[JsonObject]", found["violations"])
    return [
        f"{one['id']}: {[node['html'] for node in cast('list[JsonObject]', one['nodes'])][:3]}" for one in violations
    ]


def visit(page: Page, route: str) -> None:
    """Go to a view, and wait until it is there."""
    page.goto(page.url.split("#")[0] + route)
    expect(page.locator("#main :is(h1, h2)").first).to_be_visible()
    expect(page.locator(".link-state")).to_have_text("Live")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(open_page: OpenPage, theme: str) -> None:
    page = open_page(theme=theme)

    found = {}
    for route in ROUTES:
        visit(page, route)
        found[route] = complaints(page)

    assert {route: said for route, said in found.items() if said} == {}


def test_axe_finds_nothing_in_the_opened_parts(open_page: OpenPage) -> None:
    page = open_page("#/sessions/fix-flaky-upload")
    expect(page.locator(".tool-line")).to_have_count(4)
    for tool in page.locator(".tool-line").all():
        tool.click()
    assert complaints(page) == []
    page.locator(".side").get_by_role("link", name="Completed").click()
    expect(page.get_by_role("log")).to_contain_text("200 passed")
    assert complaints(page) == []
    page.get_by_role("button", name="More").click()
    assert complaints(page) == []
    page.get_by_role("button", name="Delete").click()

    assert complaints(page) == []


def test_nothing_is_wider_than_a_phone(open_page: OpenPage) -> None:
    page = open_page(width=PHONE)

    wide = []
    for route in ROUTES:
        page.goto(page.url.split("#")[0] + route)
        expect(page.locator("#main :is(h1, h2)").first).to_be_visible()
        if page.evaluate(WIDER_THAN_THE_PAGE):
            wide.append(route)

    assert wide == []


def test_the_theme_follows_the_system_until_one_is_chosen(open_page: OpenPage) -> None:
    page = open_page(theme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)

    page.get_by_role("button", name="Light colours").click()
    assert page.evaluate(ground) == "rgb(255, 255, 255)" != dark
    page.reload()

    assert page.evaluate(ground) == "rgb(255, 255, 255)"


def test_a_dialog_takes_the_focus_and_gives_it_back(open_page: OpenPage) -> None:
    page = open_page("#/sessions/fix-flaky-upload")
    button = page.get_by_role("button", name="More")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()

    page.keyboard.press("Escape")

    expect(button).to_be_focused()
