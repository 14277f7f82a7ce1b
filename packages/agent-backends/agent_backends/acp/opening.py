"""A conversation with an agent: begun anew, or gone on with, and set up as the blueprint wants it."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent_backends.acp.options import Resume
from agent_backends.client.loose import is_true, part, parts, word
from agent_backends.client.peer import Peer, RefusedByPeerError
from agent_backends.protocol import CannotRunError, Turn
from runtime_client.reasons import Reason
from runtime_client.wire import Json, JsonObject

# Where an agent says what it offers that has no configuration options yet.
_OLD_CHOICES: Mapping[str, tuple[str, str, str]] = {
    "mode": ("modes", "availableModes", "id"),
    "model": ("models", "availableModels", "modelId"),
}


def takes_system_prompt(capabilities: JsonObject) -> bool:
    """Whether the agent knows system prompts, which the protocol itself does not have yet."""
    return "systemPrompt" in part(capabilities, "sessionCapabilities")


@dataclass(frozen=True)
class Opened:
    """A conversation that can be prompted.

    Shape:   `offers` is what the agent said of it, its configuration options included.
    """

    session_id: str
    offers: JsonObject


class Opening:
    """Opens the conversation of one turn, once the agent has said what it can."""

    def __init__(self, peer: Peer, turn: Turn, capabilities: JsonObject, servers: list[JsonObject]) -> None:
        self._peer = peer
        self._turn = turn
        self._capabilities = capabilities
        self._place: dict[str, Json] = {"cwd": str(turn.project_dir), "mcpServers": servers}
        if takes_system_prompt(capabilities) and turn.blueprint.system_prompt:
            block: JsonObject = {"type": "text", "text": turn.blueprint.system_prompt}
            self._place["systemPrompt"] = {"mode": "append", "content": [block]}

    async def open(self, resume: Resume) -> Opened:
        """Begin a conversation, or go on with the turn's own.

        Errors:  CannotRunError; RefusedByPeerError, where a new one is refused; GoneError.
        """
        wanted = self._turn.backend_session_id
        if wanted is None:
            answer = await self._peer.request("session/new", self._place)
            return Opened(word(answer, "sessionId"), answer)
        method = self._method(resume)
        try:
            answer = await self._peer.request(method, {"sessionId": wanted, **self._place})
        except RefusedByPeerError as refusal:
            raise self._not_found(f"it answered {method} with: {refusal}") from refusal
        return Opened(wanted, answer)

    def _method(self, resume: Resume) -> str:
        # A resume replays nothing, so it is quicker, and an agent that declares both means both.
        if resume is Resume.AUTO and "resume" in part(self._capabilities, "sessionCapabilities"):
            return "session/resume"
        if resume is not Resume.NEVER and is_true(self._capabilities, "loadSession"):
            return "session/load"
        raise self._not_found("it cannot go on with a conversation in a new process")

    def _not_found(self, found: str) -> CannotRunError:
        turn = self._turn
        return CannotRunError(
            Reason.SESSION_NOT_FOUND,
            f"cannot resume session {turn.session_name!r}: agent {turn.blueprint.name!r} has no conversation"
            f" {turn.backend_session_id!r} to go on with: {found} (start a new session)",
        )


def check_has_no_modes(turn: Turn, opened: Opened) -> None:
    """Refuse an agent whose every question is to be rejected, and that has modes of which the blueprint names none.

    In some modes an agent asks nothing, and it begins in the one that its maker or its user likes.

    Errors:  CannotRunError.
    """
    option = _option(opened.offers, "mode")
    modes = _choices(option) if option is not None else _old_choices(opened.offers, "mode")
    if modes:
        shown = ", ".join(repr(mode) for mode in modes[:20])
        raise _cannot(turn, f"'permission' rejects what it asks for, and 'config' names no 'mode' to ask in ({shown})")


async def configure(peer: Peer, turn: Turn, opened: Opened, wanted: Mapping[str, str | bool]) -> JsonObject:
    """Set what the blueprint wants set, read it back, and return what the agent says of itself then.

    Errors:  CannotRunError; RefusedByPeerError; GoneError.
    """
    offers = opened.offers
    for name, value in wanted.items():
        offers = await _set(peer, turn, Opened(opened.session_id, offers), name, value)
    return offers


async def _set(peer: Peer, turn: Turn, opened: Opened, name: str, value: str | bool) -> JsonObject:
    option = _option(opened.offers, name)
    if option is None:
        return await _set_old_way(peer, turn, opened, name, value)
    if option.get("currentValue") == value:
        return opened.offers
    _check_choice(turn, name, value, _choices(option))
    kind: JsonObject = {"type": "boolean"} if isinstance(value, bool) else {}
    asked: JsonObject = {"sessionId": opened.session_id, "configId": word(option, "id"), "value": value, **kind}
    answer = await peer.request("session/set_config_option", asked)
    found = _option(answer, name)
    if found is not None and found.get("currentValue") != value:
        raise _cannot(turn, f"{name!r} was to be {value!r} and is {found.get('currentValue')!r} after it was set")
    return {**opened.offers, **answer}


async def _set_old_way(peer: Peer, turn: Turn, opened: Opened, name: str, value: str | bool) -> JsonObject:
    """Set the mode or the model of an agent that has no configuration options yet."""
    choices = _old_choices(opened.offers, name)
    if not choices or not isinstance(value, str):
        known = ", ".join(repr(word(one, "id")) for one in parts(opened.offers, "configOptions")) or "none"
        raise _cannot(turn, f"it has no configuration option {name!r} (it has: {known})")
    _check_choice(turn, name, value, choices)
    await peer.request(f"session/set_{name}", {"sessionId": opened.session_id, f"{name}Id": value})
    return opened.offers


def _option(offers: JsonObject, name: str) -> JsonObject | None:
    offered = parts(offers, "configOptions")
    by_id = [one for one in offered if word(one, "id") == name]
    return next(iter(by_id or [one for one in offered if word(one, "category") == name]), None)


def _old_choices(offers: JsonObject, name: str) -> list[str]:
    field, choices, key = _OLD_CHOICES.get(name, ("", "", ""))
    return [word(one, key) for one in parts(offers, field, choices)]


def _choices(option: JsonObject) -> list[str]:
    given = parts(option, "options")
    grouped = [one for group in given for one in parts(group, "options")]
    return [word(one, "value") for one in grouped or given]


def _check_choice(turn: Turn, name: str, value: str | bool, choices: list[str]) -> None:
    if isinstance(value, str) and choices and value not in choices:
        shown = ", ".join(repr(choice) for choice in choices[:20])
        raise _cannot(turn, f"its {name!r} cannot be {value!r} (it offers: {shown}{', …' if choices[20:] else ''})")


def _cannot(turn: Turn, found: str) -> CannotRunError:
    return CannotRunError(
        Reason.INVALID_PARAMETERS, f"cannot run agent {turn.blueprint.name!r} as its agent.json says: {found}"
    )
