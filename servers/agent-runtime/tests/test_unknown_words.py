"""A word that nobody knows is refused with the one that was meant; a launcher may say more than we understand."""

import pytest

from support.desk import Desk, Json, JsonObject, fresh, read, refused


@pytest.mark.parametrize(
    ("method", "path", "body", "word", "meant"),
    [
        ("POST", "/jobs", {"max_attempt": 3}, "max_attempt", "max_attempts"),
        ("POST", "/jobs", {"limits": {"max_cost": 3}}, "limits.max_cost", "max_cost_usd"),
        ("POST", "/agents", {"comand": ["./x"]}, "comand", "command"),
        ("POST", "/agents", {"backend": "claude", "limits": {"max_turn": 3}}, "limits.max_turn", "max_turns"),
        ("PUT", "/agents/mistyped", {"backend": "command", "sand_box": "bubblewrap"}, "sand_box", "sandbox"),
        (
            "POST",
            "/tokens",
            {"name": "n", "role": "viewer", "life_time_seconds": 5},
            "life_time_seconds",
            "lifetime_seconds",
        ),
        ("POST", "/tokens/x/rotate", {"overlap": 5}, "overlap", "overlap_seconds"),
        ("POST", "/login-links", {"rôle": "viewer"}, "rôle", "role"),
        ("POST", "/prune", {"older_than": 5}, "older_than", "older_than_days"),
    ],
)
def test_an_unknown_field_is_refused_with_the_one_that_was_meant(
    desk: Desk, method: str, path: str, body: JsonObject, word: str, meant: str
) -> None:
    if path == "/jobs":
        body = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x", **body}

    sentence = refused(desk.http.request(method, path, json=body), 422, "invalid_parameters")

    assert f"no field '{word}' here (did you mean '{meant}'?)" in sentence


@pytest.mark.parametrize(
    ("path", "name", "meant"),
    [
        ("/jobs", "sesion", "session"),
        ("/sessions", "agnet", "agent"),
        ("/events/stream", "sesion", "session"),
        ("/sessions?limit=5", "stauts", "status"),
        ("/callbacks", "limits", "limit"),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_one_that_was_meant(
    desk: Desk, path: str, name: str, meant: str
) -> None:
    asked = f"{path}{'&' if '?' in path else '?'}{name}=x"

    sentence = refused(desk.http.get(asked), 422, "invalid_parameters")

    assert sentence == f"invalid query: there is no parameter '{name}' here (did you mean '{meant}'?)"


def test_an_order_with_a_parameter_in_its_address_is_refused(desk: Desk) -> None:
    order: Json = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x"}

    assert "'priority'" in refused(desk.http.post("/jobs?priority=5", json=order), 422, "invalid_parameters")


@pytest.mark.parametrize("prompt", ["\n", " \t ", "\u2003"])
def test_a_prompt_without_words_is_refused_at_the_door(desk: Desk, prompt: str) -> None:
    order: JsonObject = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": prompt}
    made = desk.start()

    assert "'prompt'" in refused(desk.post("/jobs", order), 422, "invalid_parameters")
    edited = desk.http.patch(f"/jobs/{made['job_id']}", json={"prompt": prompt})
    assert "'prompt'" in refused(edited, 422, "invalid_parameters")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/jobs", {"priority": False}),
        ("/jobs", {"timeout_seconds": True}),
        ("/jobs", {"limits": {"max_tokens": False}}),
        ("/prune", {"larger_than_bytes": False}),
        ("/tokens", {"name": "n", "role": "viewer", "lifetime_seconds": True}),
        ("/launcher/register", {"max_jobs": True}),
    ],
)
def test_true_and_false_are_no_numbers(desk: Desk, path: str, body: JsonObject) -> None:
    if path == "/jobs":
        body = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "x", **body}

    assert "a number is expected, found" in refused(desk.post(path, body), 422, "invalid_parameters")


def test_a_launcher_may_say_more_than_we_understand(desk: Desk) -> None:
    told = read(desk.post("/launcher/register", {"name": fresh(), "mood": "good"}))
    launcher = str(told["launcher_id"])

    read(desk.post("/launcher/heartbeat", {"launcher_id": launcher, "mood": "good"}))
    assert desk.get("/launcher/jobs", launcher_id=launcher, wait=0, mood="good").status_code in (200, 204)
    assert desk.http.delete(f"/launchers/{launcher}?mood=good").status_code == 200
