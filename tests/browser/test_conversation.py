"""A long conversation: read from its end, page by page, and drawn only where one looks."""

import re

from playwright.sync_api import Page, Route, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from support.desk import JsonObject, fresh

HAPPENED: tuple[tuple[str, JsonObject], ...] = (
    ("job.started", {"launcher_id": "lnch_1"}),
    ("session_start", {"backend": "claude"}),
    ("message", {"role": "user", "text": "do it"}),
    ("pre_tool", {"tool_call_id": "a", "tool": "Bash", "input": {"command": "ls"}}),
    ("pre_tool", {"tool_call_id": "b", "tool": "Read", "input": {"path": "x"}}),
    ("session.stalled", {"detail": "its tool runs"}),
    ("job.lost", {}),
    ("post_tool", {"tool_call_id": "b", "tool": "Read", "output": "x", "is_error": False}),
    ("job.requeued", {}),
    ("post_tool", {"tool_call_id": "a", "tool": "Bash", "output": "no", "is_error": True}),
    ("job.started", {"launcher_id": "lnch_2"}),
    ("message", {"role": "assistant", "text": "done"}),
    ("post_tool", {"tool_call_id": "c", "tool": "Asked long ago", "output": "?", "is_error": False}),
    ("verification", {"passed": False, "command": ["make", "test"], "output": "1 failed", "exit_code": 2}),
    ("result", {"text": "done", "model_calls": 1}),
    ("job.completed", {}),
)
OLDER_EVENTS = re.compile(r"/events\?before=\d{1,9}&")
# Runs in the page: where the row stands in the list, whatever stands above the list.
PLACE_OF_ROW = "window.row.getBoundingClientRect().top - window.line.getBoundingClientRect().top"
# Runs in the page: what a conversation looks like when it is cut at each place, and one half read after the other.
CUT_EVERYWHERE = """async (events) => {
    const { Timeline } = await import("/model/timeline.js");
    const whole = new Timeline();
    whole.append(events);
    const differing = [];
    for (let cut = 1; cut < events.length; cut += 1) {
        const line = new Timeline();
        line.append(events.slice(cut));
        line.prepend(events.slice(Math.floor(cut / 2), cut));
        line.prepend(events.slice(0, Math.floor(cut / 2)));
        if (JSON.stringify(line.snapshot()) !== JSON.stringify(whole.snapshot())) differing.push(cut);
    }
    const proof = whole.snapshot().at(-2);
    return { differing, proof, kinds: whole.snapshot().map((item) => item.kind) };
}"""


def test_a_conversation_read_in_pages_is_the_one_read_at_once(page: Page) -> None:
    """Tools, runs and results are made of several events, and a page may begin between them."""
    events = [_event(seq, kind, facts) for seq, (kind, facts) in enumerate(HAPPENED, start=1)]

    found = page.evaluate(CUT_EVERYWHERE, events)

    assert found["differing"] == []
    proof = found["proof"]
    assert (proof["tool"], proof["state"], proof["output"]) == ("Not verified", "failed", "1 failed")
    assert proof["input"] == {"command": "make test"}
    assert found["kinds"] == ["run", "user", "tool", "tool", "note", "note", "note", "agent", "tool", "tool", "result"]


HEALED: tuple[tuple[str, JsonObject], ...] = (
    ("job.started", {"launcher_id": "lnch_1"}),
    ("pre_tool", {"tool_call_id": "a", "tool": "Bash", "input": {"command": "make"}}),
    ("job.lost", {}),
    ("job.failed", {"reason": "launcher_lost", "from": "lost", "error": "its launcher did not come back"}),
    ("job.completed", {"from": "failed"}),
)
SETTLED = """async (events) => {
    const { Timeline } = await import("/model/timeline.js");
    const line = new Timeline();
    line.append(events);
    return line.snapshot().map(({ kind, state, text }) => [kind, state ?? text]);
}"""


def test_a_job_that_healed_does_not_end_as_a_failure(page: Page) -> None:
    """It was given up, and then its launcher came back and told how it had ended."""
    events = [_event(seq, kind, facts) for seq, (kind, facts) in enumerate(HEALED, start=1)]

    assert page.evaluate(SETTLED, events) == [
        ["run", "completed"],
        ["tool", "stopped"],
        ["note", "From here on nothing was heard of its launcher for a while"],
        ["note", "It was given up for a while, which was wrong"],
    ]
    assert page.evaluate(SETTLED, events[:4])[-1] == ["failure", "its launcher did not come back"]
    assert page.evaluate(SETTLED, events[:3])[1] == ["tool", "lost"]


def _event(seq: int, kind: str, facts: JsonObject) -> JsonObject:
    return {"seq": seq, "type": kind, "at": f"at {seq}", "job_id": "job_1", "attempt": 1, "data": facts}


def test_a_long_conversation_is_read_from_its_end_and_drawn_in_part(open_page: OpenPage, stage: Stage) -> None:
    name = _long_conversation(stage, 2000)
    page = open_page(f"#/sessions/{name}")

    expect(page.get_by_text("line 1999", exact=True)).to_be_visible()
    assert page.locator("[data-kind]").count() < 120
    page.wait_for_function("""() => {
        const line = document.querySelector(".line");
        line.scrollTop = 0;
        return document.querySelector(".line-start span") && document.querySelector('[data-kind="user"]');
    }""")

    expect(page.locator(".line-start")).to_have_text("Beginning")
    assert page.locator("[data-kind]").count() < 120


def test_an_older_page_does_not_move_what_is_read(open_page: OpenPage, stage: Stage) -> None:
    page = open_page(f"#/sessions/{_long_conversation(stage, 600)}")
    expect(page.get_by_text("line 599", exact=True)).to_be_visible()
    older = _ask_for_older(page)
    page.evaluate("""() => {
        window.row = [...document.querySelectorAll("[data-kind]")].find((row) => row.getBoundingClientRect().top > 200);
        window.height = window.line.scrollHeight;
    }""")
    before = page.evaluate(PLACE_OF_ROW)

    older.continue_()
    page.wait_for_function("() => window.line.scrollHeight > window.height + 3000")

    assert page.evaluate("window.row.isConnected")
    assert abs(page.evaluate(PLACE_OF_ROW) - before) < 2


def test_what_comes_after_a_conversation_was_left_does_no_harm(open_page: OpenPage, stage: Stage) -> None:
    """The browser tells of a scrolled list in the next frame, and an older page may take its time."""
    page = open_page(f"#/sessions/{_long_conversation(stage, 400)}")
    expect(page.get_by_text("line 399", exact=True)).to_be_visible()
    older = _ask_for_older(page)

    page.evaluate("location.hash = '#/queue'")
    expect(page.get_by_role("heading", name="Queue", exact=True)).to_be_visible()
    page.evaluate("window.line.dispatchEvent(new Event('scroll'))")
    with page.expect_response(OLDER_EVENTS):
        older.continue_()

    page.get_by_role("link", name="Launchers").first.click()
    expect(page.get_by_role("heading", name="Launchers", exact=True)).to_be_visible()


def _long_conversation(stage: Stage, lines: int) -> str:
    name = fresh()
    play = stage.play(name, "x").begin()
    for start in range(0, lines, 500):
        play.say(*(f"line {number}" for number in range(start, min(lines, start + 500))))
    return name


def _ask_for_older(page: Page) -> Route:
    """Scroll to the beginning of what is there, and hold back the answer to what the page then asks for."""
    held: list[Route] = []
    with page.expect_request(OLDER_EVENTS):
        page.route(OLDER_EVENTS, lambda route: held.append(route))
        page.evaluate("""() => {
            window.line = document.querySelector(".line");
            window.line.scrollTop = 0;
        }""")
    page.wait_for_function("() => window.line.scrollTop === 0 && document.querySelectorAll('.line [data-kind]').length")
    assert held
    return held[0]
