"""What a blueprint may say to each kind of agent.

The runtime runs no agent and imports no backend: what each kind says of itself lies here as a file, which a test keeps
up to date. What an option means, and whether it holds on a machine, is for the backend to say, where the agent runs.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter

from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.domain.near_words import did_you_mean
from agent_runtime.domain.permissions import Verdict, read_permissions

# What every kind has, as it is not the kind that heeds it.
_COMMON = ("env",)


class _Option(BaseModel):
    choices: list[str] = []
    instead_of: str | None = None


class _Kind(BaseModel):
    options: dict[str, _Option]
    cannot_hold: Annotated[dict[str, str], Field(default_factory=dict)]
    permissions: list[str] = []
    ruled_tools: list[str] = []


@functools.cache
def _kinds() -> Mapping[str, _Kind]:
    text = Path(__file__).with_name("backends.json").read_bytes()
    return TypeAdapter(dict[str, _Kind]).validate_json(text)


def known_backends() -> Sequence[str]:
    """Return the names of the kinds of agents."""
    return tuple(_kinds())


def known_backend(name: str) -> str:
    """Return the name of a kind of agent if there is one of that name.

    Errors:  ValueError.
    """
    known = known_backends()
    if name not in known:
        hint = did_you_mean(name, known) or f" (there are: {', '.join(known)})"
        raise ValueError(f"there is no backend {name!r}{hint}")
    return name


def check_can_hold(backend: str, options: Mapping[str, Json], limits: Mapping[str, Json]) -> None:
    """Refuse what a blueprint asks of a kind that does not know it, or that nobody could hold to it.

    Errors:  ValueError.
    """
    kind = _kinds()[backend]
    said = {name: value for name, value in (*options.items(), *limits.items()) if value is not None}
    for name, because in kind.cannot_hold.items():
        if name in said:
            raise ValueError(f"backend '{backend}' cannot be held to '{name}': {because} (leave it out)")
    for name, value in options.items():
        _check_option(backend, kind, name, value, options)


def can_ask(backend: str) -> bool:
    """Tell whether a kind of agent asks before it does what it may not do unasked."""
    kind = _kinds().get(backend)
    return kind is not None and Verdict.ASK in kind.permissions


def asks_for(backend: str) -> Sequence[str]:
    """Tell for which tools a kind of agent asks; `*` is all."""
    kind = _kinds().get(backend)
    return tuple(kind.ruled_tools) if kind is not None else ()


def check_can_give_way(backend: str, give_way_seconds: float | None) -> None:
    """Refuse that a kind is ended while it asks that goes on with no conversation, or does not ask by itself.

    Errors:  ValueError.
    """
    if give_way_seconds is not None and not can_ask(backend):
        raise ValueError(f"backend '{backend}' cannot give way while it asks (leave 'give_way_seconds' out)")


def check_permissions(backend: str, permissions: Json, options: Mapping[str, Json]) -> None:
    """Refuse a policy that a kind cannot be held to, or that its options say in other words.

    Errors:  ValueError.
    """
    kind, policy = _kinds()[backend], read_permissions(permissions)
    if policy is None:
        return
    for name in ("permission", kind.options["permission"].instead_of if "permission" in kind.options else None):
        if name is not None and options.get(name) is not None:
            raise ValueError(f"'permissions' and option '{name}' of backend '{backend}' say the same (keep one)")
    needed = Verdict.ASK if policy.has_rules else policy.default
    if needed not in kind.permissions:
        known = ", ".join(f"'{word}'" for word in kind.permissions) or "nothing"
        what = "rules" if policy.has_rules else f"'{policy.default}'"
        raise ValueError(f"backend '{backend}' cannot be held to {what} in 'permissions' (it can to {known})")
    for rule in (*policy.rules.get(Verdict.ASK, ()), *policy.rules.get(Verdict.DENY, ())):
        if "*" not in kind.ruled_tools and rule.tool not in kind.ruled_tools:
            raise ValueError(
                f"backend '{backend}' cannot be held to a rule about '{rule.tool[:60]}': it does that without asking "
                f"(it asks for {', '.join(kind.ruled_tools)})"
            )


def _check_option(backend: str, kind: _Kind, name: str, value: Json, options: Mapping[str, Json]) -> None:
    if name in _COMMON:
        return
    option = kind.options.get(name)
    if option is None:
        known = (*kind.options, *_COMMON)
        hint = did_you_mean(name, known) or f" (there are: {', '.join(known)})"
        raise ValueError(f"backend '{backend}' has no option '{name}'{hint}")
    if value is None:
        return
    if option.choices and value not in option.choices:
        expected = ", ".join(f"'{choice}'" for choice in option.choices)
        raise ValueError(f"option '{name}' of backend '{backend}' can be one of {expected}, found {_shown(value)}")
    if option.instead_of is not None and options.get(option.instead_of) is not None:
        raise ValueError(f"options '{name}' and '{option.instead_of}' of backend '{backend}' say the same (keep one)")


def _shown(value: Json) -> str:
    return f"'{value[:60]}'" if isinstance(value, str) else "no text"


def say_backends(schema: JsonObject) -> None:
    """Say in a schema which names are known."""
    schema["enum"] = list(known_backends())
