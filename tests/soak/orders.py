"""The clients of a soak: they keep a number of jobs open, stop a few, resume some, and remember each promise given."""

import contextlib
import json
import threading
from dataclasses import dataclass
from random import Random
from uuid import uuid4

import httpx

from soak.stage import REAL, REAL_AGENT
from support.runtime_api import AT_REST, RuntimeApi

OPEN_AT_ONCE = 16
ROUND_SECONDS = 0.25
STOPPED_SHARE, RESUMED_SHARE, TRIED_AGAIN_SHARE, REAL_SHARE = 0.04, 0.15, 0.2, 0.2


@dataclass(frozen=True)
class Promise:
    """A job that the runtime has acknowledged, and what it was told to print."""

    job_id: str
    output: str


class Orders:
    """Orders jobs in a thread of its own until told to stop."""

    def __init__(self, api: RuntimeApi, seed: int, folder: str) -> None:
        self._api = api
        self._chance = Random(seed)
        self._folder = folder
        self._run = uuid4().hex[:6]
        self._open: set[str] = set()
        self._sessions: list[str] = []
        self._number = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="orders", daemon=True)
        self.ended = 0
        self.promises: list[Promise] = []
        self.refusals: list[str] = []

    def start(self) -> None:
        """Begin to order."""
        self._thread.start()

    def stop(self) -> None:
        """Order no more."""
        self._is_over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._is_over.wait(ROUND_SECONDS):
            # While the runtime is away there is nothing to order and nothing to see.
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                self._forget_what_ended()
                for _ in range(OPEN_AT_ONCE - len(self._open)):
                    self._order()

    def _forget_what_ended(self) -> None:
        for job_id in sorted(self._open):
            if self._api.job(job_id)["status"] in AT_REST:
                self._open.discard(job_id)
                self.ended += 1
            elif self._chance.random() < STOPPED_SHARE / 4:
                self._api.stop_job(job_id)

    def _order(self) -> None:
        script = self._script()
        self._number += 1
        is_resume = bool(self._sessions) and self._chance.random() < RESUMED_SHARE
        # By its name a session is run by the real commands, or by what stands in for them.
        kind, agent = (REAL, REAL_AGENT) if self._chance.random() < REAL_SHARE else ("soak", "echo")
        name = self._chance.choice(self._sessions) if is_resume else f"{kind}-{self._run}-{self._number}"
        body: dict[str, object] = {
            "type": "resume_session" if is_resume else "start_session",
            "session_name": name,
            "prompt": json.dumps(script),
            "stop_grace_seconds": 0.5,
        }
        if not is_resume:
            body |= {"agent_name": agent, "project_dir": self._folder}
        if self._chance.random() < TRIED_AGAIN_SHARE:
            body["max_attempts"] = 2
        if self._chance.random() < 0.05:
            body["timeout_seconds"] = 1.0
        promise = Promise(self._insist(body), str(script.get("out", "")))
        self.promises.append(promise)
        self._open.add(promise.job_id)
        if not is_resume:
            self._sessions.append(name)

    def _insist(self, body: dict[str, object]) -> str:
        """Ask until there is an answer; the key makes one job of any number of questions."""
        key = {"Idempotency-Key": f"{self._run}-{self._number}"}
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = self._api.http.post("/jobs", json=body, headers=key)
                if answer.status_code < 500:
                    if not answer.is_success:
                        self.refusals.append(f"a good job was refused: {answer.status_code} {answer.text}")
                    assert answer.is_success
                    return str(answer.json()["job_id"])
            if self._is_over.wait(ROUND_SECONDS):
                raise AssertionError("the run ended before the job was acknowledged")

    def _script(self) -> dict[str, object]:
        chance = self._chance
        script: dict[str, object] = {"seconds": round(chance.choice((0.0, 0.2, 1.0, 3.0, 9.0)) * chance.random(), 3)}
        script["out"] = f"job {self._number} says é\n" * chance.choice((0, 1, 3, 400))
        kind = chance.random()
        if kind < 0.15:
            script["exit"] = chance.choice((1, 3, 7))
        elif kind < 0.2:
            script["kill_self"] = chance.choice((9, 15, 11))
        elif kind < 0.3:
            script |= {"children": 2, "detached": chance.random() < 0.5}
        elif kind < 0.35:
            script["ignore_term"] = True
        elif kind < 0.38:
            script["out_bytes"] = 500_000
        elif kind < 0.39:
            script["floods"] = True
        elif kind < 0.55:
            script |= {"daemons": chance.choice((1, 3)), "ignore_term": chance.random() < 0.3}
        script["note"] = chance.random() < 0.8
        return script
