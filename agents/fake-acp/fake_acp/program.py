"""The agent itself: reads requests line by line, and works on one prompt at a time."""

import argparse
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence

from fake_acp.faults import FAULTS
from fake_acp.sessions import Sessions
from fake_acp.turn import Turn, become_deaf
from fake_acp.wire import Wire

VERSION = "1"
CONFIG: Mapping = {"mode": ("auto", ("auto", "build", "plan")), "model": ("small", ("small", "large"))}


def main(arguments: Sequence[str]) -> int:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser(prog="fake-acp", description=__doc__)
    parser.add_argument("--version", action="version", version=f"fake-acp {VERSION}")
    parser.add_argument("--fault", action="append", default=[], choices=sorted(FAULTS), help="what it does wrong")
    parser.add_argument("--without", action="append", default=[], choices=("load", "resume"), help="what it cannot")
    asked = parser.parse_args(arguments)
    return Agent(frozenset(asked.fault), frozenset(asked.without)).serve()


class Agent:
    """One process of the agent."""

    def __init__(self, faults: "frozenset[str]", without: "frozenset[str]") -> None:
        self._faults = faults
        self._without = without
        self._wire = Wire(faults)
        self._kept = Sessions()
        self._open: dict = {}
        self._about: dict = {}
        self._turns: dict = {}
        self._verbs = {
            "initialize": self._initialize,
            "session/new": self._new,
            "session/load": self._load,
            "session/resume": self._resume,
            "session/list": self._list,
            "session/set_config_option": self._set,
            "session/prompt": self._prompt,
        }

    def serve(self) -> int:
        """Answer until nobody asks any more."""
        if "deaf" in self._faults:
            become_deaf()
        for line in sys.stdin:
            if "silent" not in self._faults:
                self._hear(json.loads(line))
        if "deaf" in self._faults:
            time.sleep(600)
        return 0

    def _hear(self, message: dict) -> None:
        method, number, params = message.get("method"), message.get("id"), message.get("params") or {}
        if method is None:
            self._wire.hear_answer(message)
        elif method == "session/cancel":
            turn = self._turns.get(params.get("sessionId"))
            if turn is not None:
                turn.cancel()
        elif (verb := self._verbs.get(method)) is None:
            self._wire.refuse(number, -32601, f"there is no method {method!r}")
        else:
            verb(number, params)

    def _initialize(self, number: object, _: dict) -> None:
        can: dict = {"list": {}}
        if "resume" not in self._without:
            can["resume"] = {}
        capabilities = {
            "loadSession": "load" not in self._without,
            "mcpCapabilities": {"http": True, "sse": False},
            "sessionCapabilities": can,
        }
        about = {"name": "fake-acp", "title": "Fake ACP", "version": VERSION}
        version = 2 if "other-version" in self._faults else 1
        answer = {"protocolVersion": version, "agentCapabilities": capabilities, "agentInfo": about, "authMethods": []}
        self._wire.answer(number, answer)

    def _new(self, number: object, params: dict) -> None:
        session = self._kept.new()
        self._enter(session, params)
        self._wire.answer(number, {"sessionId": session["id"], "configOptions": self._options(session["id"])})
        self._wire.update(session["id"], {"sessionUpdate": "available_commands_update", "availableCommands": []})

    def _resume(self, number: object, params: dict) -> None:
        session = self._kept.find(params.get("sessionId", ""))
        if session is None:
            self._wire.refuse(number, -32002, "Session not found", {"sessionId": params.get("sessionId")})
            return
        self._enter(session, params)
        cost = {"amount": session["cost"], "currency": "USD"}
        self._wire.update(session["id"], {"sessionUpdate": "usage_update", "used": 15, "size": 1000, "cost": cost})
        self._wire.answer(number, {"configOptions": self._options(session["id"])})

    def _load(self, number: object, params: dict) -> None:
        session = self._kept.find(params.get("sessionId", "")) or {"id": "", "prompts": [], "answers": []}
        for prompt in session["prompts"]:
            if "slow-load" in self._faults:
                time.sleep(0.2)
            for kind, text in (("user_message_chunk", prompt), ("agent_message_chunk", "a replayed answer")):
                content = {"type": "text", "text": text}
                self._wire.update(session["id"], {"sessionUpdate": kind, "content": content})
        self._resume(number, params)

    def _set(self, number: object, params: dict) -> None:
        config = self._about[params["sessionId"]]["config"]
        if "deaf-config" not in self._faults:
            config[params["configId"]] = params["value"]
        self._wire.answer(number, {"configOptions": self._options(params["sessionId"])})

    def _prompt(self, number: object, params: dict) -> None:
        session = self._open[params["sessionId"]]
        prompt = "\n".join(block.get("text", "") for block in params["prompt"])
        session["prompts"].append(prompt)
        if "ghost-session" not in self._faults:
            self._kept.keep(session)
        turn = Turn(self._wire, self._faults, session, self._about[session["id"]])
        self._turns[session["id"]] = turn
        threading.Thread(target=self._work, args=(turn, number, prompt, session), daemon=True).start()

    def _work(self, turn: Turn, number: object, prompt: str, session: dict) -> None:
        try:
            turn.run(number, prompt)
        except Exception:  # noqa: BLE001 - the top of a thread
            # A script that is wrong ends the agent: nobody waits for an answer that cannot come.
            traceback.print_exc()
            os._exit(70)
        if "ghost-session" not in self._faults:
            self._kept.keep(session)

    def _list(self, number: object, _: dict) -> None:
        self._wire.answer(number, {"sessions": []})

    def _enter(self, session: dict, params: dict) -> None:
        chosen = {name: value for name, (value, _) in CONFIG.items()}
        self._open[session["id"]] = session
        self._about[session["id"]] = {"servers": params.get("mcpServers", []), "config": chosen}

    def _options(self, session_id: str) -> list:
        config = self._about[session_id]["config"]
        return [
            {
                "id": name,
                "name": name,
                "category": name,
                "type": "select",
                "currentValue": config[name],
                "options": [{"value": value, "name": value} for value in values],
            }
            for name, (_, values) in CONFIG.items()
        ]
