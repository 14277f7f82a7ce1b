"""The queue, the launchers, the agents and the pictures; and what each says when there is nothing."""

import json
import re
from datetime import datetime
from typing import cast

import pytest
from playwright.sync_api import Route, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from browser.test_accessible import PHONE, WIDER_THAN_THE_PAGE, complaints
from support.desk import Desk, Json, JsonObject, fresh, items, read, text


def test_an_empty_runtime_says_the_next_command_everywhere(open_page: OpenPage) -> None:
    page = open_page(width=390)
    expect(page.get_by_text("No sessions yet")).to_be_visible()
    expect(page.locator(".command").first).to_contain_text("agent-launcher --runtime-url http://127.0.0.1")
    expect(page.locator(".command").last).to_contain_text("commands/ao start hello ")
    for place, words in (
        ("queue", "Nothing waits"),
        ("launchers", "No launcher is here"),
        ("overview", "Nothing to draw yet"),
    ):
        page.goto(page.url.split("#")[0] + f"#/{place}")
        expect(page.get_by_text(words)).to_be_visible()
        assert page.locator("#main .scroll").evaluate("box => box.scrollWidth <= box.clientWidth"), place


def test_the_queue_says_why_each_job_waits(open_page: OpenPage, desk: Desk) -> None:
    name = fresh()
    page = open_page("#/queue")
    made = desk.start(name, labels={"gpu": "yes"})

    row = page.locator(f'[data-job="{made["job_id"]}"]')
    expect(row).to_contain_text("gpu=yes")
    expect(page.get_by_role("heading", name="No launcher is alive")).to_be_visible()
    row.get_by_role("button", name=f"Stop {name}").click()

    expect(row).to_have_count(0)


def test_a_job_that_waits_is_held_and_let_go_in_the_queue_and_on_its_own_page(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    name = fresh()
    job_id = text(desk.start(name)["job_id"])
    page = open_page("#/queue")
    row = page.locator(f'[data-job="{job_id}"]')

    row.get_by_role("button", name=f"Hold {name}").click()
    expect(page.locator('[data-reason="held"]').locator(f'[data-job="{job_id}"]')).to_be_visible()
    page.goto(page.url.split("#")[0] + f"#/sessions/{name}/jobs/{job_id}")
    expect(page.locator(".job-about")).to_contain_text("Held")
    page.get_by_role("button", name="Lift hold").click()

    expect(page.get_by_role("button", name="Hold", exact=True)).to_be_visible()
    assert read(desk.get(f"/jobs/{job_id}"))["reason"] == "no_launcher"
    page.goto(page.url.split("#")[0] + f"#/sessions/{name}")
    expect(page.get_by_text("The hold was lifted")).to_be_visible()
    expect(page.get_by_role("region", name="Why")).to_contain_text("It has no place in the line until then")
    full, next_one = fresh(), fresh()
    stage.launcher(full, max_jobs=1)
    stage.play(full, "x", on=full)
    for waiting in (fresh(), next_one):
        desk.start(waiting, launcher_id=stage.launchers[full])
    page.goto(page.url.split("#")[0] + f"#/sessions/{next_one}")
    expect(page.get_by_role("region", name="Why")).to_contain_text(re.compile(r"(\d+)\w\w of \1 in the line"))
    expect(page.get_by_role("region", name="Why")).to_contain_text("All slots are taken")


def held_until(desk: Desk) -> datetime:
    (hold,) = cast("list[dict[str, str]]", read(desk.get("/holds"))["holds"])
    return datetime.fromisoformat(hold["until"])


def test_an_account_whose_limit_is_used_up_is_shown_in_the_queue_and_let_go(open_page: OpenPage, desk: Desk) -> None:
    name = desk.use_up_limit("limited")

    page = open_page("#/queue")
    line = page.locator("[data-hold]")
    expect(line).to_contain_text("Held: claude's 5-hour limit on account 'host limited' until ")
    expect(page.locator('[data-reason="quota_held"]')).to_contain_text(name)
    held, told = held_until(desk), line.text_content()
    line.get_by_role("button", name="Hold account host limited an hour longer").click()
    expect(line).not_to_have_text(str(told))
    assert (held_until(desk) - held).total_seconds() == pytest.approx(3600, abs=1)
    line.get_by_role("button", name="Lift the hold of account host limited").click()

    expect(line).to_have_count(0)
    expect(page.locator('[data-reason="quota_held"]')).to_have_count(0)


def test_a_launcher_shows_up_is_drained_resumed_and_removed(open_page: OpenPage, stage: Stage) -> None:
    page = open_page("#/launchers")
    stage.launcher("shed", max_jobs=3, labels={"os": "linux"})
    stage.play(fresh(), "x", on="shed")
    card = page.locator('[data-launcher="shed"]')
    expect(card).to_contain_text("1 of 3 slots in use")
    expect(card).to_contain_text("os=linux")
    expect(card.locator(".status .age")).to_contain_text("seen")

    card.get_by_role("button", name="Drain").click()
    expect(card.locator("[data-status='draining']")).to_be_visible()
    card.get_by_role("button", name="Resume").click()
    expect(card.locator("[data-status='alive']")).to_be_visible()
    card.get_by_role("button", name="Remove shed").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()

    expect(card).to_have_count(0)


def test_a_launcher_says_which_clients_it_has_and_the_form_which_agents_can_run(
    open_page: OpenPage, desk: Desk
) -> None:
    program: JsonObject = {"program": "/opt/bin/codex", "version": "0.61.0", "is_signed_in": False}
    clients: list[Json] = [
        {"client": "codex", **program},
        {"client": "acp opencode", "program": "/usr/bin/opencode"},
        {"client": "claude"},
    ]
    told: JsonObject = {"name": "loft", "hostname": "loft", "clients": clients}
    launcher = text(read(desk.post("/launcher/register", told))["launcher_id"])
    page = open_page("#/launchers", width=390)
    card = page.locator('[data-launcher="loft"]')
    fact = card.locator("dl > div").filter(has_text="Can run")
    expect(fact.locator("dd > div")).to_have_text(["codex 0.61.0, not signed in", "opencode"])
    assert card.evaluate("card => card.scrollWidth <= card.clientWidth")
    assert complaints(page) == []

    for other in desk.get("/launchers").json()["launchers"]:
        if other["launcher_id"] != launcher:
            desk.http.delete(f"/launchers/{other['launcher_id']}")
    page.goto(page.url.split("#")[0] + "#/new")
    agents = page.get_by_role("dialog", name="New session").get_by_label("Agent")
    expect(agents.get_by_role("option", name="codex (no launcher for it)")).to_be_attached()
    expect(agents.get_by_role("option", name="echo", exact=True)).to_be_attached()
    agents.select_option("claude")
    expect(page.get_by_text("No launcher has claude: on loft it is not installed.")).to_be_visible()
    agents.select_option("codex")
    expect(page.get_by_text("No launcher has codex: on loft it is not signed in.")).to_be_visible()
    desk.post(
        "/launcher/heartbeat",
        {"launcher_id": launcher, "clients": [{"client": "codex", **program, "is_signed_in": True}]},
    )
    expect(page.get_by_text("No launcher has codex")).to_have_count(0)
    desk.http.delete(f"/launchers/{launcher}")


def test_an_agent_is_written_checked_switched_off_and_deleted(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("#/agents/new")
    page.get_by_label("Name").fill("echo")
    expect(page.get_by_text("There is an agent of this name already")).to_be_visible()
    page.get_by_label("Name").fill("polite-cat")
    page.get_by_label("Backend").select_option("command")
    page.get_by_label("Command").fill("cat 'a file")
    expect(page.get_by_text("A quote is not closed")).to_be_visible()
    page.get_by_label("Command").fill("cat 'a file'")
    page.get_by_label("Limits").fill('{"max_run_seconds": ')
    expect(page.get_by_text("Not JSON yet")).to_be_visible()
    page.get_by_label("Limits").fill('{"max_run_seconds": 60}')
    page.get_by_label("MCP servers").fill('{"notes": {"command": "notes-server", "args": []}}')
    page.get_by_role("button", name="Save").click()

    row = page.locator('[data-agent="polite-cat"]')
    expect(row).to_contain_text("1 MCP")
    agent = read(desk.get("/agents/polite-cat"))
    assert (agent["command"], agent["limits"]) == (["cat", "a file"], {"max_run_seconds": 60})
    row.get_by_role("switch").click()
    expect(row).to_contain_text("Inactive")
    row.get_by_role("button", name="Delete polite-cat").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


@pytest.mark.parametrize(
    "given",
    [
        {
            "backend": "claude",
            "sandbox": "bubblewrap",
            "command": ["kept", "as it 'is'"],
            "options": {"effort": "high"},
            "limits": {"max_turns": 9},
        },
        {"backend": "acp", "command": ["opencode", "acp"], "sandbox": {"kind": "bubblewrap", "network": False}},
        {
            "backend": "codex",
            "limits": {"max_turns": 3},
            "labels": {"os": "linux"},
            "model": "m",
            "sandbox": "bubblewrap",
            "permissions": {"default": "ask", "deny": ["Bash(rm *)"]},
            "questions": {"expire_seconds": 600},
            "retries": {"agent": 1},
            "fallbacks": ["claude"],
            "stalls": {"tools": {"*": 600}},
        },
        {"backend": "gemini", "options": {"permission": "reject"}, "sandbox": {"kind": "bubblewrap"}},
        {"backend": "command", "command": ["cat", ""], "sandbox": {"command": ["firejail", "--quiet"]}},
    ],
    ids=lambda given: given["backend"],
)
def test_an_agent_that_is_saved_unchanged_is_the_same_whatever_its_kind(
    open_page: OpenPage, desk: Desk, given: JsonObject
) -> None:
    name = f"kept-{given['backend']}"
    servers: JsonObject = {"notes": {"command": "notes-server", "args": ["-x"]}}
    desk.post("/agents", {"name": name, **given, "system_prompt": "Be kind.", "mcp_servers": servers})
    before = read(desk.get(f"/agents/{name}"))
    page = open_page(f"#/agents/{name}")
    page.get_by_label("Description").fill("changed here")
    with page.expect_request(lambda request: request.method == "PUT") as saved:
        page.get_by_role("button", name="Save").click()
    expect(page.locator(f'[data-agent="{name}"]')).to_contain_text("changed here")
    assert ("command" in json.loads(saved.value.post_data or "")) == ("command" in given)

    assert read(desk.get(f"/agents/{name}")) == {**before, "description": "changed here"}


def test_a_webhook_is_made_tested_replayed_and_removed(open_page: OpenPage, desk: Desk) -> None:
    page = open_page("#/questions", width=PHONE, refused=True)
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_text("Nobody outside is told")).to_be_visible()
    page.get_by_role("button", name="New webhook").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("phone")
    form.get_by_label("Format").select_option(label="ntfy, for a phone")
    form.get_by_label("a job has ended").uncheck()
    form.get_by_label("URL").fill("https://10.0.0.7/topic")
    assert complaints(page) == []
    form.get_by_role("button", name="Add").click()
    expect(form).to_contain_text("The address 10.0.0.7 is not a public one", ignore_case=True)
    form.get_by_label("URL").fill("${env:NOWHERE}")
    form.get_by_role("button", name="Add").click()
    row = page.locator('[data-webhook="phone"]')
    expect(row).to_contain_text("an agent asks", ignore_case=True)
    assert complaints(page) == []

    row.get_by_role("button", name="Test phone").click()
    sent = page.locator("[data-delivery]")
    expect(sent).to_contain_text("'${env:NOWHERE}' is not set in the environment of the runtime")
    first = read(desk.get("/webhooks/phone/deliveries"))["deliveries"]
    sent.get_by_role("button", name="once more").click()
    page.wait_for_function(
        "(at) => fetch('webhooks/phone/deliveries').then((one) => one.json())"
        ".then(({ deliveries: [now] }) => now.expires_at > at)",
        arg=text(items(first)[0]["expires_at"]),
    )
    assert complaints(page) == []
    assert not page.evaluate(WIDER_THAN_THE_PAGE)

    page.get_by_role("link", name="All webhooks").click()
    row.get_by_role("button", name="Remove phone").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("Nobody outside is told")).to_be_visible()
    assert read(desk.get("/webhooks"))["webhooks"] == []


def test_every_field_of_every_kind_of_agent_is_edited_on_the_page(open_page: OpenPage, desk: Desk) -> None:
    desk.post("/agents", {"name": "all-fields", "backend": "claude", "sandbox": "bubblewrap"})
    page = open_page("#/agents/all-fields", refused=True)
    given = {
        "Description": "all of it",
        "Model": "large",
        "Labels": "os=linux",
        "System prompt": "Be kind.",
        "MCP servers": '{"notes": {"command": "notes-server"}}',
        "Limits": '{"max_tokens": 9}',
        "Options": '{"permission": "reject"}',
        "Sandbox": '{"kind": "bubblewrap", "network": false}',
    }
    for label, words in given.items():
        page.get_by_label(label).fill(words)
    for kind in ("command", "acp"):
        page.get_by_label("Backend").select_option(kind)
        page.get_by_label("Command").fill("the-agent 'a word' acp")
    page.get_by_label("Options").fill('{"permission": "ask"}')
    page.get_by_role("button", name="Save").click()
    expect(
        page.get_by_text("option 'permission' of backend 'acp' can be one of 'allow_once', 'reject'")
    ).to_be_visible()
    page.get_by_label("Options").fill(given["Options"])
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-agent="all-fields"]')).to_contain_text("all of it")

    found = read(desk.get("/agents/all-fields"))
    assert {name: found[name] for name in ("backend", "command", "model", "labels", "system_prompt")} == {
        "backend": "acp",
        "command": ["the-agent", "a word", "acp"],
        "model": "large",
        "labels": {"os": "linux"},
        "system_prompt": "Be kind.",
    }
    assert found["sandbox"] == {"kind": "bubblewrap", "network": False}
    assert (found["limits"], found["options"]) == ({"max_tokens": 9}, {"permission": "reject"})
    assert found["mcp_servers"] == {"notes": {"command": "notes-server"}}


def test_the_pictures_are_drawn_from_what_ran_and_each_mark_leads_to_it(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    name = fresh()
    play = stage.play(name, "x", on="easel")
    page = open_page("#/overview")
    bar = page.get_by_role("link", name=f"{name}: Running")
    expect(bar).to_be_visible()

    failed = fresh()
    stage.play(failed, "x", on="easel").fail("nonzero_exit", "exit status 3")
    play.end("done", tokens=900, cost=1.25)

    expect(page.get_by_role("link", name=f"{name}: Completed")).to_be_visible()
    expect(page.get_by_role("img", name="Jobs ended")).to_be_visible()
    page.get_by_role("button", name="Cost").click()
    expect(page.get_by_role("img", name="Cost by agent and day")).to_be_visible()
    page.get_by_role("button", name="Last day").click()
    expect(page.get_by_text("Completed, last day")).to_be_visible()
    assert "window=day" in page.url
    for ranking, line, leads_to in (
        ("Failures by cause", "Ended with an error", "status=failed&order=cause"),
        ("Launchers by load", "easel", "launcher="),
        ("Longest runs", failed, f"/{failed}/jobs/"),
        ("Cost by tree", f"{name}.*1.25", f"/{name}/tree"),
    ):
        found = page.get_by_role("list", name=ranking).get_by_role("link").filter(has_text=re.compile(line))
        assert leads_to in (found.first.get_attribute("href") or ""), ranking
    waits = page.get_by_role("list", name="Waiting by reason").get_by_role("link")
    desk.start(fresh(), labels={"gpu": "no such"})
    expect(waits.filter(has_text="No launcher fits")).to_be_visible()
    assert complaints(page) == []
    page.get_by_role("list", name="Failures by cause").get_by_role("link").first.click()
    expect(page.locator("[data-group]").first).to_be_visible()


def test_the_picture_of_the_jobs_prefers_failures_and_tells_waiting_from_an_earlier_try(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    """Twins have a band each; a job that was retried waited since then, and not since it was made."""
    twins = [text(read(desk.post("/launcher/register", {"name": "twin"}))["launcher_id"]) for _ in range(2)]
    times = {"created_at": at(5), "queued_at": at(5), "claimed_at": at(50), "started_at": at(50), "ended_at": at(59)}
    crowd = [
        {"job_id": f"job_{number:03}", "session_name": f"one-of-many-{number}", "status": "completed", **times}
        for number in range(205)
    ]
    for job in crowd[:5]:
        job["status"] = "failed"
    again = {**crowd[9], "session_name": "tried-again", "job_id": "job_999", "queued_at": at(40), "started_at": at(41)}
    page = open_page()

    def answer(route: Route) -> None:
        said = read(desk.get("/overview"))
        jobs = [{**job, "agent_name": "echo", "launcher_id": twins[0]} for job in crowd]
        jobs.append({**again, "agent_name": "echo", "launcher_id": twins[1]})
        route.fulfill(json={**said, "since_at": at(0), "until_at": at(60), "jobs_timeline": jobs})

    page.route("**/overview?*", answer)
    page.goto(page.url.split("#")[0] + "#/overview")

    expect(page.locator('[data-band="twin (1)"], [data-band="twin (2)"]')).to_have_count(2)
    expect(page.get_by_role("link", name="tried-again: Completed, waited 1m, ran 18m")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("one-of-many-.*: Failed"))).to_have_count(5)
    expect(page.get_by_role("link", name=re.compile("one-of-many-.*: Completed"))).to_have_count(9)
    expect(page.get_by_text("and 191 more")).to_be_visible()


def at(minute: int) -> str:
    """A moment of the hour that is drawn."""
    return f"2030-01-01T{10 + minute // 60:02}:{minute % 60:02}:00.000Z"
