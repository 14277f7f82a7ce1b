"""What a blueprint may say about an agent of the Agent Client Protocol in its `options` and `limits`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agent_backends.client.limits import refuse_limits
from agent_backends.client.permission import Permission, permission_in
from runtime_client.wire import JsonObject, UnexpectedAnswerError, nested, one_of, only, optional_number, texts

OPTIONS = ("config", "own_folders", "permission", "resume", "start_seconds")
CANNOT_HOLD: Mapping[str, str] = {"max_turns": "the protocol does not tell of calls to the model"}
START_SECONDS = 120.0


class Resume(StrEnum):
    """How a conversation is gone on with."""

    AUTO = "auto"
    LOAD = "load"
    NEVER = "never"


@dataclass(frozen=True)
class AcpOptions:
    """The choices of one blueprint.

    Shape:   `config` maps a configuration option of the agent, by its id or its category, to the wanted value;
             `permission` is what it is answered when it asks whether it may use a tool; `own_folders` are where it
             keeps what is its own, from `/` or `~/`.
    Units:   `start_seconds` is how long the agent may take to answer before it has the prompt; afterwards it may think
             as long as it wants. `max_cost_usd` is of one prompt.
    """

    permission: Permission = Permission.ALLOW_ONCE
    config: Mapping[str, str | bool] = field(default_factory=dict)
    own_folders: tuple[str, ...] = ()
    resume: Resume = Resume.AUTO
    start_seconds: float = START_SECONDS
    max_cost_usd: float | None = None

    @classmethod
    def read(cls, options: JsonObject, limits: JsonObject, model: str | None) -> "AcpOptions":
        """Read the options and limits of a blueprint; its model is a configuration option like others.

        Errors:  UnexpectedAnswerError, naming the option and what was expected.
        """
        only(options, OPTIONS, "its 'options'")
        refuse_limits(limits, CANNOT_HOLD)
        given = {} if model is None else {"model": model}
        return cls(
            permission=permission_in(options) or Permission.ALLOW_ONCE,
            config=given | {name: _choice(name, value) for name, value in nested(options, "config").items()},
            own_folders=tuple(_folder(path) for path in texts(options, "own_folders")),
            resume=Resume(one_of(options, "resume", tuple(Resume)) or Resume.AUTO),
            start_seconds=optional_number(options, "start_seconds") or START_SECONDS,
            max_cost_usd=optional_number(limits, "max_cost_usd"),
        )


def _folder(path: str) -> str:
    if path.startswith(("/", "~/")) and "\0" not in path:
        return path
    raise UnexpectedAnswerError(f"expected paths from '/' or '~/' in 'own_folders' of its options, found {path!r}")


def _choice(name: str, value: object) -> str | bool:
    if isinstance(value, str | bool):
        return value
    raise UnexpectedAnswerError(f"expected {name!r} in 'config' of its options to be a text, or true or false")
