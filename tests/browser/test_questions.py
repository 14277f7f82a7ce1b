"""Agents ask, and people answer on the page: in the inbox, in the conversation, with a key, on a phone."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from browser.test_accessible import PHONE, WIDER_THAN_THE_PAGE, complaints
from support.desk import Desk, Json, JsonObject, fresh, items, read
from support.launcher_process import LauncherProcess
from support.model_stand_in import ModelStandIn
from support.runtime_process import RuntimeProcess

FIRST_RUN_MS = 90_000
DIFF = "--- shop/tax.py\n+++ shop/tax.py\n@@ -1,2 +1,2 @@\n rate = 1\n-tax = 19\n+tax = 7"
EDIT: JsonObject = {
    "kind": "permission",
    "tool": "Edit",
    "input": {"file_path": "shop/tax.py", "old_string": "tax = 19", "new_string": "tax = 7"},
    "diff": DIFF,
}
FAR_DOWN = 120
BASH: JsonObject = {
    "kind": "permission",
    "tool": "Bash",
    # What it is about to do stands far below, turned around, and without its sandbox.
    "input": {"command": "make deploy" + "\n" * FAR_DOWN + "rm -rf \u202e~", "sandbox": False},
}
FETCH: JsonObject = {"kind": "permission", "tool": "mcp__shop__price", "input": {"article": "shed", "net": True}}
COLOUR: JsonObject = {
    "kind": "choice",
    "text": "Which colour?",
    "choices": [{"label": "red", "description": "warm"}, {"label": "blue", "description": None}],
    "other_words": True,
}
HOST: JsonObject = {
    "kind": "form",
    "text": "Where to?\nIt has to be a host that is up.",
    "form": {
        "type": "object",
        "properties": {
            "host": {"type": "string", "title": "Host", "minLength": 3},
            "port": {"type": "integer", "title": "Port", "minimum": 1},
            "zone": {"type": "string", "enum": ["a", "b"]},
            "tls": {"type": "boolean", "title": "With TLS"},
            "tags": {"type": "array", "items": {"type": "string", "enum": ["new", "old"]}},
        },
        "required": ["host"],
    },
}
WORDS: JsonObject = {"kind": "text", "text": "Why?"}
ASKED = (EDIT, BASH, FETCH, COLOUR, WORDS, HOST)


def card(page: Page, question: str) -> Locator:
    """The question as it is shown."""
    return page.locator(f'[data-question="{question}"]')


def said(desk: Desk, question: str) -> JsonObject:
    """What was answered, and by whom."""
    found = read(desk.get(f"/questions/{question}"))
    return {name: found[name] for name in ("status", "decision", "message", "answer") if found[name] is not None}


@pytest.fixture(autouse=True)
def nobody_asks(desk: Desk) -> Iterator[None]:
    """Leave no question that the next test's page would count."""
    yield
    still_open = items(read(desk.get("/questions", status="open"))["questions"])
    for session in {str(one["session_name"]) for one in still_open}:
        read(desk.post(f"/sessions/{session}/stop"))


@pytest.fixture(scope="module")
def claude_launcher(runtime: RuntimeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LauncherProcess]:
    """A launcher whose agents are the real Claude Code, with a stand-in for its model."""
    with ModelStandIn() as model:
        process = LauncherProcess(
            tmp_path_factory.mktemp("launcher"),
            runtime.url,
            runtime.token,
            environment={
                "ANTHROPIC_BASE_URL": model.url,
                "ANTHROPIC_API_KEY": "sk-ant-stand-in",
                "IS_SANDBOX": "1",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "CLAUDE_CODE_MAX_RETRIES": "0",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            },
        )
        try:
            yield process.start()
        finally:
            process.leave_nothing()


@pytest.mark.usefixtures("claude_launcher")
def test_what_claude_asks_is_answered_in_its_conversation_with_a_key_on_a_phone(
    open_page: OpenPage, desk: Desk, tmp_path: Path
) -> None:
    read(desk.post("/agents", {"name": "careful", "backend": "claude", "permissions": {"allow": ["Read"]}}), 201)
    options: list[Json] = [{"label": "red", "description": "warm"}, {"label": "blue", "description": "cold"}]
    colour: JsonObject = {"question": "Which colour?", "header": "Colour", "options": options, "multiSelect": False}
    write = {"file_path": str(tmp_path / "new.txt"), "content": "one\ntwo\n"}
    script = (
        f"tool: Bash {json.dumps({'command': 'touch denied'})}",
        f"tool: Write {json.dumps(write)}",
        f"tool: AskUserQuestion {json.dumps({'questions': [colour]})}",
        "say: it says {{last}}",
    )
    name = fresh()
    desk.start(name, agent_name="careful", project_dir=str(tmp_path), prompt="\n".join(script))
    page = open_page(f"#/sessions/{name}", width=PHONE)

    asked = page.locator("[data-question]")
    bash, edit, choice = (asked.filter(has_text=words) for words in ("use Bash?", "use Write?", "Which colour?"))
    expect(bash.locator("code")).to_have_text("touch denied", timeout=FIRST_RUN_MS)
    expect(page.get_by_role("region", name="Why")).to_contain_text("touch denied")
    expect(page).to_have_title(f"(1) {name} · Agent Orchestrator")
    page.keyboard.press("n")
    expect(bash).to_be_focused()
    page.keyboard.press("a")
    page.keyboard.type("not in this house")
    page.keyboard.press("Enter")
    expect(bash).to_contain_text("Denied by user")
    expect(edit.locator(".patch-line.added")).to_have_text(["+one", "+two"])
    page.keyboard.press("y")
    expect(edit).to_be_focused()
    page.keyboard.press("y")
    expect(edit).to_contain_text("Allowed by user")
    choice.get_by_role("button", name="blue").click()
    expect(choice).to_contain_text("Answered by user")

    expect(page.locator('[data-kind="run"]').last).to_contain_text("Completed")
    expect(page.locator('[data-kind="agent"]').last).to_contain_text("blue")
    expect(page).to_have_title(f"{name} · Agent Orchestrator")
    assert (tmp_path / "new.txt").read_text() == "one\ntwo\n"
    assert not (tmp_path / "denied").exists()
    page.reload()
    ends = page.locator('[data-kind="question"]')
    expect(ends).to_contain_text(["Denied by user", "Allowed by user", "Answered by user"])
    ends.first.get_by_role("button").click()
    expect(bash).to_contain_text("not in this house")
    assert complaints(page) == []


def test_the_inbox_shows_each_question_whole_and_takes_one_answer_to_each(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    play = stage.play(fresh(), "ship it").begin()
    ids = [play.ask(**one) for one in ASKED]
    edit, bash, fetch, colour, why, host = ids
    page = open_page("#/questions")
    cards = page.locator("[data-question]")
    expect(cards).to_have_count(6)
    expect(page).to_have_title("(6) Agent Orchestrator")
    expect(page.get_by_role("link", name="Questions 6 open")).to_be_visible()
    expect(card(page, edit).locator(".patch-line.removed")).to_have_text("-tax = 19")
    expect(card(page, bash).locator("code")).to_have_text(["make deploy", '{ "sandbox": false }'])
    card(page, bash).get_by_role("button", name="Show all").click()
    expect(card(page, bash).locator("code").first).to_have_text("make deploy rm -rf \\u202e~")
    expect(card(page, fetch).locator("code")).to_contain_text('"article": "shed"')
    expect(card(page, host).get_by_role("heading")).to_contain_text("It asks for some facts")
    expect(card(page, host)).to_contain_text("It has to be a host that is up.")
    expect(card(page, edit)).to_contain_text("Asked of people")
    expect(card(page, edit)).to_contain_text("then it is denied")
    assert complaints(page) == []

    page.keyboard.press("y")
    expect(cards.first).to_be_focused()
    expect(cards.first).to_have_attribute("data-status", "open")
    answer_with_a_double_click(page, card(page, edit))
    card(page, bash).focus()
    page.keyboard.press("n")
    expect(card(page, bash)).to_contain_text("Denied by user")
    expect(card(page, bash)).to_be_focused()
    page.keyboard.press("y")
    expect(card(page, fetch)).to_be_focused()
    expect(card(page, colour).get_by_role("button", name="red warm")).to_be_enabled()
    card(page, colour).get_by_label("Or in words of your own").fill("neither, green")
    page.keyboard.press("Enter")
    card(page, why).get_by_label("Your answer").fill("Because")
    page.keyboard.press("Enter")
    fill_in(card(page, host))
    expect(page.locator("[data-question][data-status='open']")).to_have_count(1)
    assert said(desk, edit) == {"status": "answered", "decision": "allow"}
    assert said(desk, bash) == {"status": "answered", "decision": "deny"}
    assert said(desk, colour)["answer"] == "neither, green"
    assert said(desk, why)["answer"] == "Because"
    assert said(desk, host)["answer"] == {"host": "shop-1", "port": 80, "zone": "b", "tls": False, "tags": ["new"]}
    expect(page).to_have_title("(1) Agent Orchestrator")
    assert complaints(page) == []


def answer_with_a_double_click(page: Page, question: Locator) -> None:
    """Allow it with two clicks, of which the second comes before the first one's answer is there."""
    held: list[Route] = []
    page.route("**/answer", lambda route: held.append(route))
    question.get_by_role("button", name="Allow").dblclick()
    expect(question).to_have_attribute("aria-busy", "true")
    (only,) = held
    only.continue_()
    expect(question).to_contain_text("Allowed by user")
    page.unroute("**/answer")


def fill_in(form: Locator) -> None:
    """Fill the form in wrongly, then rightly, and send it."""
    form.get_by_label("Port").fill("eighty")
    form.get_by_role("button", name="Answer").click()
    expect(form).to_contain_text("This has to be filled in")
    expect(form).to_contain_text("A number is expected")
    form.get_by_label("Host").fill("shop-1")
    form.get_by_label("Port").fill("80")
    form.get_by_label("zone").select_option(label="b")
    form.get_by_label("new").check()
    form.get_by_role("button", name="Answer").click()
    expect(form).to_contain_text("host: shop-1")


def test_who_comes_second_or_too_late_is_told_so_and_a_link_leads_to_one_question(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    terms: JsonObject = {"expire_seconds": 1, "at_expiry": "stop"}
    read(desk.post("/agents", {"name": "hasty", "backend": "command", "command": ["true"], "questions": terms}), 201)
    play = stage.play(fresh(), "ship it").begin()
    raced, withdrawn = play.ask(**BASH), play.ask(**FETCH)
    page = open_page(f"#/questions/{raced}", refused=True)

    def somebody_is_first(route: Route) -> None:
        read(desk.post(f"/questions/{raced}/answer", {"decision": "deny", "message": "not on a Friday"}))
        route.continue_()

    page.route("**/answer", somebody_is_first)
    expect(card(page, raced)).to_be_visible()
    page.keyboard.press("y")
    expect(card(page, raced)).to_contain_text("Your answer came second and was not taken: user was first.")
    expect(card(page, raced)).to_contain_text("Denied by user")
    expect(card(page, raced)).to_contain_text("not on a Friday")
    page.unroute("**/answer")

    page.get_by_role("link", name="All questions").click()
    expect(page.locator("[data-question]")).to_have_count(1)
    read(desk.post(f"/sessions/{play.name}/stop"))
    expect(card(page, withdrawn)).to_contain_text("Withdrawn: its turn was over")
    late = stage.play(fresh(), "hurry", on="elsewhere", agent_name="hasty").begin().ask(kind="text", text="Now?")
    expect(card(page, late)).to_contain_text("Nobody answered in time")
    page.get_by_role("button", name="Expired").click()
    expect(page.locator("[data-question]")).to_have_count(1)
    page.goto(page.url.split("#")[0] + "#/questions/qst_00000000000000000000000000")
    expect(page.get_by_text("qst_00000000000000000000000000")).to_be_visible()


def test_a_session_that_asks_is_the_first_that_needs_somebody_and_is_told_to_who_wished_it(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    earlier, later = fresh(), fresh()
    play = stage.play(earlier, "ship it").begin()
    stage.play(later, "x").fail("nonzero_exit", "exit status 1")
    page = open_page("#/questions")
    page.context.grant_permissions(["notifications"])
    page.reload()
    bell = page.get_by_role("main").get_by_role("button", name="Notifications")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    page.evaluate("""() => {
        window.told = [];
        window.Notification = class {
            constructor(title, { body, tag }) { window.told.push(`${title}: ${body}`); this.tag = tag; }
            close() { window.told.push(`closed ${this.tag}`); }
            static permission = "granted";
        };
        Object.defineProperty(document, "hidden", { get: () => true });
    }""")

    question = play.ask(**BASH)
    page.wait_for_function("told => window.told.includes(told)", arg=f"{earlier} asks: May it use Bash?")
    expect(page).to_have_title("(1) Agent Orchestrator")
    needs = open_page("#/sessions?status=needs_me", width=PHONE, theme="dark")
    first = needs.locator("[data-session]").first
    expect(first).to_have_attribute("data-session", earlier)
    expect(first).to_contain_text("may it use Bash with")
    assert not needs.evaluate(WIDER_THAN_THE_PAGE)
    assert complaints(needs) == []
    first.get_by_role("link", name=earlier).click()
    expect(needs.get_by_role("button", name="Stop")).to_be_visible()
    needs.get_by_role("link", name="Answer").click()
    expect(card(needs, question)).to_be_visible()
    assert complaints(needs) == []
    assert not needs.evaluate(WIDER_THAN_THE_PAGE)
    read(desk.post(f"/questions/{question}/answer", {"decision": "allow"}))

    page.wait_for_function("told => window.told.includes(told)", arg=f"closed {question}")
    expect(card(needs, question)).to_contain_text("Allowed by user")
