"""The form for a new session: what it proposes can run, what a person typed stays, and leaving it stays on the page."""

import re

import pytest
from playwright.sync_api import expect

from browser.conftest import OpenPage
from browser.stage import Stage
from support.desk import Desk, Json, fresh, items, part, read


@pytest.fixture(autouse=True)
def only_programs(stage: Stage) -> None:
    """A launcher that runs programs, and no other agent."""
    agents = items(read(stage.desk.get("/agents"))["agents"])
    missing: list[Json] = [
        {"client": client} for client in sorted({str(one["client"]) for one in agents if one["client"]})
    ]
    stage.launcher(fresh(), clients=missing)


def test_the_form_proposes_what_can_run_and_keeps_what_was_typed(open_page: OpenPage, desk: Desk) -> None:
    taken = fresh()
    desk.start(taken, labels={"nobody": "has"})
    page = open_page("#/new", refused=True)
    dialog = page.get_by_role("dialog", name="New session")
    agent, name = dialog.get_by_label("Agent"), dialog.get_by_label("Name")
    expect(agent.locator("option[value=claude]")).to_have_text("claude (no launcher for it)")
    expect(agent).not_to_have_value("claude")
    expect(name).not_to_have_value("")

    agent.select_option("echo")
    expect(name).to_have_value(re.compile("echo-"))
    name.fill(taken)
    agent.select_option("claude")
    agent.select_option("echo")
    expect(name).to_have_value(taken)
    dialog.get_by_label("Prompt").fill("x")
    dialog.get_by_role("button", name="Start").click()
    expect(dialog.get_by_role("alert")).to_contain_text("exists already")
    name.fill(fresh())
    expect(dialog.get_by_role("alert")).to_have_count(0)

    dialog.get_by_role("button", name="Cancel").click()

    expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()
    expect(dialog).to_have_count(0)


def test_a_session_is_started_again_with_changes(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "Paint it\nblue", project_dir="/srv/shed", timeout_seconds=60).end("done")
    page = open_page(f"#/sessions/{name}", refused=True)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Start again with changes").click()
    dialog = page.get_by_role("dialog", name="New session")

    expect(dialog.get_by_label("Prompt")).to_have_value("Paint it\nblue")
    expect(dialog.get_by_label("Project folder")).to_have_value("/srv/shed")
    expect(dialog.get_by_label("Agent")).to_have_value("echo")
    expect(dialog.get_by_label("Time limit")).to_have_value("60")
    dialog.get_by_label("Prompt").fill("Paint it red")
    dialog.get_by_label("Time limit").fill("soon")
    expect(dialog).to_contain_text("A time from a second to a year")
    dialog.get_by_label("Time limit").fill("1h 30m")
    dialog.get_by_label("Project folder").fill("~/shed")
    dialog.get_by_label("Not before").fill("2027-01-31T03:00")
    dialog.get_by_label("Longest wait").fill("400d")
    expect(dialog).to_contain_text("A time from a second to a year")
    dialog.get_by_label("Longest wait").fill("8h")
    dialog.get_by_label("Priority").fill("-3")
    dialog.get_by_label("Proved by").fill("make test")
    dialog.get_by_label("Retries").fill("agnet=1")
    dialog.get_by_role("button", name="Start").click()
    expect(dialog.get_by_role("alert")).to_contain_text("agent")
    dialog.get_by_label("Retries").fill("agent=1, quota=until_reset")
    made = dialog.get_by_label("Name").input_value()
    dialog.get_by_role("button", name="Start").click()

    expect(page.get_by_role("heading", name=made)).to_be_visible()
    (job,) = items(read(stage.desk.get("/jobs", session=made))["jobs"])
    assert (job["status"], job["timeout_seconds"], job["project_dir"]) == ("pending", 5400, "~/shed")
    retries = part(job["retries"])
    assert (job["priority"], job["reason"], retries["agent"], retries["quota"]) == (-3, "not_before", 1, "until_reset")
    assert job["not_before"] is not None
    assert job["queue_expires_at"] is not None
    whole = read(stage.desk.get(f"/jobs/{job['job_id']}"))
    assert part(whole["verify"])["command"] == ["sh", "-c", "make test"]
    page.goto(page.url.split("#")[0] + f"#/sessions/{made}/jobs/{job['job_id']}")
    expect(page.locator(".job-facts")).to_contain_text("1h 30m")
    page.goto(page.url.split("#")[0] + "#/new")
    expect(page.locator('#recent-dirs option[value="~/shed"]')).to_be_attached()
