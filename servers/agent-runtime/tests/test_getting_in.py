"""Login links and named tokens: good for what they were made for, and dead afterwards."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from support.desk import Desk, JsonObject, fresh, items, part, proof, read, refused, text
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

PROGRAM = Path(sys.executable).with_name("agent-runtime")


def browser(runtime: RuntimeProcess, **link: str) -> httpx.Client:
    """A browser that has used a fresh login link."""
    with Desk(runtime.url, runtime.token) as user:
        path = text(read(user.post("/login-links", dict(link)), 201)["path"])
    answer = httpx.post(runtime.url + path, trust_env=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "./")
    return httpx.Client(base_url=runtime.url, cookies=answer.cookies, trust_env=False)


def test_a_login_link_is_good_once_and_gives_a_cookie_that_no_script_reads(runtime: RuntimeProcess, desk: Desk) -> None:
    path = text(read(desk.post("/login-links"), 201)["path"])

    with httpx.Client(base_url=runtime.url, trust_env=False) as page:
        first = page.post(path)
        cookie = first.headers["Set-Cookie"]
        assert page.get("/jobs").status_code == 200
        second = page.post(path)
    assert first.status_code == 303
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert "used" in refused(second, 403, "link_used")


def test_who_only_looks_at_a_login_link_uses_nothing_up(runtime: RuntimeProcess, desk: Desk) -> None:
    path = text(read(desk.post("/login-links"), 201)["path"])

    with httpx.Client(base_url=runtime.url, trust_env=False) as page:
        looks = [
            page.get(path, headers=headers) for headers in ({"Sec-Purpose": "prefetch"}, {"Purpose": "preview"}, {})
        ]
        assert [(look.status_code, dict(look.cookies)) for look in looks] == [(200, {})] * 3
        assert "<button" in looks[0].text
        assert page.post(path).status_code == 303


def test_a_browser_that_is_in_goes_on_to_the_page_by_any_link(runtime: RuntimeProcess, desk: Desk) -> None:
    used = text(read(desk.post("/login-links"), 201)["path"])
    greater = text(read(desk.post("/login-links"), 201)["path"])
    with browser(runtime) as page, browser(runtime, role="viewer") as viewer:
        page.post(used, headers={"Origin": runtime.url})
        again = page.get(used)
        assert (again.status_code, again.headers["Location"]) == (303, "./")
        assert page.get("/login?link=nonsense").status_code == 303
        # Who may only look is asked for the link that lets them act.
        assert viewer.get(greater).status_code == 200


def test_a_link_that_is_dead_is_said_on_a_page_to_a_person(runtime: RuntimeProcess) -> None:
    for ask in (httpx.get, httpx.post):
        answer = ask(f"{runtime.url}/login?link=dead", headers={"Accept": "text/html,*/*"}, trust_env=False)
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/html; charset=utf-8")
        assert "agent-runtime login-link" in answer.text


def test_a_page_of_another_site_cannot_log_a_browser_in(runtime: RuntimeProcess, desk: Desk) -> None:
    path = text(read(desk.post("/login-links"), 201)["path"])
    refused(httpx.post(runtime.url + path, headers={"Origin": "http://evil.example"}), 403, "forbidden_origin")


def test_a_browser_acts_only_from_our_own_page(runtime: RuntimeProcess) -> None:
    with browser(runtime) as page:
        own, foreign = {"Origin": runtime.url}, {"Origin": "http://127.0.0.1:1"}
        refused(page.post("/prune", json={}), 403, "forbidden_origin")
        refused(page.post("/prune", json={}, headers=foreign), 403, "forbidden_origin")
        refused(page.get("/jobs", headers={"Sec-Fetch-Site": "same-site"}), 403, "forbidden_origin")
        assert page.post("/prune", json={}, headers=own).status_code == 200


def test_a_browser_that_logs_out_is_out_and_so_is_a_copy_of_its_cookie(runtime: RuntimeProcess) -> None:
    with browser(runtime) as page:
        copy = dict(page.cookies)
        assert page.post("/logout", headers={"Origin": runtime.url}).status_code == 204
        assert dict(page.cookies) == {}

    with httpx.Client(base_url=runtime.url, cookies=copy, trust_env=False) as thief:
        assert "login-link" in refused(thief.get("/jobs"), 401, "unauthorized")


def test_a_browser_of_a_viewer_looks_and_does_not_act(runtime: RuntimeProcess) -> None:
    with browser(runtime, role="viewer") as page:
        assert page.get("/sessions").status_code == 200
        refused(page.post("/prune", json={}, headers={"Origin": runtime.url}), 403, "forbidden")


@pytest.mark.parametrize("link", ["", "lnk_", "x" * 150, "%00", "é", "agt_x"])
def test_a_link_that_is_none_of_ours_opens_nothing(desk: Desk, link: str) -> None:
    refused(desk.get("/login", link=link), 403, "link_used")


def test_a_named_token_lives_until_it_is_revoked(runtime: RuntimeProcess, desk: Desk) -> None:
    name = fresh()
    secret = text(read(desk.post("/tokens", {"name": name, "role": "viewer"}), 201)["token"])
    with Desk(runtime.url, secret) as viewer:
        assert viewer.get("/sessions").status_code == 200
        refused(desk.post("/tokens", {"name": name, "role": "viewer"}), 409, "token_exists")
        assert read(desk.http.delete(f"/tokens/{name}"))["revoked"] == 1
        assert secret not in refused(viewer.get("/sessions"), 401, "unauthorized")
    refused(desk.http.delete(f"/tokens/{name}"), 404, "token_unknown")
    listed = [one for one in items(read(desk.get("/tokens"))["tokens"]) if one["name"] == name]
    assert listed[0]["revoked_at"] is not None
    assert secret not in json.dumps(listed)


def test_a_rotated_token_loses_no_report(runtime: RuntimeProcess, desk: Desk) -> None:
    name = fresh()
    old = text(read(desk.post("/tokens", {"name": name, "role": "launcher"}), 201)["token"])
    with Desk(runtime.url, old) as before:
        launcher_id = text(read(before.post("/launcher/register", {"name": name}))["launcher_id"])
        new = text(read(desk.post(f"/tokens/{name}/rotate"), 201)["token"])
        for token in (old, new):
            with Desk(runtime.url, token) as launcher:
                read(launcher.post("/launcher/heartbeat", {"launcher_id": launcher_id}))
        read(desk.post(f"/tokens/{name}/rotate", {"overlap_seconds": 0}), 201)
        for token in (old, new):
            with Desk(runtime.url, token) as launcher:
                assert launcher.post("/launcher/heartbeat", {"launcher_id": launcher_id}).status_code == 401


@pytest.mark.parametrize("first", ["user", "launcher"])
def test_a_launcher_that_is_given_another_token_takes_its_attempts_along(
    runtime: RuntimeProcess, desk: Desk, first: str
) -> None:
    secrets = [text(read(desk.post("/tokens", {"name": fresh(), "role": "launcher"}), 201)["token"]) for _ in range(2)]
    before = Desk(runtime.url, runtime.token if first == "user" else secrets[0])
    with before, Desk(runtime.url, secrets[1]) as after, Desk(runtime.url, secrets[0]) as stranger:
        old = text(read(before.post("/launcher/register", {"name": fresh()}))["launcher_id"])
        made = desk.start(launcher_id=old, priority=100)
        job = {**part(read(before.get("/launcher/jobs", launcher_id=old, wait=5))["job"]), "launcher_id": old}
        read(before.post(f"/launcher/jobs/{made['job_id']}/started", proof(job)))

        refused(after.post("/launcher/heartbeat", {"launcher_id": old}), 404, "launcher_unknown")
        guessed: JsonObject = {"job_id": made["job_id"], "attempt": 1, "token": "guessed"}
        taken = read(stranger.post("/launcher/register", {"launcher_id": old, "holding": [guessed]}))
        held: JsonObject = {name: job[name] for name in ("job_id", "attempt", "token")}
        again = read(after.post("/launcher/register", {"launcher_id": old, "holding": [held]}))
        new = {**job, "launcher_id": again["launcher_id"]}
        read(after.post(f"/launcher/jobs/{made['job_id']}/completed", {**proof(new), "status": "success"}))

    assert items(taken["adopt"]) == []
    assert [one["job_id"] for one in items(again["adopt"])] == [made["job_id"]]
    assert again["launcher_id"] != old
    assert read(desk.get(f"/jobs/{made['job_id']}"))["status"] == "completed"


def test_no_token_can_be_made_for_a_session(desk: Desk) -> None:
    assert "session" in refused(desk.post("/tokens", {"name": fresh(), "role": "session"}), 422, "invalid_parameters")


def command(runtime: RuntimeProcess, *words: str) -> str:
    """What `agent-runtime` prints, told nothing but the data folder."""
    return subprocess.run(
        [str(PROGRAM), "--data-dir", str(runtime.data_dir), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commands_work_with_a_running_runtime_and_without_one_and_only_hashes_are_kept(tmp_path: Path) -> None:
    runtime = RuntimeProcess(tmp_path)
    runtime.start()
    while_running = command(runtime, "token", "create", "one", "--role", "viewer")
    link = command(runtime, "login-link")
    runtime.stop()
    while_away = command(runtime, "token", "create", "two", "--role", "viewer")
    listed = command(runtime, "token", "list")
    refusal = subprocess.run(
        [str(PROGRAM), "--data-dir", str(runtime.data_dir), "login-link"], capture_output=True, text=True, check=False
    )
    runtime.start()
    for secret in (while_running, while_away):
        with Desk(runtime.url, secret) as viewer:
            assert viewer.get("/sessions").status_code == 200
    with httpx.Client(trust_env=False) as page:
        assert page.post(link).status_code == 303, "a link outlives a restart"
    runtime.stop()

    assert [line.split()[0] for line in listed.splitlines()] == ["one", "two"]
    assert "no runtime is running" in refusal.stderr
    kept = b"".join(path.read_bytes() for path in runtime.data_dir.iterdir() if path.name != "token")
    for secret in (while_running, while_away, link.partition("=")[2]):
        assert secret.encode() not in kept
        assert secret not in runtime.log()


def audited(desk: Desk, action: str) -> JsonObject:
    """The newest entry of an action; the audit is written within moments."""

    def find() -> JsonObject | None:
        entries = items(read(desk.get("/audit", limit=500))["audit"])
        return next((one for one in entries if one["action"] == action), None)

    return wait_until(find, f"the audit knows '{action}'")


def test_the_audit_says_who_did_what_from_where_and_holds_no_secret(tmp_path: Path) -> None:
    runtime = RuntimeProcess(tmp_path)
    runtime.start()
    with Desk(runtime.url, runtime.token) as desk, Desk(runtime.url, "agt_guess") as stranger:
        made = desk.start(prompt="a secret prompt")
        secret = text(read(desk.post("/tokens", {"name": "peek", "role": "viewer"}), 201)["token"])
        with Desk(runtime.url, secret) as viewer:
            refused(viewer.post(f"/jobs/{made['job_id']}/stop"), 403, "forbidden")
        path = text(read(desk.post("/login-links"), 201)["path"])
        with httpx.Client(base_url=runtime.url, trust_env=False) as page:
            page.post(path)
        stranger.get("/jobs")
        desk.get("/jobs")
        with Desk(runtime.url, text(desk.run()["session_token"])) as agent:
            refused(agent.get(f"/jobs/{made['job_id']}"), 404, "job_unknown")
        helper = text(read(desk.post("/tokens", {"name": "helper", "role": "launcher"}), 201)["token"])
        with Desk(runtime.url, helper) as launcher:
            foreign = text(items(read(desk.get("/launchers"))["launchers"])[0]["launcher_id"])
            refused(launcher.post("/launcher/heartbeat", {"launcher_id": foreign}), 404, "launcher_unknown")

        created, refusal = audited(desk, "POST /jobs"), audited(desk, "POST /jobs/{job_id}/stop")
        guess, login = audited(desk, "GET /jobs"), audited(desk, "POST /login")
        reached, posed = audited(desk, "GET /jobs/{job_id}"), audited(desk, "POST /launcher/heartbeat")
        everything = desk.get("/audit", limit=500).text
        with Desk(runtime.url, secret) as viewer:
            refused(viewer.get("/audit"), 403, "forbidden")
        first = read(desk.get("/audit", limit=1))
        second = read(desk.get("/audit", limit=1, cursor=text(first["next_cursor"])))
    runtime.stop()

    assert (created["role"], created["caller"], created["status"]) == ("user", "user", 201)
    assert created["address"] == "127.0.0.1"
    assert (refusal["role"], refusal["caller"], refusal["target"]) == ("viewer", "peek", made["job_id"])
    assert (guess["role"], guess["caller"], guess["status"]) == (None, "unknown", 401)
    assert (reached["role"], reached["status"]) == ("session", 404)
    assert reached["caller"] != "unknown"
    assert (posed["role"], posed["caller"], posed["status"]) == ("launcher", "helper", 404)
    assert login["status"] == 303
    for word in (secret, path.partition("=")[2], runtime.token, "secret prompt", "agt_guess"):
        assert word not in everything
    assert items(second["audit"])[0]["seq"] < items(first["audit"])[0]["seq"]  # type: ignore[operator]
    with sqlite3.connect(runtime.data_dir / "runtime.db") as database:
        for sql in ("DELETE FROM audit", "UPDATE audit SET caller = 'nobody'"):
            with pytest.raises(sqlite3.IntegrityError, match="only grows"):
                database.execute(sql)
    database.close()
