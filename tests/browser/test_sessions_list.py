"""The list of sessions: live, searched, filtered, as a tree, with the keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from browser.test_accessible import complaints
from support.desk import Desk, JsonObject, fresh, read
from support.runtime_process import RuntimeProcess


def test_a_new_session_appears_and_changes_without_a_reload(page: Page, stage: Stage) -> None:
    name = fresh()
    expect(page.locator(".link-state")).to_have_text("Live")

    play = stage.play(name, "say something")
    expect(page.locator(f'[data-session="{name}"] [data-status="running"]')).to_be_visible()
    play.begin().end("All is done", cost=0.5, tokens=100)

    expect(page.locator(f'[data-session="{name}"] [data-status="finished"]')).to_be_visible()
    expect(page.locator(f'[data-session="{name}"]')).to_contain_text("All is done")
    expect(page.locator(f'[data-session="{name}"]')).to_contain_text("$0.50")


def test_a_running_status_shows_how_old_its_evidence_is(page: Page, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "work")

    expect(page.locator(f'[data-session="{name}"] .status .age')).to_contain_text("seen")


def test_a_row_says_why_it_stands_still_or_what_came_last(page: Page, stage: Stage, desk: Desk) -> None:
    failed, asks, done, works, waits, held = (f"row-{number}-{fresh()}" for number in range(6))
    stage.play(failed, "x").fail("backend_auth", "Not logged in · Please run /login\nmore")
    stage.play(asks, "x").begin().tell({"type": "result", "data": {"text": "Which colour?", "waiting_input": True}})
    stage.play(done, "x").begin().end("I looked at all of it.\n\nThree files were **changed**.")
    stage.play(works, "Paint the shed\nand more")
    desk.start(waits, labels={"gpu": "yes"})
    read(desk.post(f"/jobs/{desk.start(held)['job_id']}/hold"))

    for name, words, status in (
        (failed, "Not logged in · Please run /login", "Failed"),
        (asks, "Which colour?", "Needs input"),
        (done, "Three files were changed.", "Finished"),
        (works, "Paint the shed", "Running"),
        (waits, "labelled gpu=yes (start one that is)", "Queued"),
        (held, "until somebody lifts the hold", "Held"),
    ):
        row = page.locator(f'[data-session="{name}"]')
        expect(row.locator(".words")).to_contain_text(words)
        expect(row.locator(".status")).to_contain_text(status)


def test_search_and_filters_narrow_the_list_and_stand_in_the_address(page: Page, stage: Stage) -> None:
    stage.play("needle-in-hay", "x").end("found")
    stage.play("plain-straw", "x").fail("nonzero_exit", "no")
    expect(page.locator('[data-session="plain-straw"]')).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("needle")
    expect(page.locator('[data-session="plain-straw"]')).to_have_count(0)
    expect(page.locator('[data-session="needle-in-hay"]')).to_be_visible()
    assert "q=needle" in page.url
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^Failed")).click()

    expect(page.locator('[data-session="needle-in-hay"]')).to_have_count(0)
    expect(page.locator('[data-session="plain-straw"]')).to_be_visible()
    assert "status=failed" in page.url


def test_what_needs_a_person_stands_first_and_each_filter_says_how_many_it_finds(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    root = fresh()
    top = stage.play(root, "x").begin()
    top.end("done")
    held, failed, asks, works = (fresh() for _ in range(4))
    question: JsonObject = {"type": "result", "data": {"text": "Which?", "waiting_input": True}}
    stage.play(asks, "x", parent_session_name=root).begin().tell(question)
    stage.play(failed, "x", parent_session_name=root).fail("nonzero_exit", "no")
    read(desk.post(f"/jobs/{desk.start(held, parent_session_name=root)['job_id']}/hold"))
    works_on = stage.play(works, "x", parent_session_name=root)
    read(desk.post("/jobs", {"type": "resume_session", "session_name": works, "prompt": "then"}), 201)

    page = open_page(f"#/sessions?tree={top.job['session_id']}&status=needs_me")
    rows = page.locator("[data-session]")
    expect(rows).to_have_count(3)
    assert [row.get_attribute("data-session") for row in rows.all()] == [asks, failed, held]
    for words in ("All 5", "Active 3", "Failed 1", "At rest 2"):
        expect(page.get_by_role("button", name=words, exact=True)).to_be_visible()
    works_on.fail("nonzero_exit", "no")
    expect(page.get_by_role("button", name="Failed 1", exact=True)).to_be_visible()


def test_who_gives_no_sign_of_life_needs_a_person_and_says_what_it_is_at_until_it_goes_on(
    open_page: OpenPage, stage: Stage
) -> None:
    name = fresh()
    play = stage.play(name, "x").begin()
    page = open_page(f"#/sessions?tree={play.job['session_id']}&status=needs_me")
    row = page.locator(f'[data-session="{name}"]')
    why = page.get_by_role("region", name="Why")
    expect(page.get_by_role("button", name="All 1", exact=True)).to_be_visible()
    expect(row).to_have_count(0)

    play.tell({"type": "session.stalled", "data": {"detail": "its tool 'Bash' runs, and there was nothing for 900 s"}})
    expect(row).to_contain_text("Stalled")
    expect(row).to_contain_text("its tool 'Bash' runs")
    assert complaints(page) == []
    row.get_by_role("link", name=name).click()
    expect(why).to_contain_text("Gives no sign of life")
    expect(why).to_contain_text("stop it if that is wrong")
    assert complaints(page) == []
    play.tell({"type": "session.stirred", "data": {"detail": "goes on, after 901 seconds without a sign of life"}})

    expect(why).to_have_count(0)
    expect(page.get_by_text("Goes on, after 901 seconds")).to_be_visible()
    expect(page.locator(".session-bar [data-status='running']")).to_contain_text("Running")
    play.end("done")


def test_several_sessions_are_retried_held_stopped_and_deleted_at_once(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    root, failed, works, waits, stays = (fresh() for _ in range(5))
    top = stage.play(root, "x").begin()
    top.end("done")
    stage.play(failed, "x", parent_session_name=root).fail("nonzero_exit", "no")
    play = stage.play(works, "x", parent_session_name=root)
    for name in (waits, stays):
        desk.start(name, parent_session_name=root, labels={"nobody": "has"})
    # What has just ended is still being read when it is deleted, and then not found.
    page = open_page(f"#/sessions?tree={top.job['session_id']}", refused=True)
    bar = page.get_by_role("group", name="Selected sessions")
    for name in (failed, works, waits):
        page.get_by_label(f"Select {name}").check()

    expect(bar).to_contain_text("3 selected")
    bar.get_by_role("button", name="Retry 1").click()
    expect(page.locator(".toast", has_text="1 of 1 queued again")).to_be_visible()
    expect(page.locator(f'[data-session="{failed}"] [data-status="pending"]')).to_be_visible()
    expect(bar).to_have_count(0)
    for name in (works, waits):
        page.get_by_label(f"Select {name}").check()
    bar.get_by_role("button", name="Stop 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop 2 sessions").click()
    toast = page.locator(".toast", has_text="2 of 2 asked to stop")
    toast.get_by_role("button", name="Put back what waited").click()
    play.stopped()
    expect(page.locator(f'[data-session="{waits}"] [data-status="pending"]')).to_be_visible()
    page.locator(f'[data-session="{works}"] [data-row]').focus()
    page.keyboard.press("x")
    bar.get_by_role("button", name="Delete 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1 session").click()

    expect(page.locator(f'[data-session="{works}"]')).to_have_count(0)
    expect(page.locator(f'[data-session="{stays}"]')).to_be_visible()
    desk.stop_what_waits()


def test_the_filters_of_agent_launcher_and_tree_can_be_linked_to(open_page: OpenPage, stage: Stage) -> None:
    elsewhere = stage.launcher("elsewhere")
    stage.play("tree-root", "x", on="elsewhere")
    stage.play("tree-leaf", "x", on="elsewhere", parent_session_name="tree-root")
    stage.play("tree-stranger", "x")

    page = open_page(f"#/sessions?launcher={elsewhere}")
    expect(page.locator('[data-session="tree-leaf"]')).to_be_visible()
    expect(page.locator('[data-session="tree-stranger"]')).to_have_count(0)
    page.get_by_label("Agent", exact=True).select_option("echo")
    expect(page.locator('[data-session="tree-root"]')).to_be_visible()


def test_children_stand_below_their_parent_and_can_be_folded(page: Page, stage: Stage) -> None:
    stage.play("a-parent", "x")
    stage.play("a-child", "x", parent_session_name="a-parent")
    expect(page.locator('[data-session="a-child"] .elbow')).to_be_visible()

    page.locator('[data-session="a-parent"] .fold').click()
    expect(page.locator('[data-session="a-child"]')).to_have_count(0)
    page.locator('[data-session="a-parent"] .fold').click()

    expect(page.locator('[data-session="a-child"]')).to_be_visible()


def test_the_keyboard_walks_through_the_rows_and_opens_one(page: Page, desk: Desk) -> None:
    names = [fresh() for _ in range(2)]
    for name in names:
        desk.start(name)
    for name in names:
        # Each comes with a read of its own, in either order.
        expect(page.locator(f'[data-session="{name}"]')).to_be_visible()

    page.keyboard.press("j")
    expect(page.locator(f'[data-session="{names[1]}"] [data-row]')).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator(f'[data-session="{names[0]}"] [data-row]')).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=names[1])).to_be_visible()


def test_the_keys_are_explained_on_a_page_of_their_own(page: Page) -> None:
    expect(page.locator(".link-state")).to_have_text("Live")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()

    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("q")

    expect(page.get_by_role("heading", name="Queue", exact=True)).to_be_visible()


CROWD = 250


@pytest.fixture(scope="module")
def crowd(runtime: RuntimeProcess) -> None:
    """Very many sessions, all of which wait."""
    with Desk(runtime.url, runtime.token) as desk:
        for number in range(CROWD):
            desk.start(f"crowd-{number:04}")


@pytest.mark.usefixtures("crowd")
def test_very_many_sessions_are_listed_and_only_those_in_sight_are_drawn(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^All")).click()
    expect(page.locator(f'[data-session="crowd-{CROWD - 1:04}"]')).to_be_visible()
    assert page.locator("[data-session]").count() < 80
    page.locator(".vl").focus()
    page.wait_for_function("""() => {
        const list = document.querySelector(".vl");
        list.scrollTop = list.scrollHeight;
        return document.querySelector('[data-session="crowd-0000"]');
    }""")


@pytest.mark.usefixtures("crowd")
def test_who_comes_back_to_the_list_finds_the_place_and_the_row(page: Page) -> None:
    row = page.locator('[data-session="crowd-0030"]')
    expect(page.locator(".vl")).to_be_visible()
    page.wait_for_function("""() => {
        const list = document.querySelector(".vl");
        if (document.querySelector('[data-session="crowd-0030"]')) return true;
        list.scrollTop += 900;
        return false;
    }""")
    row.scroll_into_view_if_needed()
    before = row.bounding_box()
    row.locator("[data-row]").click()
    expect(page.get_by_role("heading", name="crowd-0030")).to_be_visible()

    page.go_back()

    expect(row.locator("[data-row]")).to_be_focused()
    after = row.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 45
    page.get_by_role("button", name=re.compile("^Active")).click()
    expect(page).to_have_url(re.compile("status=active"))
    page.locator("[data-row]").first.click()
    page.get_by_role("link", name="All sessions").click()
    expect(page.get_by_role("button", name=re.compile("^Active"))).to_have_attribute("aria-pressed", "true")


@pytest.mark.usefixtures("crowd")
def test_the_queue_shows_what_runs_next_and_counts_what_stands_behind_it(open_page: OpenPage, desk: Desk) -> None:
    urgent, first, second = (fresh() for _ in range(3))
    page = open_page("#/queue")
    rows = page.locator("[data-job]")
    expect(rows).to_have_count(200)
    for name, priority in ((first, 50), (second, 50), (urgent, 60)):
        desk.start(name, priority=priority)

    waiting = read(desk.get("/jobs", order="run", limit=1))["waiting"]

    expect(page.locator("[data-count]")).to_have_text(f"200 of {waiting} waiting")
    expect(page.locator(".nav .item", has_text="Queue").locator(".count")).to_have_text(f"{waiting}")
    for place, name in enumerate((urgent, first, second)):
        expect(rows.nth(place)).to_contain_text(name)
    expect(page.get_by_text("more stand behind these 200")).to_be_visible()
