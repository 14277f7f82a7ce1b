"""What a blueprint may say of its sandbox and of its command line; read strictly, as it is about safety."""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_SECRET = re.compile(r"\$\{(env|file):")
_OF_BUBBLEWRAP = frozenset({"kind", "network", "readable", "writable"})

Word = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]*$")]
Folder = Annotated[str, Field(max_length=4096, pattern=r"^(/|~/)[^\x00]*$")]


class BubblewrapText(BaseModel):
    """The sandbox that `bwrap` makes: the project folder can be written, home folders are out of sight."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Literal["bubblewrap"]
    network: bool = True
    readable: Annotated[list[Folder], Field(max_length=100)] = []
    writable: Annotated[list[Folder], Field(max_length=100)] = []


class WrapperText(BaseModel):
    """Another program that runs the agent's command, which is put after its own words."""

    model_config = ConfigDict(extra="forbid", strict=True)

    command: Annotated[list[Word], Field(min_length=1, max_length=1000)]


def checked_sandbox(value: object) -> object:
    """Refuse in one sentence what is no sandbox, before its parts are looked at."""
    fields = set(value) if isinstance(value, dict) else set()
    is_bubblewrap = isinstance(value, dict) and value.get("kind") == "bubblewrap" and fields <= _OF_BUBBLEWRAP
    if value is None or value == "bubblewrap" or is_bubblewrap or fields == {"command"}:
        return value
    raise ValueError(
        "expected 'bubblewrap', an object of that 'kind' with 'network', 'readable' and 'writable', or one with a "
        "'command' alone"
    )


def without_secrets(words: list[str]) -> list[str]:
    """Refuse references to secrets in a command line, which every user of the machine can read."""
    if any(_SECRET.search(word) for word in words):
        raise ValueError(
            "a secret in a command line is open to every user of the machine (put the reference into 'options.env')"
        )
    return words
