"""The launcher's calls on the real socket, from the simplest launcher's to a lost connection."""

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.desk import Desk, fresh, items, part, proof, read, refused, text
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until


def test_a_launcher_that_knows_only_the_simplest_calls_runs_a_job_to_its_end(desk: Desk) -> None:
    me = read(desk.post("/launcher/register", {}))
    launcher = text(me["launcher_id"])
    made = desk.start(launcher_id=launcher)

    job = part(read(desk.get(text(me["poll_endpoint"]), launcher_id=launcher))["job"])
    seed_fields = {"job_id", "type", "session_name", "agent_name", "prompt", "project_dir"}
    assert seed_fields <= set(job)
    read(desk.post(f"/launcher/jobs/{job['job_id']}/started", {"launcher_id": launcher}))
    read(desk.post(f"/launcher/jobs/{job['job_id']}/completed", {"launcher_id": launcher, "status": "success"}))
    assert read(desk.post("/launcher/heartbeat", {"launcher_id": launcher}))["ok"] is True

    assert read(desk.get(f"/jobs/{made['job_id']}"))["status"] == "completed"


def test_a_poll_that_waited_in_vain_answers_204(desk: Desk) -> None:
    launcher = text(read(desk.post("/launcher/register", {"labels": {"none": fresh()}}))["launcher_id"])

    answer = desk.get("/launcher/jobs", launcher_id=launcher, wait=0, slots=0)

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("refuse", ["launcher_on_fire", "held"])
def test_a_refusal_that_this_runtime_does_not_know_is_as_good_as_none(desk: Desk, refuse: str) -> None:
    launcher_id = text(read(desk.post("/launcher/register", {"name": fresh()}))["launcher_id"])
    job_id = desk.start(launcher_id=launcher_id)["job_id"]

    answer = desk.get("/launcher/jobs", launcher_id=launcher_id, slots=0, wait=0, refuse=refuse)

    assert answer.status_code == 204
    assert read(desk.get(f"/jobs/{job_id}"))["reason"] == "no_free_slot"


def test_a_parked_poll_is_answered_as_soon_as_a_job_comes(desk: Desk, runtime: RuntimeProcess) -> None:
    launcher = text(read(desk.post("/launcher/register", {"name": "parked"}))["launcher_id"])
    with ThreadPoolExecutor(1) as pool, Desk(runtime.url, runtime.token) as other:
        waiting = pool.submit(other.get, "/launcher/jobs", launcher_id=launcher, wait=20)
        wait_until(lambda: _launcher(desk, launcher)["poll_parked"], "the poll is parked")
        made = desk.start(launcher_id=launcher)

        job = part(read(waiting.result())["job"])

    assert job["job_id"] == made["job_id"]
    desk.complete({**job, "launcher_id": launcher})


def test_a_cut_connection_is_noticed_and_another_call_heals_it(desk: Desk, runtime: RuntimeProcess) -> None:
    launcher = text(read(desk.post("/launcher/register", {"name": "cut"}))["launcher_id"])
    request = (
        f"GET /launcher/jobs?launcher_id={launcher}&slots=0&wait=25 HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{runtime.port}\r\nAuthorization: Bearer {runtime.token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", runtime.port)) as wire:
        wire.sendall(request.encode())
        wait_until(lambda: _launcher(desk, launcher)["poll_parked"], "the poll is parked")

    wait_until(lambda: not _launcher(desk, launcher)["poll_parked"], "the cut is noticed")
    read(desk.post("/launcher/heartbeat", {"launcher_id": launcher}))
    assert _launcher(desk, launcher)["status"] == "alive"


def test_output_is_appended_at_its_offset_and_read_back(desk: Desk) -> None:
    job = desk.run()
    path = f"/launcher/jobs/{job['job_id']}/log"
    headers = {
        "X-Launcher-Id": text(job["launcher_id"]),
        "X-Job-Attempt": str(job["attempt"]),
        "X-Job-Token": text(job["token"]),
    }

    first = desk.http.post(path, params={"offset": 0}, headers=headers, content=b"one\n\x00\xff")
    wrong = desk.http.post(path, params={"offset": 0}, headers=headers, content=b"again")
    assert read(first) == {"offset": 6}
    refused(wrong, 409, "wrong_offset")
    assert wrong.json()["offset"] == 6
    desk.complete(job)

    log = desk.get(f"/jobs/{job['job_id']}/log", offset=4)
    assert log.content == b"\x00\xff"
    assert (log.headers["X-Log-Next"], log.headers["X-Log-Complete"]) == ("6", "true")


def test_the_same_order_a_hundred_times_at_once_is_one_job(runtime: RuntimeProcess, desk: Desk) -> None:
    order = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "once"}

    def create(_: int) -> httpx.Response:
        return desk.http.post("/jobs", json=order, headers={"Idempotency-Key": "one-" + order["session_name"]})

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(create, range(100)))
    other = desk.http.post(
        "/jobs", json={**order, "prompt": "two"}, headers={"Idempotency-Key": "one-" + order["session_name"]}
    )

    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert len({answer.json()["job_id"] for answer in answers}) == 1
    refused(other, 422, "idempotency_key_reused")


def test_a_stop_reaches_the_launcher_that_runs_the_job(desk: Desk) -> None:
    job = desk.run()

    stopping = read(desk.post(f"/jobs/{job['job_id']}/stop"))
    heard = read(desk.get("/launcher/jobs", launcher_id=text(job["launcher_id"]), slots=0, wait=5))
    read(desk.post(f"/launcher/jobs/{job['job_id']}/stopped", proof(job)))

    assert stopping["stop_requested"] is True
    assert heard == {"stop_jobs": [job["job_id"]]}
    assert read(desk.get(f"/jobs/{job['job_id']}"))["reason"] == "stopped_by_user"


def test_another_report_is_refused_on_the_wire_too(desk: Desk) -> None:
    job = desk.run()
    desk.complete(job)
    desk.complete(job)

    sentence = refused(
        desk.post(f"/launcher/jobs/{job['job_id']}/failed", {**proof(job), "exit_code": 1}), 409, "already_ended"
    )

    assert "cannot take 'failed'" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "nonsense",
    [
        {"session_name": "a b"},
        {"session_name": "ses_x"},
        {"session_name": "x" * 61},
        {"session_name": "ä"},
        {"prompt": ""},
        {"prompt": 7},
        {"prompt": "a\0b"},
        {"project_dir": "relative/dir"},
        {"priority": 101},
        {"timeout_seconds": 0},
        {"type": "dance"},
        {"not_before": "tomorrow"},
        {"launcher_id": "me"},
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_a_sentence(desk: Desk, nonsense: dict[str, str]) -> None:
    order = {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": "hello"}

    sentence = refused(desk.post("/jobs", {**order, **nonsense}), 422, "invalid_parameters")

    assert "\n" not in sentence
    assert not sentence.endswith(".")


def test_acknowledged_jobs_survive_a_runtime_that_is_killed(tmp_path_factory: pytest.TempPathFactory) -> None:
    process = RuntimeProcess(tmp_path_factory.mktemp("killed")).start()
    with Desk(process.url, process.token) as desk:
        made = [text(desk.start()["job_id"]) for _ in range(30)]
        ended = desk.run()
        desk.complete(ended)
    process.kill()
    process.start()
    with Desk(process.url, process.token) as desk:
        found = {job["job_id"]: job["status"] for job in items(read(desk.get("/jobs", limit=100))["jobs"])}
    process.stop()

    assert set(found) == {*made, ended["job_id"]}
    assert found[ended["job_id"]] == "completed"


def _launcher(desk: Desk, launcher_id: str) -> dict[str, object]:
    launchers = items(read(desk.get("/launchers"))["launchers"])
    return next(dict(item) for item in launchers if item["launcher_id"] == launcher_id)
