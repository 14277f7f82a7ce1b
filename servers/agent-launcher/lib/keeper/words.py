"""What launcher and keeper say to each other, and what the journal records; standard library only.

Each message and each record is one JSON object; `say` or `kind` names it, `key` names the attempt it is about.
"""

import socket
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

# From the launcher.
HELLO = "hello"  # who speaks, the environment that attempts begin with, and the commands that can start warm
ORDER = "order"  # keep this attempt ready; nothing of it runs yet
GO = "go"  # the runtime granted it: run it
STOP = "stop"  # end it by the ladder
DROP = "drop"  # nothing ran and nothing will: forget it
ACKNOWLEDGE = "acknowledge"  # the runtime knows how it ended: forget it
COLLECTED = "collected"  # exit codes of processes whose keeper died, which fell to the launcher

# From the keeper; its answer to HELLO lists every attempt that it holds.
ORDERED = "ordered"
REFUSED = "refused"  # the order could not be recorded, or something of its session lives; nothing of it is kept
WAITING = "waiting"  # granted, but the machine has no process for it at the moment
ENDED = "ended"  # with the verdict

# Kinds of records: what is known of an attempt is what its records say, in their order.
RECORD_ORDERED = "ordered"
RECORD_GRANTED = "granted"  # written before anything runs
RECORD_SPAWNED = "spawned"
RECORD_STOPPING = "stopping"  # written before it is asked to end
RECORD_ENDED = "ended"
RECORD_ACKNOWLEDGED = "acknowledged"

# What the launcher and the command share of an attempt is in its folder.
OUTPUT_FILE = "output.log"
PROMPT_FILE = "prompt"
OUTCOME_FILE = "outcome.json"

# A keeper's own folder.
JOURNAL_FILE = "journal"
LOCK_FILE = "lock"
SOCKET_FILE = "socket"
TRACE_FILE = "keeper.err"

READ_BYTES = 1 << 18


class LineReader:
    """One end of the socket between them: what comes in pieces of any size is read as whole lines."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.is_open = True
        self._rest = bytearray()

    def receive(self) -> list[bytes]:
        """Read what has come, without waiting, and return the lines that it completes."""
        try:
            part = self.connection.recv(READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            part = b""
        self.is_open = self.is_open and bool(part)
        self._rest += part
        *lines, self._rest = self._rest.split(b"\n")
        return [bytes(line) for line in lines]


def object_of(value: "Json") -> "JsonObject":
    """Take an object for what it is, and anything else for an empty one."""
    return value if isinstance(value, dict) else {}


def texts_of(value: "Json") -> list[str]:
    """Take a list for its words, and anything else for none."""
    return [str(word) for word in value] if isinstance(value, list) else []


def objects_of(value: "Json") -> "list[JsonObject]":
    """Take a list for its objects, and anything else for none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def number_of(value: "Json", default: float) -> float:
    """Take a number for what it is, and anything else for the default."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else default
