"""A person gets in by the link that the runtime prints; a page of another site gets nothing with their browser."""

import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from support.desk import Desk, items, read, text
from support.runtime_process import PROGRAM, RuntimeProcess
from support.waiting import wait_until

TRIES = """async (url) => {
    const ask = (path, more) =>
        fetch(url + path, {credentials: "include", ...more}).then((said) => said.type, () => "blocked");
    const json = {"Content-Type": "application/json"};
    return [
        await ask("/jobs"),
        await ask("/prune", {method: "POST", headers: json, body: "{}"}),
        await ask("/prune", {method: "POST", mode: "no-cors", body: "{}"}),
        await new Promise((told) => {
            const stream = new EventSource(url + "/events/stream", {withCredentials: true});
            stream.onopen = () => told("opened");
            stream.onerror = () => told("blocked");
        }),
    ];
}"""


def login_link(runtime: RuntimeProcess) -> str:
    """What `agent-runtime login-link` prints."""
    command = [str(PROGRAM), "--data-dir", str(runtime.data_dir), "login-link"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def logged_in(browser: Browser, runtime: RuntimeProcess) -> BrowserContext:
    """A browser that has used a login link."""
    context = browser.new_context()
    let_in(context.new_page(), login_link(runtime))
    return context


def let_in(page: Page, link: str) -> None:
    """Use a login link, as a person does."""
    page.goto(link)
    page.get_by_role("button", name="Log in").click()


def test_a_person_gets_in_by_the_link_once_and_no_script_reads_the_cookie(
    browser: Browser, runtime: RuntimeProcess, desk: Desk
) -> None:
    name = text(desk.start()["session_name"])
    link = login_link(runtime)
    person, thief = browser.new_context(), browser.new_context()
    page = person.new_page()

    page.goto(link)
    page.goto(link)  # a look uses nothing up
    let_in(page, link)

    expect(page).to_have_url(f"{runtime.url}/")
    page.goto(f"{runtime.url}/#/sessions")
    expect(page.get_by_text(name).first).to_be_visible()
    (cookie,) = person.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    assert page.evaluate("document.cookie") == ""
    page.goto(link)
    expect(page).to_have_url(f"{runtime.url}/")
    late = thief.new_page()
    answer = late.goto(link)
    assert answer is not None
    assert (answer.status, thief.cookies()) == (403, [])
    expect(late.get_by_text("This login link was used")).to_be_visible()
    person.close()
    thief.close()


class ForeignPage(BaseHTTPRequestHandler):
    """A page that another program of this machine serves."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def foreign() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), ForeignPage) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_page_of_another_port_reads_nothing_and_changes_nothing(
    browser: Browser, runtime: RuntimeProcess, desk: Desk, foreign: str
) -> None:
    context = logged_in(browser, runtime)
    page = context.new_page()
    # Another port of this machine is the same site: the browser does send the cookie along.
    page.goto(foreign)

    tried = page.evaluate(TRIES, runtime.url)
    read(desk.post("/tokens", {"name": "after", "role": "viewer"}), 201)

    def noted() -> list[object]:
        # The audit is in the order of the deeds: with the last one all are there.
        deeds = [(one["action"], one["status"]) for one in items(read(desk.get("/audit", limit=100))["audit"])]
        return [*deeds] if ("POST /tokens", 201) in deeds else []

    assert tried == ["blocked"] * 4
    deeds = wait_until(noted, "the audit knows what was done")
    assert ("POST /prune", 200) not in deeds
    context.close()
