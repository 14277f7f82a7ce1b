"""The port is guarded: who calls, under which name, from which page, with how much."""

import socket

import pytest

from agent_runtime.http.door.rules import RULES
from support.desk import Desk, fresh, read, refused
from support.runtime_process import RuntimeProcess

PLACES = [(rule.method, rule.path) for rule in RULES if rule.roles is not None]


@pytest.mark.parametrize(("method", "path"), PLACES)
def test_nothing_but_health_answers_without_a_token(runtime: RuntimeProcess, method: str, path: str) -> None:
    with Desk(runtime.url, None) as stranger:
        answer = stranger.http.request(method, path.replace("{", "").replace("}", ""))

    refused(answer, 401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_token_is_refused_and_not_repeated(runtime: RuntimeProcess) -> None:
    with Desk(runtime.url, "wrong-but-secret") as stranger:
        answer = stranger.get("/jobs")

    assert "wrong-but-secret" not in refused(answer, 401, "unauthorized")


@pytest.mark.parametrize("header", ["", "Basic dXNlcjpwYXNz", "Bearer", "Bearer \xe9"])
def test_an_odd_authorization_header_is_refused(runtime: RuntimeProcess, header: str) -> None:
    with Desk(runtime.url, None) as stranger:
        answer = stranger.http.get("/jobs", headers={b"Authorization": header.encode("latin-1")})

    refused(answer, 401, "unauthorized")


def test_health_needs_no_token(runtime: RuntimeProcess) -> None:
    with Desk(runtime.url, None) as stranger:
        health = read(stranger.get("/health"))

    assert health["status"] == "ok"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8765", "localhost.evil.example", "", "10.0.0.1",
        "127.0.0.1:9440@evil.com", "localhost:9440, evil.com", "localhost/evil.com", "[::1]evil.com", "localhost:",
    ],
)  # fmt: skip
def test_a_foreign_host_name_is_refused_even_with_the_token(desk: Desk, host: str) -> None:
    answer = desk.http.get("/health", headers={"Host": host})

    assert "AGENT_RUNTIME_ALLOWED_HOSTS" in refused(answer, 403, "forbidden_host")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
def test_a_page_of_another_site_is_refused_even_with_the_token(desk: Desk, origin: str) -> None:
    answer = desk.http.post("/jobs", json={}, headers={"Origin": origin})

    refused(answer, 403, "forbidden_origin")


def test_our_own_page_may_call(desk: Desk) -> None:
    assert desk.http.get("/jobs", headers={"Origin": desk.url}).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/", "/nothing", "/jobs"])
def test_every_answer_carries_the_security_headers(desk: Desk, path: str) -> None:
    headers = desk.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/nothing", "/jobs/", "/jobs/x/y/z", "/%2e%2e/%2e%2e/etc/passwd", "/..%00"])
def test_an_unknown_path_is_a_typed_404(desk: Desk, path: str) -> None:
    refused(desk.get(path), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("PUT", "/jobs"), ("POST", "/health"), ("TRACE", "/sessions/x/status")])
def test_a_wrong_method_is_a_typed_405_that_names_the_right_ones(desk: Desk, method: str, path: str) -> None:
    answer = desk.http.request(method, path)

    assert "GET" in refused(answer, 405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\xff\xfe"}',
        b"[" * 100_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
        b"1" * 5000,
        b"\x00",
        b'{"a": "\n"}',
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_body_that_is_no_json_is_a_typed_400(desk: Desk, body: bytes) -> None:
    sentence = refused(desk.raw("POST", "/jobs", body), 400, "invalid_json")

    assert len(sentence) < 300


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"])
def test_a_body_of_another_type_is_refused(desk: Desk, kind: str) -> None:
    refused(desk.raw("POST", "/jobs", b"{}", kind), 415, "unsupported_media_type")


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud800", r"\uDFFF x"])
def test_text_that_no_database_can_hold_is_refused(desk: Desk, escape: str) -> None:
    body = f'{{"type": "start_session", "session_name": "{fresh()}", "agent_name": "echo", "prompt": "a{escape}b"}}'

    refused(desk.raw("POST", "/jobs", body.encode()), 422, "invalid_parameters")


def test_an_announced_body_that_is_too_large_is_refused(desk: Desk) -> None:
    answer = desk.raw("PATCH", "/sessions/x/metadata", b" " * (256 * 1024 + 1))

    assert "262144 bytes" in refused(answer, 413, "too_large")


@pytest.mark.parametrize("size", [33, 50])
def test_who_sends_all_of_a_body_that_is_too_large_can_read_why_it_is_refused(desk: Desk, size: int) -> None:
    heap = b" " * (1024 * 1024)
    headers = {"Content-Type": "application/json"}
    announced = desk.raw("PATCH", "/sessions/x/metadata", heap * size)
    chunked = desk.http.patch("/sessions/x/metadata", content=(heap for _ in range(size)), headers=headers)

    refused(announced, 413, "too_large")
    refused(chunked, 413, "too_large")


def test_a_chunked_body_that_is_too_large_is_refused(desk: Desk) -> None:
    answer = desk.http.patch(
        "/sessions/x/metadata",
        content=(b" " * 65_536 for _ in range(6)),
        headers={"Content-Type": "application/json"},
    )

    refused(answer, 413, "too_large")


def test_a_validation_error_names_the_field_what_was_expected_and_what_was_found(desk: Desk) -> None:
    answer = desk.post("/jobs", {"type": "start_session", "session_name": "x", "prompt": "p", "priority": 1000})

    sentence = refused(answer, 422, "invalid_parameters")
    assert sentence == "invalid body: 'priority': input should be less than or equal to 100, found '1000'"


def test_a_validation_error_repeats_neither_a_prompt_nor_megabytes(desk: Desk) -> None:
    long = desk.post("/jobs", {"type": "start_session", "session_name": "x", "prompt": "p", "if_busy": "y" * 5_000_000})
    secret = desk.post("/jobs", {"type": "start_session", "session_name": "x", "prompt": ["my secret prompt"]})

    assert len(refused(long, 422, "invalid_parameters")) < 300
    assert "secret" not in refused(secret, 422, "invalid_parameters")


def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(runtime: RuntimeProcess, desk: Desk) -> None:
    said_before = len(runtime.log())
    with socket.create_connection(("127.0.0.1", runtime.port)) as raw:
        head = f"POST /jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {runtime.token}\r\n"
        raw.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())

    assert desk.get("/health").status_code == 200
    assert "mistake" not in runtime.log()[said_before:]
