"""Its lines of JSON-RPC: what it says, what it asks for, and what it is answered."""

import json
import sys
import threading


class Wire:
    """Writes whole lines from any thread, and hands out answers to its own requests."""

    def __init__(self, faults: "frozenset[str]") -> None:
        self._faults = faults
        self._writing = threading.Lock()
        self._answers: dict = {}
        self._arrived = threading.Condition()
        self._asked = 0

    def say(self, message: dict) -> None:
        """Write one message."""
        line = json.dumps({"jsonrpc": "2.0", **message})
        with self._writing:
            if "bad-json" in self._faults:
                sys.stdout.write('[debug] this is no JSON\n{"jsonrpc": \n[1, 2]\n')
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def half(self, message: dict) -> None:
        """Write the first half of a message, and no end of the line."""
        line = json.dumps({"jsonrpc": "2.0", **message})
        with self._writing:
            sys.stdout.write(line[: len(line) // 2])
            sys.stdout.flush()

    def answer(self, number: object, result: object) -> None:
        """Answer a request."""
        self.say({"id": number, "result": result})
        if "stray-answers" in self._faults:
            self.say({"id": number, "result": {"stopReason": "refusal"}})
            self.say({"id": 987654, "result": {}})

    def refuse(self, number: object, code: int, message: str, content: object = None) -> None:
        """Answer a request with an error."""
        error = {"code": code, "message": message, **({} if content is None else {"data": content})}
        self.say({"id": number, "error": error})

    def update(self, session_id: str, update: dict) -> None:
        """Tell something of a session."""
        self.say({"method": "session/update", "params": {"sessionId": session_id, "update": update}})

    def ask(self, method: str, params: dict) -> dict:
        """Ask the client, and wait for its answer."""
        with self._arrived:
            self._asked += 1
            number = f"ask-{self._asked}"
        self.say({"id": number, "method": method, "params": params})
        with self._arrived:
            self._arrived.wait_for(lambda: number in self._answers)
            return self._answers.pop(number)

    def hear_answer(self, message: dict) -> None:
        """Take an answer of the client's."""
        with self._arrived:
            self._answers[message.get("id")] = message
            self._arrived.notify_all()
