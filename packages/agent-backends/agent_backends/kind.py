"""What a kind of agent says of itself: to blueprints, to the page, to documents, and to whoever asks what runs here."""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent_backends.protocol import Backend
from runtime_client.wire import JsonObject

VERSION_SECONDS = 20.0


@dataclass(frozen=True)
class Option:
    """One option that its blueprints may have.

    Shape:   `default` is what holds without it, in words; `choices` are the words that it may be, if those are all that
             there are; `instead_of` names another option that says the same, and that no blueprint has beside it.
    """

    name: str
    means: str
    default: str = ""
    choices: tuple[str, ...] = ()
    instead_of: str | None = None


@dataclass(frozen=True)
class Found:
    """What there is of a client on this machine.

    Shape:   `program` is None if it is not there, and `version` if nobody asked for it; `is_signed_in` is None if
             nobody can tell without spending money; `account` tells its account from others, and is no part of any
             secret.
    """

    program: str | None = None
    is_signed_in: bool | None = None
    version: str | None = None
    account: str | None = None


Look = Callable[[JsonObject, tuple[str, ...], Mapping[str, str]], Found]


@dataclass(frozen=True)
class Kind:
    """One kind of agent.

    Shape:   `takes_command` says whether a blueprint names the program itself; `look` takes a blueprint's options, its
             command and the environment; `extra` is the package's extra that brings what it needs; `cannot_hold` says
             of limits, and of options that other kinds have, why nobody could hold this kind to them; `permissions` are
             the words of a blueprint's `permissions` that it can be held to, and `ruled_tools` the tools whose calls it
             asks about before it makes them, `*` for all.
    """

    name: str
    title: str
    takes_command: bool
    options: tuple[Option, ...]
    load: Callable[[], Backend] = field(repr=False)
    look: Look = field(repr=False)
    extra: str | None = None
    cannot_hold: Mapping[str, str] = field(default_factory=dict)
    permissions: tuple[str, ...] = ()
    ruled_tools: tuple[str, ...] = ()


def version_of(program: str, environment: Mapping[str, str]) -> str | None:
    """Ask a program for its version; None if it does not say."""
    try:
        done = subprocess.run(
            [program, "--version"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=VERSION_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.strip().splitlines()
    return lines[-1].strip()[:100] if done.returncode == 0 and lines else None


def found_program(
    program: str, environment: Mapping[str, str], *, is_signed_in: bool | None = None, account: str | None = None
) -> Found:
    """Return what there is of a client whose program is known."""
    path = shutil.which(program, path=environment.get("PATH"))
    return Found() if path is None else Found(path, is_signed_in, account=account)
