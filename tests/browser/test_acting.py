"""What a person does: start, write, queue, edit, stop, retry, delete; with the real launcher and the echo agent."""

import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from browser.test_accessible import complaints
from support.desk import Desk, JsonObject, fresh, items, read
from support.launcher_process import LauncherProcess
from support.waiting import wait_until

FIRST_RUN_MS = 90_000
PHONE = 390


def choose(page: Page, what: str) -> None:
    """Do what stands in the menu of a session."""
    page.get_by_role("button", name="More").click()
    page.get_by_role("group", name="More").get_by_role("button", name=what, exact=True).click()


def say(page: Page, text: str) -> None:
    """Write into the field below the conversation, and send it."""
    page.locator("[data-composer]").fill(text)
    page.locator("[data-composer]").press("Enter")


def test_a_session_is_started_from_the_form_runs_and_is_continued(page: Page, launcher: LauncherProcess) -> None:
    name = fresh()
    expect(page.locator(".link-state")).to_have_text("Live")
    page.keyboard.press("n")
    dialog = page.get_by_role("dialog", name="New session")
    dialog.get_by_label("Agent").select_option("echo")
    expect(dialog.get_by_label("Name")).not_to_have_value("")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Prompt").fill("Hello **there**")
    dialog.get_by_role("button", name="Start").click()

    expect(page.get_by_role("heading", name=name)).to_be_visible()
    # The first run of a command on a new machine makes its environment first.
    expect(page.locator('[data-kind="agent"]')).to_contain_text("Hello **there**", timeout=FIRST_RUN_MS)
    expect(page.locator(".session-bar [data-status='finished']")).to_be_visible()
    say(page, "And once more")

    expect(page.locator('[data-kind="agent"]').last).to_contain_text("And once more")
    expect(page.locator('[data-kind="run"]')).to_have_count(2)
    assert launcher.is_alive


def test_what_a_session_changed_is_shown_whole_and_turn_by_turn_and_its_events_as_they_are(
    open_page: OpenPage, launcher: LauncherProcess, desk: Desk, tmp_path: Path
) -> None:
    project, name = repository(tmp_path / "shop"), fresh()
    script: JsonObject = {"name": f"script-{name}", "backend": "command", "command": ["sh", "-c", 'eval "$(cat)"']}
    read(desk.post("/agents", script), 201)
    begin = "echo two >> a.txt; git -c user.name=x -c user.email=x@x commit -qam two; echo said; echo complained >&2"
    first = desk.start(name, agent_name=script["name"], project_dir=str(project), prompt=begin)["job_id"]
    order: JsonObject = {
        "type": "resume_session",
        "session_name": name,
        "prompt": "rm b.txt; echo n > new.txt; echo did",
    }
    read(desk.post("/jobs", order), 201)
    page = open_page(f"#/sessions/{name}", refused=True)
    # The second one first: until it is there, the last one is the first one.
    expect(page.locator('[data-kind="run"]')).to_have_count(2, timeout=FIRST_RUN_MS)
    expect(page.locator('[data-kind="run"]').last).to_contain_text("Completed", timeout=FIRST_RUN_MS)

    page.get_by_role("link", name="Changes").click()
    files = page.get_by_role("list", name="Files").get_by_role("listitem")
    expect(files).to_have_text(
        [re.compile(r"a.txt\s*\+1"), re.compile(r"b.txt\s*\+0"), re.compile(r"new.txt\s*new\s*\+1")]
    )
    expect(page.locator(".patch-line.added")).to_have_text(["+two", "+n"])
    expect(page.locator(".patch-line.removed")).to_have_text(["-b"])
    assert complaints(page) == []
    files.last.get_by_role("button").click()
    page.get_by_label("Changes of").select_option(str(first))
    expect(files).to_have_text([re.compile("a.txt")])

    page.get_by_role("link", name="Events").click()
    start = page.locator('[data-type="session_start"]').first
    start.get_by_role("button").first.click()
    expect(start.locator("code")).to_contain_text('"commit": "')
    assert complaints(page) == []
    page.goto(page.url.split("#")[0] + f"#/sessions/{name}/jobs/{first}")
    expect(page.locator(".log-line")).to_have_text(["said", "complained"])
    launcher.stop()
    page.goto(page.url.split("#")[0] + f"#/sessions/{name}/changes")
    expect(page.get_by_role("alert")).to_contain_text("no launcher is alive")


def repository(folder: Path) -> Path:
    """A Git repository with one commit."""
    folder.mkdir()
    for file in ("a", "b"):
        (folder / f"{file}.txt").write_text(f"{file}\n")
    for words in ("init -q", "add -A", "-c user.name=x -c user.email=x@x commit -qm one"):
        subprocess.run(["git", *words.split()], cwd=folder, check=True)
    return folder


def test_the_form_says_what_is_wrong_before_and_after_it_is_sent(open_page: OpenPage, desk: Desk) -> None:
    taken = fresh()
    desk.start(taken)
    page = open_page("#/new?agent=echo", refused=True)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("no spaces!")
    expect(dialog).to_contain_text("Letters, digits, - and _ only")
    dialog.get_by_label("Project folder").fill("relative/path")
    expect(dialog).to_contain_text("An absolute path")

    dialog.get_by_label("Project folder").fill("")
    dialog.get_by_label("Name").fill(taken)
    dialog.get_by_label("Prompt").fill("x")
    dialog.get_by_role("button", name="Start").click()

    expect(dialog.get_by_role("alert")).to_contain_text("exists already")
    expect(dialog.get_by_label("Prompt")).to_have_value("x")


def test_a_draft_survives_a_reload(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "x")
    page = open_page(f"#/sessions/{name}")
    page.locator("[data-composer]").fill("half a thought")
    page.reload()
    expect(page.locator("[data-composer]")).to_have_value("half a thought")

    page.goto(page.url.split("#")[0] + "#/new")
    page.get_by_label("Prompt").fill("half an order")
    page.reload()

    expect(page.get_by_label("Prompt")).to_have_value("half an order")


@pytest.mark.parametrize("width", [1280, PHONE])
def test_messages_for_a_busy_session_queue_and_can_be_edited_and_withdrawn(
    open_page: OpenPage, stage: Stage, desk: Desk, width: int
) -> None:
    name = fresh()
    stage.play(name, "x").begin()
    page = open_page(f"#/sessions/{name}", width=width)
    say(page, "first wish")
    say(page, "second wish")
    waiting = page.get_by_label("Messages that wait")
    expect(waiting.get_by_role("listitem")).to_have_count(2)
    expect(waiting).to_contain_text("Waits for its turn")

    waiting.get_by_role("listitem").first.get_by_role("button", name="Edit the message").click()
    expect(page.locator("[data-composer]")).to_have_value("first wish")
    say(page, "first wish, put better")
    expect(waiting).to_contain_text("put better")
    waiting.get_by_role("listitem").last.get_by_role("button", name="Withdraw the message").click()

    expect(waiting.get_by_role("listitem")).to_have_count(1)
    pending = items(read(desk.get("/jobs", session=name, status="pending"))["jobs"])
    assert [job["prompt_preview"] for job in pending] == ["first wish, put better"]


def test_a_session_that_asks_is_answered(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    play = stage.play(name, "x").begin()
    page = open_page(f"#/sessions/{name}")
    expect(page.locator(".session-bar [data-status='running']")).to_be_visible()

    play.tell({"type": "result", "data": {"text": "Which colour?", "waiting_input": True}})

    expect(page.locator(".session-bar [data-status='waiting_input']")).to_be_visible()
    expect(page.locator(".composer")).to_contain_text("waits for your answer")
    expect(page.locator('[data-kind="result"]')).to_contain_text("Asks for an answer")
    say(page, "Blue")
    expect(page.get_by_label("Messages that wait")).to_contain_text("Blue")
    stage.desk.complete(play.job)
    expect(page.locator(".session-bar [data-status='waiting_input']")).to_have_count(0)


def test_stop_asks_the_launcher_and_the_truth_follows(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    name = fresh()
    play = stage.play(name, "x")
    page = open_page(f"#/sessions/{name}")
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_until(lambda: read(desk.get(f"/jobs/{play.job_id}"))["stop_requested_at"], "the stop reaches the runtime")

    play.stopped()

    expect(page.locator(".session-bar [data-status='stopped']")).to_be_visible()
    page.get_by_role("button", name="Retry").first.click()
    expect(page.locator(".session-bar [data-status='pending']")).to_be_visible()


def test_a_tree_is_stopped_after_a_question(open_page: OpenPage, desk: Desk) -> None:
    parent, child = fresh(), fresh()
    desk.start(parent, labels={"nobody": "has"})
    desk.start(child, parent_session_name=parent, labels={"nobody": "has"})
    page = open_page(f"#/sessions/{parent}")
    choose(page, "Stop the tree")
    page.get_by_role("dialog").get_by_role("button", name="Stop all").click()

    expect(page.get_by_text("Asked to stop: 2 jobs")).to_be_visible()
    wait_until(lambda: read(desk.get(f"/sessions/{child}/status"))["status"] == "stopped", "the child is stopped")


def test_a_session_is_deleted_only_after_a_question(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    name = fresh()
    stage.play(name, "x").end("done")
    page = open_page(f"#/sessions/{name}")
    choose(page, "Delete")
    page.get_by_role("button", name="Keep it").click()
    assert read(desk.get(f"/sessions/{name}/status"))["status"] == "finished"

    choose(page, "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()

    expect(page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()
    wait_until(lambda: read(desk.get(f"/sessions/{name}/status"))["status"] == "not_existent", "it is gone")


def test_names_can_be_copied(open_page: OpenPage, desk: Desk) -> None:
    name = fresh()
    desk.start(name)
    page = open_page(f"#/sessions/{name}")
    page.get_by_role("button", name="Copy name").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == name
