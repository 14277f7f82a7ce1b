"""Many sessions are looked through: found by any word of theirs, put together by cause, reached by a few letters."""

import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from browser.test_accessible import complaints
from support.desk import Desk, items, read
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

ALIKE = 9


@pytest.fixture(scope="module", autouse=True)
def afternoon(runtime: RuntimeProcess) -> None:
    """Nine that failed the same way, one that failed in another, and two that came to an end."""
    with Desk(runtime.url, runtime.token) as desk:
        stage = Stage(desk)
        for number in range(ALIKE):
            error = f"cannot reach '/srv/data/{number}': no route to host 10.0.0.{number}"
            stage.play(f"alike-{number}", "copy the archive").fail("nonzero_exit", error)
        stage.play("alone", "paint the shed").fail("backend_auth", "Please run /login")
        stage.play("cheap", "fetch the xylophone", project_dir="/srv/orchestra").begin().end("tuned", cost=0.5)
        stage.play("dear", "fetch the bassoon").begin().end("it needs a contrabass reed", cost=7.0)
        wait_until(lambda: items(read(desk.get("/sessions", q="contrabass"))["sessions"]), "the index has caught up")


def names(page: Page) -> list[str | None]:
    """The sessions that the list shows, from the top."""
    return [row.get_attribute("data-session") for row in page.locator("[data-session]").all()]


def test_a_session_is_found_by_a_word_of_its_prompt_its_error_its_result_or_its_folder(open_page: OpenPage) -> None:
    page = open_page("#/sessions")
    rows = page.locator("[data-session]")
    search = page.get_by_label("Search sessions")
    for words, name in (
        ("xylo", "cheap"),
        ("contrabass reed", "dear"),
        ("orchestra", "cheap"),
        ("run /login", "alone"),
    ):
        search.fill(words)
        expect(rows).to_have_count(1)
        expect(page.locator(f'[data-session="{name}"]')).to_be_visible()
        expect(page.get_by_role("button", name="All 1", exact=True)).to_be_visible()
    search.fill("no such words")
    expect(page.get_by_text("No session fits")).to_be_visible()


@pytest.mark.parametrize(("width", "theme"), [(1440, "light"), (900, "dark"), (390, "light")])
def test_those_that_failed_the_same_way_stand_under_one_cause_and_are_retried_together(
    open_page: OpenPage, width: int, theme: str
) -> None:
    page = open_page("#/sessions?status=failed", width=width, theme=theme)
    page.get_by_label("Order", exact=True).select_option("cause")
    groups = page.locator("[data-group]")
    expect(groups).to_have_count(2)
    assert "order=cause" in page.url
    first = groups.first
    expect(first).to_contain_text(f"{ALIKE} failed")
    expect(first).to_contain_text("no route to host")
    expect(page.locator("[data-session]")).to_have_count(1)
    first.locator(".fold").click()
    expect(page.locator("[data-session]")).to_have_count(ALIKE + 1)
    first.get_by_label(f"Select these {ALIKE}").check()
    bar = page.get_by_role("group", name="Selected sessions")
    expect(bar.get_by_role("button", name=f"Retry {ALIKE}")).to_be_visible()
    assert complaints(page) == []
    bar.get_by_role("button", name="Clear").click()
    page.get_by_label("Order", exact=True).select_option("cost")
    page.get_by_role("button", name=re.compile("^All")).click()
    expect(page.locator("[data-session]").first).to_have_attribute("data-session", "dear")
    assert names(page)[:2] == ["dear", "cheap"]


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (390, "light")])
def test_a_few_letters_lead_anywhere_and_a_filtered_list_can_be_kept(
    open_page: OpenPage, width: int, theme: str
) -> None:
    page = open_page("#/sessions?status=failed&order=cause", width=width, theme=theme)
    expect(page.locator("[data-group]").first).to_be_visible()
    field = page.get_by_role("combobox", name="Go to, or do")
    entry = page.get_by_role("listbox", name="What fits").get_by_role("option")

    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    assert complaints(page) == []
    page.keyboard.type("keep this")
    expect(entry).to_contain_text("Keep this view: failed, group by cause")
    page.keyboard.press("Enter")
    expect(field).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type("contrabass")
    expect(entry.first.locator("b")).to_have_text("dear")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="dear")).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("failed, group")
    expect(entry.first).to_contain_text("Kept view")
    page.keyboard.press("Enter")
    expect(page.locator("[data-group]")).to_have_count(2)
    page.keyboard.press("Control+k")
    expect(field).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(entry.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
