"""A launcher that does what it is told: it plays sessions of coding agents over the real protocol, word by word."""

from dataclasses import dataclass, field

from support.desk import Desk, Json, JsonObject, fresh, part, proof, read, text


@dataclass
class Play:
    """One job that is being played; what is said is sent at once."""

    desk: Desk
    job: JsonObject
    name: str
    told: int = 0
    calls: list[str] = field(default_factory=list)

    @property
    def job_id(self) -> str:
        """The job's id."""
        return text(self.job["job_id"])

    def tell(self, *events: JsonObject) -> "Play":
        """Append events of this job."""
        known: JsonObject = {"job_id": self.job["job_id"], "attempt": self.job["attempt"]}
        body: JsonObject = {"events": [{**event, **known} for event in events]}
        read(self.desk.post(f"/sessions/{self.name}/events", body))
        return self

    def say(self, *texts: str, role: str = "assistant") -> "Play":
        """Let the agent say something."""
        return self.tell(*(spoken(role, one) for one in texts))

    def begin(self, backend: str = "claude") -> "Play":
        """Say that the agent is up, and what it was asked."""
        facts: JsonObject = {"backend": backend, "model": "a-model", "resumed": False}
        return self.tell({"type": "session_start", "data": facts}).say(text(self.job["prompt"]), role="user")

    def call(self, tool: str, given: JsonObject, output: Json = None, *, failed: bool = False) -> "Play":
        """Use a tool; without an output it is still at it."""
        call_id = fresh()
        before: JsonObject = {"type": "pre_tool", "data": {"tool_call_id": call_id, "tool": tool, "input": given}}
        if output is None:
            return self.tell(before)
        answer: JsonObject = {"tool_call_id": call_id, "tool": tool, "output": output, "is_error": failed}
        return self.tell(before, {"type": "post_tool", "data": answer})

    def ask(self, **asked: Json) -> str:
        """Ask something in the name of the turn; the question's id."""
        with Desk(self.desk.url, text(self.job["session_token"])) as agent:
            answer = read(agent.post("/questions", {"call_id": fresh(), **asked}), 201)
        return text(part(answer["question"])["question_id"])

    def end(self, said: str, *, tokens: int = 0, cost: float = 0.0) -> None:
        """Give the result, and report that the job completed."""
        usage: JsonObject = {"input_tokens": tokens, "output_tokens": tokens // 9, "cache_read_tokens": tokens * 4}
        result: JsonObject = {"text": said, "usage": usage, "cost_usd": cost, "model_calls": 3, "is_error": False}
        self.tell({"type": "result", "data": result})
        report: JsonObject = {**proof(self.job), "status": "success", "usage": usage, "cost_usd": cost}
        read(self.desk.post(f"/launcher/jobs/{self.job_id}/completed", report))

    def stopped(self) -> None:
        """Report that the job was stopped."""
        read(self.desk.post(f"/launcher/jobs/{self.job_id}/stopped", proof(self.job)))

    def fail(self, reason: str, error: str, exit_code: int = 1) -> None:
        """Report that the job failed."""
        body: JsonObject = {**proof(self.job), "error": error, "reason": reason, "exit_code": exit_code}
        read(self.desk.post(f"/launcher/jobs/{self.job_id}/failed", body))

    def write(self, output: bytes) -> None:
        """Put bytes into the raw log."""
        headers = {
            "X-Launcher-Id": text(self.job["launcher_id"]),
            "X-Job-Attempt": str(self.job["attempt"]),
            "X-Job-Token": text(self.job["token"]),
            "Content-Type": "application/octet-stream",
        }
        path = f"/launcher/jobs/{self.job_id}/log"
        offset = int(read(self.desk.get(f"/jobs/{self.job_id}"))["log_bytes"] or 0)  # type: ignore[arg-type]
        answer = self.desk.http.post(path, params={"offset": offset}, content=output, headers=headers)
        assert answer.status_code == 200, answer.text


def spoken(role: str, words: str) -> JsonObject:
    """The event of something that was said."""
    return {"type": "message", "data": {"role": role, "text": words}}


class Stage:
    """Registers launchers, and plays jobs on them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.launchers: dict[str, str] = {}

    def launcher(self, name: str, **facts: Json) -> str:
        """Register a launcher, once for each name."""
        if name not in self.launchers:
            body: JsonObject = {"name": name, "hostname": name, "version": "0.1.0", "backends": ["claude", "command"]}
            answer = read(self.desk.post("/launcher/register", {**body, **facts}))
            self.launchers[name] = text(answer["launcher_id"])
        return self.launchers[name]

    def play(self, name: str, prompt: str, *, on: str = "stage", **fields: Json) -> Play:
        """Start a session and let its first job run on a launcher of this stage."""
        launcher = self.launcher(on)
        made = self.desk.start(name, prompt=prompt, launcher_id=launcher, priority=100, **fields)
        return self._claimed(launcher, made, name)

    def resume(self, name: str, prompt: str, *, on: str = "stage") -> Play:
        """Let the next job of a session run."""
        launcher = self.launcher(on)
        order: JsonObject = {"type": "resume_session", "session_name": name, "prompt": prompt, "launcher_id": launcher}
        return self._claimed(launcher, read(self.desk.post("/jobs", order), 201), name)

    def take(self, job_id: str, name: str, *, on: str = "stage") -> Play:
        """Claim a job that somebody else made for a launcher of this stage."""
        return self._claimed(self.launcher(on), {"job_id": job_id}, name)

    def sign_of_life(self) -> None:
        """Let every launcher of the stage say that it lives."""
        for launcher in self.launchers.values():
            read(self.desk.post("/launcher/heartbeat", {"launcher_id": launcher}))

    def _claimed(self, launcher: str, made: JsonObject, name: str) -> Play:
        found = read(self.desk.get("/launcher/jobs", launcher_id=launcher, wait=5))
        job: JsonObject = {**part(found["job"]), "launcher_id": launcher}
        assert job["job_id"] == made["job_id"], f"claimed '{job['job_id']}' instead of '{made['job_id']}'"
        read(self.desk.post(f"/launcher/jobs/{made['job_id']}/started", proof(job)))
        return Play(self.desk, job, name)
