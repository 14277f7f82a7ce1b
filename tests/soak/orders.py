"""The clients of a soak: they keep a number of jobs open, stop a few, resume some, and remember each promise given."""

import contextlib
import json
import threading
from random import Random
from uuid import uuid4

import httpx

from soak.stage import AGENT, Stage
from support.runtime_api import AT_REST

OPEN_AT_ONCE = 16
ROUND_SECONDS = 0.25
STOPPED_SHARE, RESUMED_SHARE, TRIED_AGAIN_SHARE, CHILDREN_SHARE = 0.04, 0.2, 0.3, 0.1
MOVING_SHARE, TIMED_SHARE, BUDGET_SHARE = 0.05, 0.05, 0.03
SHORT_SECONDS = 1.0
# For these a runtime may refuse a good order: the session has had what it was promised, its parent is being stopped.
FAIR_REFUSALS = ("budget_exceeded", "parent_stopping")


class Orders:
    """Orders jobs in a thread of its own until told to stop."""

    def __init__(self, house: Stage, seed: int) -> None:
        self._house = house
        self._api = house.runtime.api
        self._chance = Random(seed)
        self._run = uuid4().hex[:6]
        self._open: set[str] = set()
        self._sessions: list[str] = []
        self._number = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="orders", daemon=True)
        self.ended = 0
        self.promised: set[str] = set()
        self.refusals: list[str] = []

    def start(self) -> None:
        """Begin to order."""
        self._thread.start()

    def stop(self) -> None:
        """Order no more."""
        self._is_over.set()
        self._thread.join()
        self.refusals += self._api.mistakes

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
        self._number += 1
        body = self._resume() if self._sessions and self._is_one_of(RESUMED_SHARE) else self._start()
        body["prompt"] = json.dumps(self._script())
        body["stop_grace_seconds"] = 0.5
        body["priority"] = self._chance.choice((-5, 0, 0, 5))
        if self._is_one_of(TRIED_AGAIN_SHARE):
            body["max_attempts"] = 3
        if self._is_one_of(TIMED_SHARE):
            body["timeout_seconds"] = SHORT_SECONDS
        job_id = self._insist(body)
        if job_id is not None:
            self.promised.add(job_id)
            self._open.add(job_id)
            if body["type"] == "start_session":
                self._sessions.append(str(body["session_name"]))

    def _resume(self) -> dict[str, object]:
        return {"type": "resume_session", "session_name": self._chance.choice(self._sessions)}

    def _start(self) -> dict[str, object]:
        name = f"soak-{self._run}-{self._number}"
        folder = self._house.moving if self._is_one_of(MOVING_SHARE) else self._house.project.work
        body: dict[str, object] = {"type": "start_session", "session_name": name, "agent_name": AGENT}
        body["project_dir"] = str(folder)
        if self._sessions and self._is_one_of(CHILDREN_SHARE):
            body |= {"parent_session_name": self._chance.choice(self._sessions), "callback": True}
        if self._is_one_of(BUDGET_SHARE):
            body["limits"] = {"max_run_seconds": SHORT_SECONDS}
        return body

    def _is_one_of(self, share: float) -> bool:
        return self._chance.random() < share

    def _insist(self, body: dict[str, object]) -> str | None:
        """Ask until there is an answer; the key makes one job of any number of questions."""
        key = {"Idempotency-Key": f"{self._run}-{self._number}"}
        while True:
            with contextlib.suppress(httpx.HTTPError):
                answer = self._api.http.post("/jobs", json=body, headers=key)
                if answer.is_success:
                    return str(answer.json()["job_id"])
                if answer.status_code < 500:
                    if answer.json().get("code") not in FAIR_REFUSALS:
                        self.refusals.append(f"a good job was refused: {answer.status_code} {answer.text}")
                    return None
            if self._is_over.wait(ROUND_SECONDS):
                return None

    def _script(self) -> dict[str, object]:
        chance = self._chance
        script: dict[str, object] = {"seconds": round(chance.choice((0.0, 0.2, 1.0, 3.0, 9.0)) * chance.random(), 3)}
        script["out"] = f"job {self._number} says é\n" * chance.choice((0, 1, 1, 3, 3, 3, 400, 400))
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
            script["out_bytes"] = chance.choice((500_000, 3_000_000))
        elif kind < 0.4:
            script["floods"] = True
        elif kind < 0.55:
            script |= {"daemons": chance.choice((1, 3)), "ignore_term": chance.random() < 0.3}
        elif kind < 0.6:
            script |= {"chains": 1, "daemons": 1}
        return script
