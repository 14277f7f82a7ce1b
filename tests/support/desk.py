"""Calls a runtime as a client and as a launcher would, with the answers as they came."""

import secrets
from typing import Self, cast

import httpx

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
JsonObject = dict[str, Json]


class Desk:
    """A client with one token; every call is one request on the real socket."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        self.url = url
        self.http = httpx.Client(base_url=url, headers=headers, timeout=20.0, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **query: str | int) -> httpx.Response:
        """Read something."""
        return self.http.get(path, params=query)

    def post(self, path: str, body: Json = None, **query: str | int) -> httpx.Response:
        """Ask for something."""
        return self.http.post(path, json=body, params=query) if body is not None else self.http.post(path, params=query)

    def raw(self, method: str, path: str, content: bytes, kind: str = "application/json") -> httpx.Response:
        """Send bytes that no client library would make."""
        return self.http.request(method, path, content=content, headers={"Content-Type": kind})

    def start(self, name: str | None = None, **fields: Json) -> JsonObject:
        """Create a job that starts a session of the agent `echo`."""
        order: JsonObject = {"type": "start_session", "session_name": name or fresh(), "agent_name": "echo"}
        return read(self.post("/jobs", {**order, "prompt": "hello", **fields}), 201)

    def run(self) -> JsonObject:
        """Start a session whose job only a launcher of ours may run, claim it, and report that it started.

        Shape:   the job as the launcher got it, with the `launcher_id`.
        """
        launcher = read(self.post("/launcher/register", {"name": fresh()}))["launcher_id"]
        made = self.start(launcher_id=launcher, priority=100)
        found = read(self.get("/launcher/jobs", launcher_id=text(launcher), wait=5))
        job = {**part(found["job"]), "launcher_id": launcher}
        assert job["job_id"] == made["job_id"]
        read(self.post(f"/launcher/jobs/{made['job_id']}/started", proof(job)))
        return job

    def use_up_limit(self, host: str) -> str:
        """Let the limit of a machine's account be used up; the session whose job ran into it."""
        launcher = text(read(self.post("/launcher/register", {"name": fresh(), "hostname": host}))["launcher_id"])
        made = self.start(agent_name="claude", launcher_id=launcher, priority=100)
        job = {**part(read(self.get("/launcher/jobs", launcher_id=launcher, wait=5))["job"]), "launcher_id": launcher}
        limit: JsonObject = {"name": "5-hour limit", "retry_at": "2100-01-01T00:00:00Z"}
        failed: JsonObject = {**proof(job), "reason": "quota_exhausted", "limit": limit}
        read(self.post(f"/launcher/jobs/{job['job_id']}/failed", failed))
        return text(made["session_name"])

    def stop_what_waits(self) -> None:
        """Leave no job behind that the next test's launcher would be given."""
        while waiting := items(read(self.get("/jobs", status="pending"))["jobs"]):
            for job in waiting:
                read(self.post(f"/jobs/{job['job_id']}/stop"))

    def complete(self, job: JsonObject) -> None:
        """Report that a job that was claimed here ended well."""
        read(self.post(f"/launcher/jobs/{job['job_id']}/completed", {**proof(job), "status": "success"}))


def proof(job: JsonObject) -> JsonObject:
    """What a launcher shows when it speaks of an attempt."""
    return {"launcher_id": job["launcher_id"], "attempt": job["attempt"], "token": job["token"]}


def fresh() -> str:
    """A session name that no other test has."""
    return f"s-{secrets.token_hex(8)}"


def read(answer: httpx.Response, status: int = 200) -> JsonObject:
    """The JSON of an answer that must have this status."""
    assert answer.status_code == status, f"{answer.request.method} {answer.request.url}: {answer.text[:500]}"
    return cast("JsonObject", answer.json())


def refused(answer: httpx.Response, status: int, code: str) -> str:
    """The sentence of a refusal that must have this status and code."""
    said = read(answer, status)
    assert said["code"] == code, said
    return text(said["detail"])


def text(value: Json) -> str:
    """A value that must be a text."""
    assert isinstance(value, str), value
    return value


def items(value: Json) -> list[JsonObject]:
    """A value that must be a list of objects."""
    assert isinstance(value, list), value
    return cast("list[JsonObject]", value)


def part(value: Json) -> JsonObject:
    """A value that must be an object."""
    assert isinstance(value, dict), value
    return value
