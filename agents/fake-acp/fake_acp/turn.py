"""One prompt, carried out step by step, until it is done or cancelled."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping

from fake_acp.script import Step, steps_in
from fake_acp.wire import Wire

LIMIT: Mapping = {"errorKind": "rate_limit", "statusCode": 429, "resetsAt": 1893456000}
ORPHAN = "import time; time.sleep(600)"


class Turn:
    """Does what a prompt says; `ends` is how the prompt is answered."""

    def __init__(self, wire: Wire, faults: "frozenset[str]", session: dict, about: dict) -> None:
        self._wire = wire
        self._faults = faults
        self._session = session
        self._about = about
        self._cancelled = threading.Event()
        self._command: subprocess.Popen[bytes] | None = None
        self._calls = 0
        self._last = ""

    def cancel(self) -> None:
        """Give up, as far as it is willing to."""
        if self._faults & {"deaf", "late-answer"}:
            return
        self._cancelled.set()
        if self._command is not None:
            self._command.kill()

    def run(self, number: object, prompt: str) -> None:
        """Carry out the prompt and answer its request."""
        if "limit-reached" in self._faults:
            self._wire.refuse(number, -32603, "You have hit your usage limit", LIMIT)
            return
        if "orphan-child" in self._faults:
            subprocess.Popen([sys.executable, "-c", ORPHAN], start_new_session=True)
        for step in steps_in(prompt):
            if self._cancelled.is_set():
                break
            if not self._do(number, step):
                return
        self._end(number, "cancelled" if self._cancelled.is_set() else "end_turn")

    def _end(self, number: object, reason: str) -> None:
        used = {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15, "cachedReadTokens": 2}
        answer: dict = {"stopReason": reason, "usage": used}
        if "hidden-failure" in self._faults:
            failure = {"category": "request", "severity": "error", "title": "HTTP 401", "reason": "auth_required"}
            answer["_meta"] = {"jetbrains": {"air": {"version": 1, "sessionFailure": failure}}}
        if "half-line" in self._faults:
            self._wire.half({"id": number, "result": answer})
            os._exit(0)
        if "silent-prompt" not in self._faults:
            self._wire.answer(number, answer)

    def _do(self, number: object, step: Step) -> bool:
        """Do one step; return whether the next one is to be done."""
        rest = step.rest.replace("{{last}}", self._last)
        if step.verb == "error":
            code, _, content = rest.partition(" ")
            self._wire.refuse(number, int(code), "the script asked for it", json.loads(content) if content else None)
            return False
        if step.verb == "stop":
            self._end(number, rest)
            return False
        getattr(self, f"_{step.verb}")(rest)
        return True

    def _say(self, text: str) -> None:
        if "long-line" in self._faults:
            text += " " + "x" * 1_000_000
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            self._tell("agent_message_chunk", content={"type": "text", "text": piece})
        if "dies" in self._faults:
            sys.stderr.write("out of luck\n")
            sys.stderr.flush()
            os._exit(3)

    def _think(self, text: str) -> None:
        self._tell("agent_thought_chunk", content={"type": "text", "text": text})

    def _recall(self, _: str) -> None:
        self._say("I remember: " + " | ".join(self._session["prompts"][:-1]))

    def _mcp(self, _: str) -> None:
        self._say(json.dumps(self._about["servers"]))

    def _mode(self, _: str) -> None:
        self._say(json.dumps(self._about["config"]))

    def _cost(self, dollars: str) -> None:
        self._session["cost"] += float(dollars)
        cost = {"amount": self._session["cost"], "currency": "USD"}
        self._tell("usage_update", used=15, size=1000, cost=cost)

    def _wait(self, seconds: str) -> None:
        if self._faults & {"deaf", "late-answer"}:
            time.sleep(float(seconds))
        else:
            self._cancelled.wait(float(seconds))

    def _update(self, text: str) -> None:
        self._wire.update(self._session["id"], json.loads(text))

    def _request(self, method: str) -> None:
        self._say(json.dumps(self._wire.ask(method, {"sessionId": self._session["id"]})))

    def _elicit(self, form: str) -> None:
        asked = {"mode": "form", "message": "Tell me", "requestedSchema": json.loads(form)}
        answer = self._wire.ask("elicitation/create", {"sessionId": self._session["id"], **asked})
        self._last = json.dumps(answer.get("result") or answer.get("error"), sort_keys=True)

    def _run(self, command: str) -> None:
        if self._faults & {"permission-asked", "only-always"}:
            self._ask(command)
        else:
            self._work(self._begin(command), command)

    def _ask(self, command: str) -> None:
        call = self._begin(command)
        words = ("always",) if "only-always" in self._faults else ("once", "always")
        offered = [
            {"optionId": f"{verb}-{word}", "name": f"{verb} {word}", "kind": f"{verb}_{word}"}
            for verb in ("allow", "reject")
            for word in words
        ]
        asked = {
            "toolCall": {"toolCallId": call, "title": "shell", "rawInput": {"command": command}},
            "options": offered,
        }
        answer = self._wire.ask("session/request_permission", {"sessionId": self._session["id"], **asked})
        outcome = answer.get("result", {}).get("outcome", {})
        self._last = str(outcome.get("optionId") or outcome.get("outcome") or answer.get("error"))
        if self._last == "allow-once":
            self._work(call, command)
        else:
            self._tell("tool_call_update", toolCallId=call, status="failed", rawOutput={"denied": self._last})

    def _begin(self, command: str) -> str:
        self._calls += 1
        call = f"call-{len(self._session['prompts'])}-{self._calls}"
        self._tell("tool_call", toolCallId=call, title="shell", kind="execute", status="pending", rawInput={})
        self._tell("tool_call_update", toolCallId=call, status="pending", rawInput={"command": command})
        return call

    def _work(self, call: str, command: str) -> None:
        self._tell("tool_call_update", toolCallId=call, status="in_progress", rawInput={"command": command})
        # A session of its own, as real agents give their tools one.
        self._command = subprocess.Popen(
            ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
        output = self._command.communicate()[0].decode(errors="replace")
        self._last = output.strip()
        status = "completed" if self._command.returncode == 0 else "failed"
        content = [{"type": "content", "content": {"type": "text", "text": output}}]
        self._tell("tool_call_update", toolCallId=call, status=status, content=content)

    def _tell(self, kind: str, /, **fields: object) -> None:
        if not self._cancelled.is_set():
            self._wire.update(self._session["id"], {"sessionUpdate": kind, **fields})


def become_deaf() -> None:
    """Do not hear the signal that asks a program to leave."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
