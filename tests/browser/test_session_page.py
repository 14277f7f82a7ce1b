"""A session's page: what was said, safely; tools, failures, jobs, logs, children and their news."""

import re

from playwright.sync_api import expect

from browser.conftest import OpenPage
from browser.stage import Stage
from support.desk import Desk, JsonObject, fresh, items, proof, read, text

NASTY = """# A title

<script>window.hurt = 1</script><img src=x onerror="window.hurt = 2">

![a picture](https://elsewhere.example/spy.png) [a trap](javascript:window.hurt=3) [a link](https://example.org/)

| a | b |
|---|---|
| 1 | **two** |

```python
def f():  # a comment
    return "text"
```
"""


def test_agent_text_is_markdown_and_never_markup(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "x").begin().say(NASTY)
    asked: list[str] = []

    page = open_page(f"#/sessions/{name}")
    page.on("request", lambda request: asked.append(request.url))
    said = page.locator('[data-kind="agent"]')

    expect(said.get_by_role("heading", name="A title")).to_be_visible()
    expect(said.locator("table td strong")).to_have_text("two")
    expect(said.locator(".tok-keyword").first).to_have_text("def")
    expect(said).to_contain_text("<script>window.hurt = 1</script>")
    assert said.locator("img, script, iframe").count() == 0
    assert said.locator('a[href^="javascript"]').count() == 0
    expect(said.get_by_role("link", name="a link")).to_have_attribute("href", "https://example.org/")
    assert page.evaluate("window.hurt") is None
    assert [url for url in asked if "elsewhere" in url] == []


def test_what_is_said_appears_while_one_looks(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    play = stage.play(name, "think aloud").begin()
    page = open_page(f"#/sessions/{name}")
    expect(page.locator('[data-kind="user"]')).to_contain_text("think aloud")

    play.say("first thought").say("second thought")

    expect(page.locator('[data-kind="agent"]').last).to_contain_text("second thought")
    play.end("second thought", tokens=1000, cost=0.25)
    expect(page.locator('[data-kind="result"]')).to_contain_text("$0.25")
    expect(page.locator(".session-bar [data-status='finished']")).to_be_visible()


def test_each_paragraph_runs_in_the_direction_of_its_writing(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "שלום עולם").begin().say("مرحبا بالعالم\n\nand back")
    page = open_page(f"#/sessions/{name}")
    said = page.locator('[data-kind="agent"] p')
    expect(said).to_have_count(2)

    from_the_left = """(element) => {
        const text = document.createRange();
        text.selectNodeContents(element);
        return text.getBoundingClientRect().left - element.getBoundingClientRect().left;
    }"""
    assert page.locator(".asked").evaluate(from_the_left) > 100
    assert said.first.evaluate(from_the_left) > 100
    assert said.last.evaluate(from_the_left) < 2


def test_tool_calls_are_folded_and_open_with_input_and_output(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "x").begin().call("Bash", {"command": "ls -l /srv"}, "total 0").call(
        "Read", {"file_path": "/nope"}, "no such file", failed=True
    )
    page = open_page(f"#/sessions/{name}")
    tool = page.locator('[data-kind="tool"]').first

    expect(tool).to_contain_text("ls -l /srv")
    expect(tool.locator(".tool-body")).to_have_count(0)
    tool.locator("button").first.click()

    expect(tool.locator(".tool-body")).to_contain_text("total 0")
    expect(page.locator('[data-kind="tool"]').last.get_by_role("img", name="Failed")).to_be_visible()


def test_a_turn_that_was_stopped_says_so_once_and_nothing_of_it_goes_on(
    open_page: OpenPage, stage: Stage, desk: Desk
) -> None:
    name = fresh()
    play = stage.play(name, "x").begin().call("Bash", {"command": "sleep 100"})
    for words in ("one", "two"):
        read(desk.post("/jobs", {"type": "resume_session", "session_name": name, "prompt": words}), 201)
    page = open_page(f"#/sessions/{name}")
    line = page.locator(".line")
    expect(line.get_by_role("img", name="Running")).to_be_visible()

    read(desk.post(f"/sessions/{name}/stop"))
    play.tell({"type": "result", "data": {"text": "", "is_error": False}})
    play.stopped()

    expect(line.get_by_role("img", name="Stopped")).to_be_visible()
    expect(line.locator('[data-kind="run"]')).to_contain_text("Stopped")
    expect(line.locator('[data-kind="run"]')).to_have_count(1)
    expect(line.locator('[data-kind="result"]')).to_contain_text("Stopped")
    expect(line).to_contain_text("2 messages were withdrawn before they ran")
    expect(line.locator('[data-kind="note"]')).to_have_count(1)
    expect(line).not_to_contain_text("Answered")


def test_how_long_a_job_ran_is_what_its_machine_measured(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    """The outage of a launcher that came back is no working time."""
    name = fresh()
    play = stage.play(name, "x").begin()
    read(
        desk.post(
            f"/launcher/jobs/{play.job_id}/completed", {**proof(play.job), "status": "success", "run_seconds": 7.4}
        )
    )
    page = open_page(f"#/sessions/{name}")

    expect(page.locator('[data-kind="run"]')).to_contain_text("7.4s")
    expect(page.locator(".side")).to_contain_text("7.4s")


def test_what_a_program_prints_is_no_markdown_and_what_a_shell_printed_no_json(
    open_page: OpenPage, stage: Stage
) -> None:
    name = fresh()
    play = stage.play(name, "x").begin("command").say("collecting __pycache__", "a *star*")
    answer: JsonObject = {"stdout": "total 0\nfile a", "stderr": "no such file", "exit_code": 2, "interrupted": False}
    play.call("Bash", {"command": "ls -l"}, answer)
    page = open_page(f"#/sessions/{name}")

    expect(page.locator('[data-kind="agent"]')).to_have_text(re.compile(r"collecting __pycache__\na \*star\*"))
    page.locator(".tool-line").click()
    parts = page.locator(".tool-body .tool-part")
    expect(parts).to_have_text(
        [re.compile("Input.*ls -l"), re.compile("Output, exit 2.*total 0"), re.compile("no such file")]
    )
    expect(page.locator(".tool-body")).not_to_contain_text("stdout")


def test_news_of_children_is_told_in_words(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    parent, child = fresh(), fresh()
    head = stage.play(parent, "x").begin()
    head.end("I wait")
    stage.play(child, "x", parent_session_name=parent, callback=True).begin().end("Two <b>files</b> & **one** folder")
    page = open_page(f"#/sessions/{parent}")
    expect(page.get_by_label("Messages that wait")).to_contain_text("News of a child")
    expect(page.get_by_label("Messages that wait")).not_to_contain_text("agent-news")

    (waiting,) = items(read(desk.get("/jobs", session=parent, status="pending"))["jobs"])
    stage.take(text(waiting["job_id"]), parent).begin()

    told = page.locator('[data-kind="user"]').last
    expect(told).to_contain_text("News from the runtime")
    expect(told.get_by_role("link", name=child)).to_be_visible()
    expect(told.locator("[data-status='finished']")).to_be_visible()
    expect(told).to_contain_text("Two <b>files</b> & one folder")
    expect(told).not_to_contain_text("agent-news")


def test_a_failure_says_what_happened_and_what_helps(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "x").begin().fail("backend_auth", "Not logged in · Please run /login")
    page = open_page(f"#/sessions/{name}")
    failure = page.locator('[data-kind="failure"]')

    expect(failure).to_contain_text("Please run /login")
    why = page.get_by_role("region", name="Why")
    expect(why).to_contain_text("Log in there, then retry")
    expect(why).to_contain_text("The agent is not logged in there")
    expect(why).to_contain_text("Please run /login")
    why.get_by_role("button", name="Retry").click()

    expect(page.locator(".session-bar [data-status='pending']")).to_be_visible()


def test_the_raw_log_is_followed_while_it_grows(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    play = stage.play(name, "x")
    play.write(b"\x1b[31mfirst line\x1b[0m\n")
    page = open_page(f"#/sessions/{name}")
    page.locator(".side").get_by_role("link", name="Running").click()
    log = page.get_by_role("region", name="Raw log")
    lines = log.locator(".log-line")
    expect(lines).to_have_text(["first line"])

    play.write(b"second line\n" + b"".join(b"row %d of many, %s\n" % (number, b"x" * 90) for number in range(3, 2001)))

    expect(log).to_contain_text("row 2000 of many")
    assert lines.count() < 200
    play.end("done")
    expect(page.locator(".log-head")).not_to_contain_text("so far")
    last = lines.last
    assert last.get_attribute("data-line") == "2000"
    tall = (last.bounding_box() or {"height": 0})["height"]
    page.get_by_role("button", name="Wrap").click()
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "false")
    expect(lines.last).to_be_visible()
    assert (lines.last.bounding_box() or {"height": 0})["height"] <= tall
    page.get_by_label("Search this log").fill("ROW 1999")
    expect(lines).to_have_count(1)
    assert lines.first.get_attribute("data-line") == "1999"
    expect(lines.first.locator("mark")).to_have_text("row 1999")
    expect(page.locator(".log-head")).to_contain_text("1 of 2,000 lines")
    page.get_by_label("Search this log").fill("nowhere")
    expect(page.get_by_text("No line holds this.")).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download log").click()
    kept = saved.value.path().read_bytes()
    assert saved.value.suggested_filename == f"{play.job_id}.1.log"
    assert (kept[:10], kept.count(b"\n")) == (b"\x1b[31mfirst", 2000)


def test_a_retried_job_shows_both_attempts_with_their_reasons(open_page: OpenPage, stage: Stage, desk: Desk) -> None:
    name = fresh()
    play = stage.play(name, "x")
    play.write(b"of the first\n")
    play.fail("nonzero_exit", "exit status 3", exit_code=3)
    read(desk.post(f"/jobs/{play.job_id}/retry"))
    again = stage.take(play.job_id, name)
    again.write(b"of the second\n")
    again.end("now it works", cost=0.5)

    page = open_page(f"#/sessions/{name}/jobs/{play.job_id}")
    table = page.get_by_role("table")

    expect(table.get_by_role("row")).to_have_count(3)
    expect(table).to_contain_text("ended with an error")
    expect(table).to_contain_text("exit 3")
    expect(table.get_by_role("link", name="stage")).to_have_count(2)
    expect(page.locator(".log-line")).to_have_text(["of the second"])
    table.get_by_role("button", name="Log of attempt 1").click()
    expect(page.locator(".log-line")).to_have_text(["of the first"])
    expect(page.locator(".side").get_by_role("link", name="Completed")).to_contain_text("$0.50")


def test_children_are_listed_and_drawn_as_a_graph_that_grows(open_page: OpenPage, stage: Stage) -> None:
    parent, child = fresh(), fresh()
    stage.play(parent, "x")
    page = open_page(f"#/sessions/{parent}/tree")
    expect(page.locator(f'[data-node="{parent}"]')).to_be_visible()

    stage.play(child, "x", parent_session_name=parent)

    expect(page.locator(f'[data-node="{child}"]')).to_be_visible()
    expect(page.locator(".edge")).to_have_count(1)
    expect(page.locator(".side")).to_contain_text(child)
    page.locator(f'[data-node="{child}"]').click()
    expect(page.get_by_role("heading", name=child)).to_be_visible()
    expect(page.get_by_role("link", name=parent)).to_be_visible()


def test_the_news_of_a_child_shows_whether_it_was_delivered(open_page: OpenPage, stage: Stage) -> None:
    parent, child = fresh(), fresh()
    stage.play(parent, "x")
    play = stage.play(child, "x", parent_session_name=parent, callback=True)
    page = open_page(f"#/sessions/{parent}")
    expect(page.locator(".side")).to_contain_text(child)

    play.end("the child is done")

    expect(page.locator(".side .news")).to_contain_text("News not delivered yet: this session is busy")


def test_an_unknown_session_says_so(open_page: OpenPage) -> None:
    page = open_page("#/sessions/not-there", refused=True)

    expect(page.get_by_role("alert")).to_contain_text("no session 'not-there'")
