"""No press does the opposite of the one before it, and what was not meant can be taken back."""

import json
from typing import TypeAlias

from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from support.desk import Desk, JsonObject, fresh, items, read
from support.waiting import wait_until

Held: TypeAlias = "tuple[Route, APIResponse]"
SEEN = """() => {
    window.seen = [];
    const look = () => {
        const text = document.querySelector(".session-bar .actions").textContent;
        if (text.includes("Stop")) window.seen.push(text);
    };
    new MutationObserver(look).observe(document.querySelector(".session-bar"), { childList: true, subtree: true });
}"""
NEXT_PICTURE = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def spot(button: Locator) -> tuple[float, float]:
    """Where a person's pointer stays after a press."""
    box = button.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def status(desk: Desk, job_id: object) -> object:
    """Where a job stands."""
    return read(desk.get(f"/jobs/{job_id}"))["status"]


def test_nothing_ever_stands_where_stop_stood(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    name = fresh()
    play = stage.play(name, "x")
    page = open_page(f"#/sessions/{name}")
    stop = page.get_by_role("button", name="Stop", exact=True)
    at = spot(stop)

    page.mouse.dblclick(*at)
    expect(page.get_by_role("button", name="Stopping…")).to_be_visible()
    play.stopped()
    expect(page.locator(".session-bar [data-status='stopped']")).to_be_visible()
    expect(page.get_by_role("region", name="Why")).to_contain_text("Stopped by a person")
    page.mouse.dblclick(*at)

    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('button, a')", at) is None
    assert status(desk, play.job_id) == "stopped"
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".session-bar [data-status='pending']")).to_be_visible()
    page.goto(page.url + f"/jobs/{play.job_id}")
    hold = page.get_by_role("button", name="Hold", exact=True)
    at = spot(hold)
    page.mouse.click(*at)
    expect(page.get_by_role("region", name="Why").get_by_role("button", name="Lift hold")).to_be_visible()
    page.mouse.click(*at)
    assert read(desk.get(f"/jobs/{play.job_id}"))["reason"] == "held"


def test_an_answer_from_before_the_end_does_not_bring_stop_back(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    name = fresh()
    play = stage.play(name, "x")
    page = open_page(f"#/sessions/{name}")
    read_again, late = f"**/sessions/{play.job['session_id']}", list[Held]()

    def hold(route: Route) -> None:
        late.append((route, route.fetch()))

    page.route(read_again, hold, times=1)
    with page.expect_request(read_again):
        page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function("() => document.querySelector('.session-bar').textContent.includes('Stopping')")
    while not late:
        page.evaluate(NEXT_PICTURE)
    play.stopped()
    expect(page.locator(".session-bar [data-status='stopped']")).to_be_visible()
    page.evaluate(SEEN)
    ((route, answer),) = late
    with page.expect_response(read_again):
        route.fulfill(response=answer)
    page.evaluate(NEXT_PICTURE)

    assert json.loads(answer.text())["session"]["status"] == "running"
    assert page.evaluate("() => window.seen") == []


def test_messages_that_a_stop_withdrew_can_be_put_back(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    name = fresh()
    play = stage.play(name, "x")
    later: JsonObject = {"type": "resume_session", "session_name": name, "prompt": "and then rest"}
    waiting = read(desk.post("/jobs", later), 201)
    page = open_page(f"#/sessions/{name}")
    page.get_by_role("button", name="Stop", exact=True).click()
    toast = page.locator(".toast", has_text="withdrawn: “and then rest”")

    toast.get_by_role("button", name="Put back").click()

    wait_until(lambda: status(desk, waiting["job_id"]) == "pending", "it waits again")
    expect(page.get_by_label("Messages that wait")).to_contain_text("and then rest")
    expect(toast).to_have_count(0)
    play.stopped()


def test_what_was_taken_out_of_the_queue_can_be_put_back(open_page: OpenPage, desk: Desk) -> None:
    names = [fresh() for _ in range(2)]
    jobs = [desk.start(name, prompt=f"work of {name}", labels={"nobody": "has"}) for name in names]
    page = open_page("#/queue")
    first = page.locator(f'[data-job="{jobs[0]["job_id"]}"]')
    button = first.get_by_role("button", name=f"Stop {names[0]}")
    expect(button).to_be_visible()

    page.mouse.dblclick(*spot(button))
    expect(first).to_have_count(0)
    expect(page.locator(".toast")).to_have_count(1)
    page.locator(".toast", has_text=f"work of {names[0]}").get_by_role("button", name="Undo").click()

    expect(first).to_be_visible()
    wait_until(lambda: status(desk, jobs[0]["job_id"]) == "pending", "it waits again")
    assert status(desk, jobs[1]["job_id"]) == "pending"


def test_toasts_leave_send_alone(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    name = fresh()
    stage.play(name, "x").end("done")
    page = open_page(f"#/sessions/{name}", width=900)
    page.locator("[data-composer]").fill("one\ntwo\nthree\nfour")
    _start_and_withdraw(page, desk, name)

    expect(page.locator(".toast")).to_be_visible()
    page.get_by_role("button", name="Send").click(trial=True)
    toast, composer = page.locator(".toasts").bounding_box(), page.locator(".composer").bounding_box()
    assert toast is not None
    assert composer is not None
    assert toast["y"] + toast["height"] <= composer["y"]


def _start_and_withdraw(page: Page, desk: Desk, name: str) -> None:
    order: JsonObject = {"type": "resume_session", "session_name": name, "prompt": "no", "labels": {"nobody": "has"}}
    read(desk.post("/jobs", order), 201)
    page.get_by_role("button", name="Withdraw the message").click()
    assert items(read(desk.get("/jobs", session=name))["jobs"])
