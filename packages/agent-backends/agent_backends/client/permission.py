"""The one word about permission that means the same for every kind of agent that can be held to it."""

from collections.abc import Mapping
from enum import StrEnum

from runtime_client.wire import JsonObject, UnexpectedAnswerError, one_of


class Permission(StrEnum):
    """What becomes of an act for which an agent would have to ask somebody: it may, this once, or it may not."""

    ALLOW_ONCE = "allow_once"
    REJECT = "reject"
    ASK = "ask"
    """Somebody is asked: not said in options, but by a blueprint's `permissions`."""


PERMISSIONS = (Permission.ALLOW_ONCE.value, Permission.REJECT.value)
_BY_POLICY: Mapping[str, Permission] = {
    "allow": Permission.ALLOW_ONCE,
    "deny": Permission.REJECT,
    "ask": Permission.ASK,
}


_LETS_PASS = frozenset({"allowed_tools", "setting_sources"})
"""What lets a client do unasked what it would ask for: its blueprint may say so of itself, and not of those above."""


def held_to(options: JsonObject, word: str | None, instead_of: str | None, *, from_above: bool = False) -> JsonObject:
    """Return the options of an agent that is held to what its blueprint, and those above it, say of permissions.

    Shape:   `word` is `allow`, `ask` or `deny`, None if nothing is said; `instead_of` is the client's own option that
             says the same, and counts only where everything is allowed. `from_above` is whether somebody else than
             the blueprint holds it.
    """
    if word is None or (word == "allow" and (options.get("permission") or options.get(instead_of or ""))):
        return options
    left_out = {instead_of, *(_LETS_PASS if from_above else ())}
    own = {name: value for name, value in options.items() if name not in left_out}
    return {**own, "permission": _BY_POLICY[word].value}


def permission_in(options: JsonObject) -> Permission | None:
    """Return what a blueprint says in the word that all kinds share; None if it does not.

    Errors:  UnexpectedAnswerError.
    """
    said = one_of(options, "permission", tuple(Permission))
    return None if said is None else Permission(said)


def mode_in(options: JsonObject, field: str, modes: tuple[str, ...], meant: Mapping[Permission, str]) -> str:
    """Return the client's own mode: as its own word says, or as the shared word means it; the first without either.

    Errors:  UnexpectedAnswerError, also if a blueprint says both.
    """
    permission, mode = permission_in(options), one_of(options, field, modes)
    if permission is not None and mode is not None:
        raise UnexpectedAnswerError(f"'permission' and {field!r} of its options say the same thing (keep one)")
    return mode or (modes[0] if permission is None else meant[permission])
