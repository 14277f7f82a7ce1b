"""What a job asks of its end, beside that its agent ends well."""

from dataclasses import dataclass

from runtime_client.wire import (
    JsonObject,
    UnexpectedAnswerError,
    nested,
    only,
    optional_integer,
    optional_number,
    texts,
)

VERIFY_SECONDS = 600.0
VERIFY_ATTEMPTS = 3


@dataclass(frozen=True)
class Verification:
    """A command that has to pass in the project folder once the agent has ended its turn."""

    command: tuple[str, ...]
    timeout_seconds: float = VERIFY_SECONDS


@dataclass(frozen=True)
class Checks:
    """A command that has to pass, and a JSON Schema that the result has to fit; at least one of them.

    Shape:   `verify_attempts` is how often what the command printed goes back to the agent.
    """

    verify: Verification | None = None
    verify_attempts: int = VERIFY_ATTEMPTS
    output_schema: JsonObject | None = None

    @classmethod
    def read(cls, source: JsonObject) -> "Checks":
        """Read them as the runtime sends them.

        Errors:  UnexpectedAnswerError, also for a check that we know nothing of: it would be passed over.
        """
        only(source, ("verify", "verify_attempts", "output_schema"), "what the job asks of its end")
        told = source.get("verify_attempts")
        return cls(
            verify=_verification(nested(source, "verify")) if source.get("verify") is not None else None,
            verify_attempts=VERIFY_ATTEMPTS if told is None else optional_integer(source, "verify_attempts") or 0,
            output_schema=nested(source, "output_schema") if source.get("output_schema") is not None else None,
        )


def _verification(source: JsonObject) -> Verification:
    only(source, ("command", "timeout_seconds"), "'verify'")
    command = texts(source, "command")
    if not command:
        raise UnexpectedAnswerError("expected 'verify' to have a 'command', found none")
    return Verification(command, optional_number(source, "timeout_seconds") or VERIFY_SECONDS)
