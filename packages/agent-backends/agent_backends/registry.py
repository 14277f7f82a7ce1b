"""The kinds of agents there are, each imported only when it is asked for: one line and one folder for each."""

import importlib
from typing import Final

from agent_backends.kind import Kind
from agent_backends.protocol import Backend

# Each is a folder beside this file, whose `kind.py` can `describe()` it.
KINDS: Final = ("acp", "claude", "codex", "command", "gemini")


class BackendMissingError(Exception):
    """No such kind of agent can run on this machine."""


def kind_named(name: str) -> Kind:
    """Return what a kind says of itself.

    Errors:  BackendMissingError, if there is none of that name.
    """
    if name not in KINDS:
        known = ", ".join(repr(known) for known in KINDS)
        raise BackendMissingError(f"cannot load backend {name!r}: expected one of {known}")
    # One by one and late: the Claude SDK alone takes a second, which no other agent should pay for.
    kind: Kind = importlib.import_module(f"agent_backends.{name}.kind").describe()
    return kind


def load_backend(name: str) -> Backend:
    """Return the backend that blueprints call `name`.

    Errors:  BackendMissingError, if there is none of that name or what it needs is not installed.
    """
    kind = kind_named(name)
    try:
        return kind.load()
    except ImportError as cause:
        hint = "" if kind.extra is None else f" (install agent-backends with its extra {kind.extra!r})"
        raise BackendMissingError(f"cannot load backend {name!r}: {cause}{hint}") from cause
