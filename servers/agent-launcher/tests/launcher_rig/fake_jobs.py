"""The memory of the fake runtime: jobs, claims, reports and logs, under the protocol's rules and one lock."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from lib.wire.models import Json, JsonObject

ANNOUNCED_AGAIN_AFTER_SECONDS = 5.0


@dataclass
class FakeJob:
    """One job as the runtime sees it."""

    wire: JsonObject
    status: str = "pending"
    attempt: int = 0
    token: str = ""
    log: bytearray = field(default_factory=bytearray)
    log_skips: int = 0
    reports: list[tuple[str, JsonObject]] = field(default_factory=list)
    declines: list[JsonObject] = field(default_factory=list)
    is_stop_asked: bool = False
    stop_announced_at: float | None = None
    moves: list[str] = field(default_factory=list)

    def move(self, status: str) -> None:
        self.status = status
        self.moves.append(status)


class Refusal(Exception):  # noqa: N818  (it is the answer, not an error of ours)
    """A typed answer of the runtime's own."""

    def __init__(self, status: int, code: str, **more: Json) -> None:
        super().__init__(code)
        self.status = status
        self.body: JsonObject = {"detail": f"refused: {code}", "code": code, **more}


class FakeJobs:
    """Jobs under one lock; a changed condition wakes parked polls and waiting tests."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.jobs: dict[str, FakeJob] = {}
        self.launcher_id: str | None = None
        self.epoch = 0
        self.registrations: list[JsonObject] = []
        self.heartbeats: list[JsonObject] = []
        self.goodbyes = 0
        self.polls = 0
        self.drops: list[JsonObject] = []
        self.adopts = True
        self.is_seed = False
        self.is_superseded = self.is_replaced_for_good = False

    def add(self, job_id: str, session_name: str = "s", **fields: Json) -> FakeJob:
        """Queue a start job."""
        wire: JsonObject = {
            "job_id": job_id,
            "type": "start_session",
            "session_name": session_name,
            "prompt": "hi",
            **fields,
        }
        with self.changed:
            job = self.jobs[job_id] = FakeJob(wire)
            self.changed.notify_all()
        return job

    def stop(self, job_id: str) -> None:
        """Ask for a job's stop, as a user would."""
        with self.changed:
            job = self.jobs[job_id]
            job.is_stop_asked = True
            if job.status in ("pending", "claimed"):
                job.move("stopped")
            self.changed.notify_all()

    def forget_launcher(self) -> None:
        """Lose the launcher, as a runtime with a new database would."""
        with self.changed:
            self.launcher_id = None
            self.changed.notify_all()

    def supersede(self, *, for_good: bool = False) -> None:
        """Act as if another process had registered with the launcher's identity; if for good, one that began later."""
        with self.changed:
            self.is_superseded, self.is_replaced_for_good = True, for_good
            self.changed.notify_all()

    def register(self, body: JsonObject) -> JsonObject:
        with self.changed:
            if self.is_replaced_for_good:
                raise Refusal(409, "superseded")
            self.is_superseded = False
            self.registrations.append(body)
            told = body.get("launcher_id")
            self.launcher_id = told if isinstance(told, str) else f"lnch_{len(self.registrations)}"
            self.epoch += 1
            self.changed.notify_all()  # the poll of an earlier life is over, or it would swallow what is for this one
            holding = body.get("holding")
            adopt = (
                [self._adopted(item) for item in holding if isinstance(item, dict)] if isinstance(holding, list) else []
            )
            drops: list[Json] = list(self.drops)
            return {
                "launcher_id": self.launcher_id,
                "epoch": self.epoch,
                "poll_endpoint": "/launcher/jobs",
                "adopt": [item for item in adopt if item],
                "drop": drops,
            }

    def poll(self, launcher_id: str, slots: int | None, wait: float, batch: int) -> JsonObject | None:
        with self.changed:
            self._check(launcher_id)
            self.polls += 1
            mine, life = self.polls, self.epoch
            self.changed.notify_all()
            end = time.monotonic() + wait
            while (mine, life) == (self.polls, self.epoch):
                self._check(launcher_id)
                answer = self._answer(slots, batch)
                if answer is not None:
                    return answer
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(min(left, ANNOUNCED_AGAIN_AFTER_SECONDS))
            return None

    def report(self, verb: str, job_id: str, body: JsonObject) -> JsonObject:
        with self.changed:
            self._check(body.get("launcher_id"))
            job = self._job(job_id)
            if not self.is_seed and (body.get("attempt"), body.get("token")) != (job.attempt, job.token):
                raise Refusal(409, "not_current")
            getattr(self, f"_{verb}")(job, body)
            self.changed.notify_all()
            return {"ok": True}

    def take_log(self, job_id: str, offset: int, chunk: bytes, *, is_jump: bool) -> JsonObject:
        with self.changed:
            job = self._job(job_id)
            if is_jump and offset > len(job.log):
                job.log_skips += 1
                job.log.extend(bytes(offset - len(job.log)))
            if offset != len(job.log):
                raise Refusal(409, "wrong_offset", offset=len(job.log))
            job.log.extend(chunk)
            self.changed.notify_all()
            return {"offset": len(job.log)}

    def heartbeat(self, body: JsonObject) -> JsonObject:
        with self.changed:
            self._check(body.get("launcher_id"))
            self.heartbeats.append(body)
            self.changed.notify_all()
            drops: list[Json] = list(self.drops)
            return {"ok": True, "stop_jobs": list(self._being_stopped()), "drop": drops}

    def goodbye(self) -> JsonObject:
        with self.changed:
            self.goodbyes += 1
            self.launcher_id = None
            for job in self.jobs.values():
                if job.status == "claimed":  # its answer came when the launcher was leaving
                    job.move("pending")
            self.changed.notify_all()
            return {"ok": True}

    def _check(self, launcher_id: Json) -> None:
        if self.is_superseded:
            raise Refusal(409, "superseded")
        if self.launcher_id is None or launcher_id != self.launcher_id:
            raise Refusal(404, "launcher_unknown")

    def _job(self, job_id: str) -> FakeJob:
        job = self.jobs.get(job_id)
        if job is None:
            raise Refusal(404, "job_unknown")
        return job

    def _adopted(self, held: JsonObject) -> JsonObject:
        job = self.jobs.get(str(held.get("job_id")))
        if not self.adopts or job is None or job.attempt != held.get("attempt"):
            return {}
        return {"job_id": str(held["job_id"]), "attempt": job.attempt, "log_offset": len(job.log)}

    def _answer(self, slots: int | None, batch: int) -> JsonObject | None:
        stop = self._to_stop()
        if stop:
            return {"stop_jobs": list(stop)}
        claims: list[Json] = []
        for job in self.jobs.values():
            if len(claims) < min(batch, slots if slots is not None else batch) and job.status in ("pending", "claimed"):
                claims.append(self._claim(job))
        if not claims:
            return None
        return {"job": claims[0], "jobs": claims} if len(claims) > 1 else {"job": claims[0]}

    def _claim(self, job: FakeJob) -> JsonObject:
        if job.status == "pending":  # one that is still claimed was lost on the way: the same again
            job.attempt += 1
            job.token = f"token-{job.wire['job_id']}-{job.attempt}"
            job.move("claimed")
        return dict(job.wire) if self.is_seed else {**job.wire, "attempt": job.attempt, "token": job.token}

    def _being_stopped(self) -> list[str]:
        return [job_id for job_id, job in self.jobs.items() if job.is_stop_asked and job.status == "running"]

    def _to_stop(self) -> list[str]:
        now = time.monotonic()
        news = [job_id for job_id in self._being_stopped() if self._is_to_be_told(self.jobs[job_id], now)]
        for job_id in news:
            self.jobs[job_id].stop_announced_at = now
        return news

    @staticmethod
    def _is_to_be_told(job: FakeJob, now: float) -> bool:
        """Say whether a poll tells of a stop: at once, and again after a while, as its answer may have been lost."""
        return job.stop_announced_at is None or now - job.stop_announced_at >= ANNOUNCED_AGAIN_AFTER_SECONDS

    def _started(self, job: FakeJob, _: JsonObject) -> None:
        if job.status == "running":
            return
        if job.status != "claimed":
            raise Refusal(409, "stop_requested" if job.is_stop_asked else "already_ended")
        job.move("running")

    def _declined(self, job: FakeJob, body: JsonObject) -> None:
        if job.status == "running":
            raise Refusal(409, "already_started")
        job.declines.append(body)
        job.move("pending")

    def _completed(self, job: FakeJob, body: JsonObject) -> None:
        self._end("completed", job, body)

    def _failed(self, job: FakeJob, body: JsonObject) -> None:
        self._end("failed", job, body)

    def _stopped(self, job: FakeJob, body: JsonObject) -> None:
        self._end("stopped", job, body)

    def _end(self, outcome: str, job: FakeJob, body: JsonObject) -> None:
        if job.reports and job.reports[-1] != (outcome, body):
            raise Refusal(409, "already_ended")
        if not job.reports:
            job.reports.append((outcome, body))
            job.move(outcome)
