"""Whatever stands in a request is refused in clear words or kept as text: it never becomes code, path or header."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from agent_runtime.http.door.body import PARTS_MAX, checked_json
from agent_runtime.http.door.rules import RULES
from agent_runtime.http.wire.answers import HttpProblem
from support.desk import Desk, JsonObject, fresh, items, part, read, refused, text
from support.runtime_process import RuntimeProcess

MIB = 1024 * 1024
SQL = (
    "'; DROP TABLE jobs; --",
    "x' OR '1'='1",
    '"; DELETE FROM sessions; --',
    "%' UNION SELECT secret_hash FROM credentials --",
)
INVISIBLE = ("a\u202eb", "a\u200bb", "a\u2066b", "a\ufeffb", "a\r\nX-Evil: 1", "a\x1b[2Jb", "a\tb")
LOOKALIKE = ("bu\u0456ld", "\uff42uild", "build\u0301", "\uff22UILD", "bu\u00adild", "build ", " build", "build\n")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    process = RuntimeProcess(tmp_path_factory.mktemp("content"))
    yield process.start()
    process.leave_nothing()


@pytest.fixture
def desk(own: RuntimeProcess) -> Iterator[Desk]:
    with Desk(own.url, own.token) as calls:
        yield calls
        assert calls.get("/sessions", limit=1).status_code == 200
        assert "mistake" not in own.log()


BOMBS = {
    "lists": b"[" + b"[]," * (2 * MIB) + b"[]]",
    "numbers": b'{"type":"start_session","labels":[' + b"1," * (4 * MIB) + b"1]}",
    "keys": b"{" + b",".join(b'"%d":0' % number for number in range(600_000)) + b"}",
    "deep": b"[" * (8 * MIB),
    "deep objects": b'{"a":' * MIB,
    "one text without end": b'"' + b'\\"' * (4 * MIB),
    "one number without end": b"1" * (8 * MIB),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_json_bomb_is_refused_before_it_unfolds(own: RuntimeProcess, desk: Desk, bomb: str) -> None:
    before = psutil.Process(own.pid).memory_info().rss
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: desk.raw("POST", "/jobs", BOMBS[bomb]), range(3)))

    assert {refused(answer, 400, "invalid_json")[:10] for answer in answers}
    assert psutil.Process(own.pid).memory_info().rss - before < 150 * MIB


def test_a_prompt_full_of_brackets_and_commas_is_no_bomb() -> None:
    prompt = '[{,"\\' * MIB

    assert checked_json(json.dumps({"prompt": prompt}).encode(), mends_text=False)


def test_a_body_may_have_so_many_values_and_no_more() -> None:
    sound = b"[" + b"0," * (PARTS_MAX - 1) + b"0]"

    assert checked_json(sound, mends_text=False) == sound
    with pytest.raises(HttpProblem, match="500000 values"):
        checked_json(b"[0," + sound[1:], mends_text=False)


@pytest.mark.parametrize("sql", SQL)
def test_sql_in_any_field_is_mere_text(desk: Desk, sql: str) -> None:
    kept = desk.start(prompt=sql, project_dir=f"/{sql}", labels={sql: sql}, callback_group=sql)
    fields = (
        "session_name",
        "agent_name",
        "parent_session_name",
        "type",
        "if_busy",
        "launcher_id",
        "not_before",
        "wait_for",
    )
    for field in fields:
        order = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x", field: sql}
        assert 400 <= desk.post("/jobs", dict(order)).status_code < 500, field
    session = text(kept["session_name"])
    event: JsonObject = {"type": "message", "data": {sql: sql}, "client_event_id": "x"}
    read(desk.post(f"/sessions/{session}/events", event))
    read(desk.http.patch(f"/sessions/{session}/metadata", json={sql: sql, "hostname": sql}))
    read(desk.post("/launcher/register", {"name": sql, "hostname": sql, "labels": {sql: sql}, "backends": [sql]}))

    for path in ("/sessions", "/jobs", "/callbacks", "/audit", f"/sessions/{session}/events", "/overview"):
        for name in (
            "q",
            "status",
            "agent",
            "parent",
            "tree",
            "session",
            "child",
            "state",
            "cursor",
            "types",
            "launcher",
        ):
            assert desk.get(path, **{name: sql}).status_code < 500, (path, name)
    job = read(desk.get(f"/jobs/{kept['job_id']}"))
    assert (job["prompt"], part(job["labels"])) == (sql, {sql: sql})
    assert part(read(desk.get(f"/sessions/{session}"))["session"])["metadata"] == {sql: sql}
    read(desk.post(f"/jobs/{kept['job_id']}/stop"))


def test_a_search_takes_wildcards_as_they_are_written(desk: Desk) -> None:
    desk.start()

    # Other numbers than those of the test above, whose words are found here once the index has read them.
    assert [items(read(desk.get("/sessions", q=word))["sessions"]) for word in ("%", "_____", "\\", "' OR 7=7 --")] == [
        []
    ] * 4


@pytest.mark.parametrize(
    "name", [*INVISIBLE, *LOOKALIKE, "a\u0000b", "..", "a/b", "ses_x", "--help", "-", "ß", "é", "٣", "💥"]
)
def test_a_name_looks_like_no_other_name(desk: Desk, name: str) -> None:
    order: JsonObject = {"type": "start_session", "agent_name": "echo", "prompt": "x"}

    refused(desk.post("/jobs", {**order, "session_name": name}), 422, "invalid_parameters")
    refused(desk.post("/tokens", {"name": name, "role": "viewer"}), 422, "invalid_parameters")
    refused(desk.post("/agents", {"name": name, "command": ["true"]}), 422, "invalid_parameters")


@pytest.mark.parametrize("word", INVISIBLE)
@pytest.mark.parametrize("field", ["name", "hostname", "version"])
def test_a_launcher_shows_no_text_that_hides_or_turns_around(desk: Desk, field: str, word: str) -> None:
    sentence = refused(desk.post("/launcher/register", {field: word}), 422, "invalid_parameters")

    assert "invisible" in sentence
    assert sentence.isprintable()


@pytest.mark.parametrize("word", ["a\r\nSet-Cookie: evil=1", "a\nb", "%0d%0aSet-Cookie:%20evil=1", "a\u2028b"])
def test_a_line_break_opens_no_header_of_an_answer(desk: Desk, word: str) -> None:
    answers = [
        desk.get("/login", link=word),
        desk.http.get(f"/login?link={word}" if "%" in word else "/login?link=%0D%0ASet-Cookie:evil=1"),
        desk.get("/jobs", cursor=word),
        desk.http.get(f"/{'%0d%0aSet-Cookie:evil=1'}"),
        desk.post("/jobs", {"type": word, "session_name": word, "prompt": "x"}),
    ]
    for answer in answers:
        assert "evil" not in str(answer.headers)
        assert answer.status_code < 500
        assert "\n" not in str(answer.json().get("detail", ""))


@pytest.mark.parametrize(
    "number", ["9" * 60_000, "9" * 19, "-1", "1e5", "0x1", "²", "1 1", "NaN", "9223372036854775808"]
)
def test_an_odd_last_event_id_is_a_typed_422(desk: Desk, number: str) -> None:
    answer = desk.http.get("/events/stream", headers={b"Last-Event-ID": number.encode()})

    sentence = refused(answer, 422, "invalid_parameters")
    assert len(sentence) < 200


PATHS = (
    *("/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/....//....//etc/passwd"),
    *(
        "/%252e%252e/etc/passwd",
        "/..\\..\\etc\\passwd",
        "/..%5c..%5cetc%5cpasswd",
        "/js/../../README.md",
        "//etc/passwd",
    ),
    *("/etc/passwd%00.js", "/%c0%ae%c0%ae/etc/passwd", "/vendor/..%2f..%2f..%2fpyproject.toml", "/.git/config"),
    *("/agents/..%2f..%2fetc", "/agents/%2e%2e", "/sessions/..%2fx", "/jobs/..%2f..%2f/log", "/tokens/../audit%00"),
)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_out_of_its_folder(own: RuntimeProcess, desk: Desk, path: str) -> None:
    request = desk.http.build_request("GET", own.url)
    request.url = request.url.copy_with(raw_path=path.encode())

    answer = desk.http.send(request)

    assert 400 <= answer.status_code < 500
    assert set(answer.json()) >= {"detail", "code"}


def test_every_route_refuses_a_body_that_is_larger_than_it_needs(desk: Desk) -> None:
    for rule in RULES:
        if rule.method == "GET" or rule.roles is None:
            continue
        path = rule.path.replace("{", "").replace("}", "")
        body = (b" " * 65_536 for _ in range(rule.body_bytes_max // 65_536 + 1))
        answer = desk.http.request(rule.method, path, content=body, headers={"Content-Type": "application/json"})

        refused(answer, 413, "too_large")
