"""What the page is made of: light, from this host alone, within its security policy, without a jump."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Response, expect

from browser.conftest import OpenPage
from browser.stage import Stage
from support.desk import fresh
from support.project import REPOSITORY
from support.runtime_process import RuntimeProcess

FIRST_VIEW_BYTES_MAX = 200_000
DASHBOARD = REPOSITORY / "dashboard"


def test_the_first_view_is_light_and_comes_from_one_host(open_page: OpenPage, runtime: RuntimeProcess) -> None:
    page = open_page("#/queue")
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(f"{runtime.url}/?fresh")
    expect(page.locator(".link-state")).to_have_text("Live")

    files = {urlsplit(answer.url).path for answer in answers if _is_file(answer.url)}
    weight = sum((DASHBOARD / (path.lstrip("/") or "index.html")).stat().st_size for path in files)

    assert weight < FIRST_VIEW_BYTES_MAX
    assert {urlsplit(answer.url).netloc for answer in answers} == {urlsplit(runtime.url).netloc}


def _is_file(url: str) -> bool:
    path = urlsplit(url).path
    return path == "/" or Path(path).suffix in {".js", ".css", ".svg", ".html"}


def test_the_page_itself_is_served_with_a_policy_without_inline_script(open_page: OpenPage) -> None:
    page = open_page()
    answer = page.reload()
    assert answer is not None
    policy = answer.headers["content-security-policy"]

    assert "unsafe" not in policy
    assert "script-src 'self'" in policy


def test_nothing_jumps_while_a_session_is_opened(open_page: OpenPage, stage: Stage) -> None:
    name = fresh()
    stage.play(name, "x").begin().say("one", "two", "three").end("done")
    page = open_page()
    page.evaluate("""() => {
        window.shift = 0;
        new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
        }).observe({ type: "layout-shift", buffered: true });
    }""")
    page.goto(page.url.split("#")[0] + f"#/sessions/{name}")
    expect(page.locator('[data-kind="result"]')).to_be_visible()

    assert page.evaluate("window.shift") < 0.1


def test_other_peoples_code_stands_in_vendor_with_version_and_licence() -> None:
    listed = (DASHBOARD / "vendor" / "README.md").read_text(encoding="utf-8")
    scripts = sorted((DASHBOARD / "vendor").glob("*.js"))

    assert scripts
    for script in scripts:
        line = next(line for line in listed.splitlines() if f"| `{script.name}`" in line)
        licence = line.split("`licences/")[1].split("`")[0]
        assert (DASHBOARD / "vendor" / "licences" / licence).is_file()


def test_every_module_of_the_first_view_is_asked_for_at_once() -> None:
    """A module is found only after the one that imports it has come; the list in the page spares the waiting."""
    page = (DASHBOARD / "index.html").read_text(encoding="utf-8")
    listed = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', page))

    assert listed == _imported_by("app.js") - {"app.js"}


def test_every_name_that_a_module_imports_is_exported_there() -> None:
    """There is no build step that would notice; a view that is opened rarely would break alone, and late."""
    missing = [
        f"{script.relative_to(DASHBOARD)}: {name} of {target.relative_to(DASHBOARD)}"
        for script in sorted(DASHBOARD.rglob("*.js"))
        if "vendor" not in script.parts
        for name, target in _names_imported_by(script)
        if name not in _names_exported_by(target)
    ]

    assert missing == []


def _names_imported_by(script: Path) -> list[tuple[str, Path]]:
    text = script.read_text(encoding="utf-8")
    found = re.findall(r'^(?:import|export) \{([^}]+)\} from "(\.[^"]+)";', text, flags=re.MULTILINE)
    return [
        (name.split(" as ")[0].strip(), (script.parent / target).resolve())
        for names, target in found
        for name in names.split(",")
        if name.strip() and "vendor" not in target
    ]


def _names_exported_by(script: Path) -> set[str]:
    text = script.read_text(encoding="utf-8")
    own = re.findall(r"^export (?:async )?(?:const|function|class) (\w+)", text, flags=re.MULTILINE)
    passed_on = re.findall(r"^export \{([^}]+)\}", text, flags=re.MULTILINE)
    return {*own, *(name.split(" as ")[-1].strip() for names in passed_on for name in names.split(","))}


def _imported_by(path: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    known = known | {path}
    text = (DASHBOARD / path).read_text(encoding="utf-8")
    for target in re.findall(r'^(?:import|export)[^;]*?from "(\.[^"]+)";', text, flags=re.MULTILINE):
        found = ((DASHBOARD / path).parent / target).resolve().relative_to(DASHBOARD.resolve()).as_posix()
        if found not in known:
            known = _imported_by(found, known)
    return known
