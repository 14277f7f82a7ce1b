"""References in a blueprint, and the one place where they become values: on the machine that runs the agent.

`${AGENT_SESSION_NAME}` and its like are words about the session. `${env:NAME}` and `${file:PATH}` are secrets: they are
put where only the agent's processes find them, never into a command line, and taken out of everything that is shown.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from agent_backends.protocol import CannotRunError
from agent_backends.redaction import Secrets
from agent_backends.turn.environment import ONLY_FOR_REFERENCES
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject

SECRET_FILE_BYTES_MAX = 64 * 1024
_SECRET = re.compile(r"\$\{(env|file):([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS = "AGENT_"
# What of an MCP server's settings becomes its command line.
_IN_THE_OPEN = ("command", "args")


class Resolver:
    """Fills in the references of one blueprint, and remembers which secrets it has given out."""

    def __init__(self, agent_name: str, words: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._agent_name = agent_name
        self._words = words
        self._environment = environment
        self._given: set[str] = set()

    def secrets(self) -> Secrets:
        """Return what is to be kept out of everything that is shown."""
        own = {value for name, value in self._environment.items() if name.startswith(ONLY_FOR_REFERENCES)}
        token = self._environment.get("AGENT_RUNTIME_TOKEN", "")
        return Secrets.of(self._given | own | {token})

    def text(self, text: str) -> str:
        """Fill in the words of the session; other placeholders stay as they are."""
        for name, word in self._words.items():
            text = text.replace(f"${{{name}}}", word)
        return text

    def environment(self, options: JsonObject) -> dict[str, str]:
        """Read the variables of the blueprint's own for its agent, `env` of its options.

        Errors:  CannotRunError.
        """
        asked = options.get("env")
        if asked is None:
            return {}
        if not isinstance(asked, Mapping):
            self._refuse(Reason.INVALID_PARAMETERS, "expected 'env' in its options to be an object of texts")
        return {name: self._variable(name, value) for name, value in asked.items()}

    def mcp_servers(self, servers: JsonObject) -> JsonObject:
        """Fill in the settings of the MCP servers.

        Errors:  CannotRunError.
        """
        return {name: self._server(name, settings) for name, settings in servers.items()}

    def check_open_places(self, value: Json, where: str) -> None:
        """Refuse references to secrets where every user of the machine could read their values.

        Errors:  CannotRunError.
        """
        self._filled(value, where, self._refuse_in_the_open)

    def _server(self, name: str, settings: Json) -> Json:
        if not isinstance(settings, Mapping):
            return settings
        return {
            key: self._filled(
                value,
                f"mcp_servers.{name}.{key}",
                self._refuse_in_the_open if key in ("command", "args") else self._value,
            )
            for key, value in settings.items()
        }

    def _variable(self, name: str, value: Json) -> str:
        if not _NAME.fullmatch(name) or name.startswith(_OURS):
            self._refuse(
                Reason.INVALID_PARAMETERS, f"{name!r} in 'env' of its options is no name for a variable of yours"
            )
        if not isinstance(value, str) or "\0" in value:
            self._refuse(Reason.INVALID_PARAMETERS, f"expected {name!r} in 'env' of its options to be a text")
        return _SECRET.sub(lambda found: self._value(found, f"options.env.{name}"), self.text(value))

    def _filled(self, value: Json, where: str, secret: Callable[[re.Match[str], str], str]) -> Json:
        if isinstance(value, str):
            # The words first: what a secret holds is never looked at again.
            return _SECRET.sub(lambda found: secret(found, where), self.text(value))
        if isinstance(value, Mapping):
            return {key: self._filled(item, f"{where}.{key}", secret) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._filled(item, where, secret) for item in value]
        return value

    def _value(self, found: re.Match[str], where: str) -> str:
        kind, name = found.groups()
        value = (
            self._from_environment(found[0], name, where) if kind == "env" else self._from_file(found[0], name, where)
        )
        self._given.add(value)
        return value

    def _from_environment(self, reference: str, name: str, where: str) -> str:
        if not _NAME.fullmatch(name):
            self._refuse(Reason.INVALID_PARAMETERS, f"{reference!r} in {where}: expected ${{env:NAME}}")
        value = self._environment.get(name)
        if not value:
            found = "not set" if value is None else "empty"
            self._miss(f"{reference!r} in {where} is {found} (set it in the launcher's environment)")
        return value

    def _from_file(self, reference: str, name: str, where: str) -> str:
        home = self._environment.get("HOME", "~")
        path = Path(home + name[1:] if name.startswith("~/") else name)
        if not path.is_absolute():
            self._refuse(
                Reason.INVALID_PARAMETERS, f"{reference!r} in {where}: expected an absolute path, or one from '~/'"
            )
        try:
            value = _read_secret(path)
        except (OSError, ValueError) as cause:
            found = cause.strerror if isinstance(cause, OSError) else str(cause)
            self._miss(f"{reference!r} in {where} cannot be read on this machine: {found}")
        return value

    def _refuse_in_the_open(self, found: re.Match[str], where: str) -> str:
        self._refuse(
            Reason.INVALID_PARAMETERS,
            f"{found[0]!r} in {where} would stand in a command line, which every user of the machine can read"
            " (put it into 'env', and have the program read it from its environment)",
        )

    def _miss(self, sentence: str) -> NoReturn:
        self._refuse(Reason.SECRET_MISSING, sentence)

    def _refuse(self, reason: Reason, sentence: str) -> NoReturn:
        raise CannotRunError(reason, f"cannot run agent {self._agent_name!r}: {sentence}")


def _read_secret(path: Path) -> str:
    # Links are followed: where secrets are mounted they often are links.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is no file")
        content = file.read(SECRET_FILE_BYTES_MAX + 1)
    if len(content) > SECRET_FILE_BYTES_MAX:
        raise ValueError(f"it is larger than {SECRET_FILE_BYTES_MAX} bytes")
    value = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    if not value or "\0" in value:
        raise ValueError("it is empty" if not value else "it holds a zero byte")
    return value
