"""What a blueprint may say about an agent of the Agent Client Protocol in its `options` and `limits`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from agent_backends.client.limits import refuse_limit
from runtime_client.wire import JsonObject, UnexpectedAnswerError, nested, one_of, only, optional_number

OPTIONS = ("config", "permission", "resume", "start_seconds")
START_SECONDS = 120.0


class Permission(StrEnum):
    """What the agent is answered when it asks whether it may use a tool."""

    ALLOW_ONCE = "allow_once"
    REJECT = "reject"


class Resume(StrEnum):
    """How a conversation is gone on with."""

    AUTO = "auto"
    LOAD = "load"
    NEVER = "never"


@dataclass(frozen=True)
class AcpOptions:
    """The choices of one blueprint.

    Shape:   `config` maps a configuration option of the agent, by its id or its category, to the wanted value.
    Units:   `start_seconds` is how long the agent may take to answer before it has the prompt; afterwards it may think
             as long as it wants. `max_cost_usd` is of one prompt.
    """

    permission: Permission = Permission.ALLOW_ONCE
    config: Mapping[str, str | bool] = field(default_factory=dict)
    resume: Resume = Resume.AUTO
    start_seconds: float = START_SECONDS
    max_cost_usd: float | None = None

    @classmethod
    def read(cls, options: JsonObject, limits: JsonObject, model: str | None) -> "AcpOptions":
        """Read the options and limits of a blueprint; its model is a configuration option like others.

        Errors:  UnexpectedAnswerError, naming the option and what was expected.
        """
        only(options, OPTIONS, "its 'options'")
        because = "the protocol does not tell of calls to the model"
        refuse_limit(limits, "max_turns", because, "max_tokens", "max_cost_usd", "max_run_seconds")
        given = {} if model is None else {"model": model}
        return cls(
            permission=Permission(one_of(options, "permission", tuple(Permission)) or Permission.ALLOW_ONCE),
            config=given | {name: _choice(name, value) for name, value in nested(options, "config").items()},
            resume=Resume(one_of(options, "resume", tuple(Resume)) or Resume.AUTO),
            start_seconds=optional_number(options, "start_seconds") or START_SECONDS,
            max_cost_usd=optional_number(limits, "max_cost_usd"),
        )


def _choice(name: str, value: object) -> str | bool:
    if isinstance(value, str | bool):
        return value
    raise UnexpectedAnswerError(f"expected {name!r} in 'config' of its options to be a text, or true or false")
