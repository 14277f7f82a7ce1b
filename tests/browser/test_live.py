"""The stream: resumed after a restart of the runtime, without gaps and without doubles; and getting in at all."""

import resource

from playwright.sync_api import expect

from browser.conftest import OpenPage
from browser.stage import Stage
from support.desk import Desk, fresh
from support.runtime_process import ONE_PAGE, RuntimeProcess, limit_files


def test_the_page_goes_on_after_a_restart_without_gaps_or_doubles(open_page: OpenPage, runtime: RuntimeProcess) -> None:
    name = fresh()
    with Desk(runtime.url, runtime.token) as desk:
        play = Stage(desk).play(name, "count").begin().say("one")
    page = open_page(f"#/sessions/{name}", refused=True)
    said = page.locator('[data-kind="agent"]')
    expect(said).to_have_count(1)

    runtime.stop()
    expect(page.locator(".banner")).to_contain_text("does not answer")
    expect(page.locator(".link-state")).to_have_text("No connection")
    runtime.start()
    with Desk(runtime.url, runtime.token) as desk:
        play.desk = desk
        play.say("two").say("three")

    expect(said.last).to_contain_text("three")
    expect(page.locator(".link-state")).to_have_text("Live")
    assert said.locator(".markdown").all_inner_texts() == ["one", "two", "three"]


def test_a_page_that_was_hidden_while_it_tried_again_is_live_when_it_is_shown(
    open_page: OpenPage, runtime: RuntimeProcess
) -> None:
    name = fresh()
    with Desk(runtime.url, runtime.token) as desk:
        play = Stage(desk).play(name, "count").begin().say("one")
    page = open_page(f"#/sessions/{name}", refused=True)
    page.evaluate("""() => {
        Object.defineProperty(document, "hidden", { get: () => window.isAway });
        window.turn = (isAway) => { window.isAway = isAway; document.dispatchEvent(new Event("visibilitychange")); };
    }""")
    runtime.stop()
    expect(page.locator(".link-state")).to_have_text("No connection")

    page.evaluate("turn(true)")
    runtime.start()
    page.evaluate("turn(false)")
    with Desk(runtime.url, runtime.token) as desk:
        play.desk = desk
        play.say("two")

    expect(page.locator('[data-kind="agent"]').last).to_contain_text("two")
    expect(page.locator(".link-state")).to_have_text("Live")


def test_what_could_not_be_read_is_read_once_the_runtime_is_back(open_page: OpenPage, runtime: RuntimeProcess) -> None:
    name, other = fresh(), fresh()
    with Desk(runtime.url, runtime.token) as desk:
        Stage(desk).play(name, "x").begin().say("said before")
        desk.start(other)
    page = open_page(f"#/sessions/{other}", refused=True)
    expect(page.get_by_role("heading", name=other)).to_be_visible()
    page.get_by_role("link", name="Sessions").first.click()
    expect(page.locator(f'[data-session="{name}"]')).to_be_visible()
    runtime.stop()
    page.evaluate("name => void (location.hash = `#/sessions/${name}`)", name)
    expect(page.locator(".line-box").get_by_role("alert")).to_contain_text("does not answer")

    runtime.start()

    expect(page.locator('[data-kind="agent"]')).to_contain_text("said before")
    expect(page.locator(".side").get_by_role("link", name="Running")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_view_that_was_never_opened_says_what_cannot_be_read_and_fills_itself(
    open_page: OpenPage, runtime: RuntimeProcess
) -> None:
    name = fresh()
    with Desk(runtime.url, runtime.token) as desk:
        desk.start(name)
    page = open_page(refused=True)
    expect(page.locator(f'[data-session="{name}"]')).to_be_visible()
    runtime.stop()
    expect(page.locator(".banner")).to_contain_text("nothing has been heard of it for")
    page.locator(".nav").get_by_role("link", name="Queue").click()
    expect(page.get_by_role("heading", name="Queue cannot be read")).to_be_visible()
    expect(page.locator("[data-unread]")).to_contain_text("has not answered for")
    expect(page.locator("[data-unread] .command")).to_contain_text("agent-runtime")

    runtime.start()

    expect(page.locator("[data-job]", has_text=name)).to_be_visible()
    expect(page.locator("[data-unread]")).to_have_count(0)


def test_a_page_that_was_away_reads_what_it_missed(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    play = stage.play(name, "count").begin()
    page = open_page(f"#/sessions/{name}", refused=True)
    expect(page.locator('[data-kind="user"]')).to_be_visible()

    page.context.set_offline(True)
    for number in range(20):
        play.say(f"number {number}")
    page.context.set_offline(False)

    expect(page.locator('[data-kind="agent"]').last).to_contain_text("number 19")
    texts = page.locator('[data-kind="agent"] .markdown').all_inner_texts()
    assert texts == [f"number {number}" for number in range(20)]


def test_a_stranger_is_told_how_to_get_in(open_page: OpenPage) -> None:
    page = open_page(known=False)

    expect(page.get_by_role("heading", name="This browser is not let in yet")).to_be_visible()
    expect(page.locator(".command")).to_contain_text("commands/ao login")


def test_news_is_told_only_to_those_who_asked_for_it(open_page: OpenPage, stage: Stage) -> None:
    page = open_page()
    page.context.grant_permissions(["notifications"])
    page.reload()
    bell = page.get_by_role("button", name="Notifications")
    expect(bell).to_have_attribute("aria-pressed", "false")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    page.evaluate("""() => {
        window.told = [];
        window.Notification = class { constructor(title) { window.told.push(title); } static permission = "granted"; };
        Object.defineProperty(document, "hidden", { get: () => true });
    }""")
    name = fresh()
    play = stage.play(name, "x")
    expect(page.locator(f'[data-session="{name}"]')).to_have_count(1)

    play.end("done")

    page.wait_for_function("name => window.told.includes(`${name} has finished`)", arg=name)


def test_a_database_that_cannot_be_written_is_named_above_everything_until_it_can(
    open_page: OpenPage, runtime: RuntimeProcess
) -> None:
    page = open_page("#/sessions", refused=True)
    expect(page.locator(".link-state")).to_have_text("Live")
    limit_files(runtime, ONE_PAGE)
    with Desk(runtime.url, runtime.token) as desk:
        assert desk.post("/launcher/register", {"name": fresh()}).status_code == 503

    expect(page.get_by_role("alert")).to_contain_text("Cannot use the database")

    limit_files(runtime, resource.RLIM_INFINITY)
    expect(page.get_by_role("alert")).to_have_count(0)
