"""How heavy and how quick the page is: `python -m bench.dashboard` prints the figures."""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import Browser, Page, expect, sync_playwright  # noqa: E402

from browser.stage import Play, Stage  # noqa: E402
from support.chromium import LAUNCH_FLAGS, ensure_chromium  # noqa: E402
from support.desk import Desk, Json, JsonObject, items, read  # noqa: E402
from support.runtime_process import RuntimeProcess  # noqa: E402
from support.waiting import wait_until  # noqa: E402

EVENTS = 50_000
SESSIONS = 500
MANY = 10_000
AT_ONCE = 64
SEARCHES = 15
SAYINGS = 200
LOADS = 7

# Runs in the page: when each word came into view, by the page's own clock.
WATCH = """() => {
    window.seen = {};
    new MutationObserver(() => {
        const text = [...document.querySelectorAll('[data-kind="agent"] .markdown')].at(-1)?.textContent ?? "";
        const word = /word-\\d+/.exec(text)?.[0];
        if (word && !window.seen[word]) requestAnimationFrame(() => (window.seen[word] = Date.now()));
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
# Runs in the page: scrolls one screen per frame to the top, and tells how long each frame took.
SCROLL = """async (screens) => {
    const line = document.querySelector(".vl");
    const frames = [];
    let last = performance.now();
    for (let screen = 0; screen < screens; screen += 1) {
        line.scrollTop -= line.clientHeight;
        await new Promise(requestAnimationFrame);
        const now = performance.now();
        frames.push(now - last);
        last = now;
    }
    return frames;
}"""


# Runs in the page: how long it took from each key until the list showed what fits, by the page's own clock.
KEYS = """(selector) => {
    window.keyed = window.shown = 0;
    addEventListener("keydown", () => (window.keyed = performance.now()), true);
    new MutationObserver(() => {
        if (document.querySelectorAll("[data-session]").length === 1 && document.querySelector(selector))
            window.shown ||= performance.now();
        else window.shown = 0;
    }).observe(document.getElementById("main"), { subtree: true, childList: true });
}"""


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def open_page(browser: Browser, runtime: RuntimeProcess, route: str = "") -> Page:
    """A page of somebody whom the runtime knows."""
    context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {runtime.token}"})
    page = context.new_page()
    page.goto(f"{runtime.url}/{route}")
    return page


def measure_weight(browser: Browser, runtime: RuntimeProcess, title: str = "") -> None:
    """What the first view fetches, and when it shows something useful."""
    times = []
    files: set[str] = set()
    for _ in range(LOADS):
        context = browser.new_context(extra_http_headers={"Authorization": f"Bearer {runtime.token}"})
        page = context.new_page()
        page.on("request", lambda request: files.add(urlsplit(request.url).path))
        page.goto(runtime.url)
        page.wait_for_selector("[data-session]")
        times.append(page.evaluate("performance.now()"))
        context.close()
    own = [ROOT / "dashboard" / (path.lstrip("/") or "index.html") for path in files]
    sizes = [path.stat().st_size for path in own if path.is_file()]
    print(f"first view: {sum(sizes) / 1000:.0f} kB uncompressed in {len(sizes)} files")
    figures = f"p50 {quantile(times, 0.5):.0f} ms, slowest of {LOADS} {max(times):.0f} ms"
    print(f"first useful view{title}: {figures} (empty cache, until the rows are seen from outside)")


def measure_latency(browser: Browser, runtime: RuntimeProcess, play: Play, title: str) -> None:
    """From the moment that an event is sent to the frame in which it stands."""
    page = open_page(browser, runtime, f"#/sessions/{play.name}")
    expect(page.locator(".link-state")).to_have_text("Live")
    page.evaluate(WATCH)
    delays = []
    for number in range(SAYINGS):
        sent = time.time() * 1000
        play.say(f"word-{number}")
        seen = page.wait_for_function("word => window.seen[word]", arg=f"word-{number}").json_value()
        delays.append(float(seen) - sent)
    page.context.close()
    print(f"event sent → on screen{title}: p50 {quantile(delays, 0.5):.0f} ms, p99 {quantile(delays, 0.99):.0f} ms")


def measure_long_session(browser: Browser, runtime: RuntimeProcess, stage: Stage) -> None:
    """A conversation of very many events: opening it at its end, and scrolling."""
    play = stage.play("long", "count").begin()
    for start in range(0, EVENTS, 1000):
        play.tell(*(saying(number) for number in range(start, start + 1000)))
    started = time.monotonic()
    page = open_page(browser, runtime, "#/sessions/long")
    expect(page.get_by_text(f"line {EVENTS - 1}", exact=True)).to_be_visible()
    print(f"{EVENTS} events: the end is on screen after {(time.monotonic() - started) * 1000:.0f} ms")
    scrolled(page, "while earlier pages are read")
    began = time.monotonic()
    page.wait_for_function(
        "() => { document.querySelector('.line').scrollTop = 0; return document.querySelector('.line-start span'); }",
        timeout=300_000,
    )
    print(f"{EVENTS} events: read back to the beginning in {time.monotonic() - began:.1f} s")
    page.evaluate("document.querySelector('.line').scrollTop = document.querySelector('.line').scrollHeight / 2")
    scrolled(page, "with all of them in memory")
    page.context.close()


def saying(number: int) -> JsonObject:
    """One event of a long conversation."""
    return {"type": "message", "data": {"role": "assistant", "text": f"line {number}"}}


def scrolled(page: Page, when: str) -> None:
    """Scroll up a screen per frame."""
    frames = page.evaluate(SCROLL, 120)
    drawn = page.locator(".vl-window > *").count()
    figures = f"frame p50 {quantile(frames, 0.5):.0f} ms, p99 {quantile(frames, 0.99):.0f} ms, {drawn} rows drawn"
    print(f"scrolling {when}: {figures}")


def measure_crowd(browser: Browser, runtime: RuntimeProcess, stage: Stage) -> None:
    """Many sessions at work at once: the list stays quick, and so does one conversation."""
    plays = [stage.play(f"crowd-{number:03}", "work").begin() for number in range(SESSIONS)]
    page = open_page(browser, runtime)
    expect(page.locator("[data-status='running']").first).to_be_visible()
    began = time.monotonic()
    for play in plays:
        play.end("done", tokens=10, cost=0.01)
    page.get_by_role("button", name="Active").click()
    expect(page.locator('[data-session^="crowd-"]')).to_have_count(0, timeout=60_000)
    print(f"{SESSIONS} sessions end: sent and shown as ended within {time.monotonic() - began:.1f} s")
    page.get_by_role("button", name="All").first.click()
    expect(page.locator("[data-session]").first).to_be_visible()
    scrolled(page, f"in a list of {SESSIONS} sessions")
    page.context.close()


def measure_many(browser: Browser, runtime: RuntimeProcess, stage: Stage) -> None:
    """Very many sessions that came to an end: the first view, a search for a name, and one for a word of a prompt."""
    make_many(stage)
    measure_weight(browser, runtime, f" with {MANY} sessions")
    page = open_page(browser, runtime)
    page.wait_for_selector("[data-session]")
    for what, word in (("name", "many-{:05}"), ("word of a prompt", "zebra{:05}")):
        delays = sorted(searched(page, word, number * MANY // SEARCHES) for number in range(SEARCHES))
        print(
            f"last key → what fits is in the list, by {what}, {MANY} sessions: p50 {quantile(delays, 0.5):.0f} ms, "
            f"slowest of {SEARCHES} {delays[-1]:.0f} ms"
        )
    page.context.close()


def searched(page: Page, word: str, number: int) -> float:
    """Type a word into the search, and tell how long after the last key its one session was there, in milliseconds."""
    field = page.get_by_label("Search sessions")
    field.fill("")
    page.wait_for_function("() => document.querySelectorAll('[data-session]').length > 1")
    page.evaluate(KEYS, f"[data-session='many-{number:05}']")
    typed = word.format(number)
    field.fill(typed[:-1])
    field.press(typed[-1])
    page.wait_for_function("() => window.shown > 0 && window.keyed > 0")
    return max(0.0, float(page.evaluate("window.shown - window.keyed")))


def make_many(stage: Stage) -> None:
    """Order very many sessions and let them end, as many in a call as there is room for."""
    desk, launcher = stage.desk, stage.launcher("many")
    for begin in range(0, MANY, 1000):
        orders: list[Json] = [
            {
                "type": "start_session",
                "session_name": f"many-{number:05}",
                "agent_name": "echo",
                "prompt": f"Look after zebra{number:05} and write down what it eats",
                "launcher_id": launcher,
            }
            for number in range(begin, begin + 1000)
        ]
        read(desk.post("/jobs", orders))
        while jobs := items(desk.http.get("/launcher/jobs", params=poll_of(launcher)).json()["jobs"]):
            for call in ("started", "completed"):
                reports: list[Json] = [report_of(job, call) for job in jobs]
                read(desk.post("/launcher/reports", {"launcher_id": launcher, "reports": reports}))
            if len(jobs) < AT_ONCE:
                break
    wait_until(lambda: items(read(desk.get("/sessions", q=f"zebra{MANY - 1:05}"))["sessions"]), "the index has it")


def poll_of(launcher: str) -> dict[str, str | int]:
    """What a poll says that takes as many jobs as it can."""
    return {"launcher_id": launcher, "slots": AT_ONCE, "batch": AT_ONCE, "wait": 5}


def report_of(job: JsonObject, call: str) -> JsonObject:
    """What is said of one attempt in a call for several."""
    status: JsonObject = {"status": "success"} if call == "completed" else {}
    return {"call": call, "job_id": job["job_id"], "attempt": job["attempt"], "token": job["token"], **status}


def main(only: Sequence[str] = ()) -> None:
    """Measure everything against a runtime of its own, or only what is named."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runtime = RuntimeProcess(Path(folder)).start()
        browser = playwright.chromium.launch(executable_path=ensure_chromium(), args=list(LAUNCH_FLAGS))
        try:
            with Desk(runtime.url, runtime.token) as desk:
                stage = Stage(desk)
                talk = stage.play("talk", "speak").begin()
                steps: dict[str, Callable[[], None]] = {
                    "weight": lambda: measure_weight(browser, runtime),
                    "latency": lambda: measure_latency(browser, runtime, talk, ""),
                    "long": lambda: measure_long_session(browser, runtime, stage),
                    "crowd": lambda: measure_crowd(browser, runtime, stage),
                    "many": lambda: measure_many(browser, runtime, stage),
                }
                for name in only or steps:
                    steps[name]()
        finally:
            browser.close()
            runtime.leave_nothing()


if __name__ == "__main__":
    main(sys.argv[1:])
