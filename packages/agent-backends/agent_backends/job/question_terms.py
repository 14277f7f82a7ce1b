"""What `ao-start` and `ao-resume` are told of what a turn asks: until when, and what holds then."""

from typing import Annotated

from runtime_client.terminal.arguments import Option, duration
from runtime_client.wire import Json, JsonObject

NEVER = "never"
_TIME = "_seconds"
_EXPECTED = f"expected TERM=VALUE, such as at_expiry=stop, expire_seconds=2h or give_way_seconds={NEVER}"


def _terms(word: str) -> JsonObject:
    """Read `at_expiry=stop,expire_seconds=2h`; which terms and words there are is the runtime's to know.

    Errors:  ValueError.
    """
    return dict(_term(part.strip()) for part in word.split(","))


def _term(pair: str) -> tuple[str, Json]:
    name, _, value = (word.strip() for word in pair.partition("="))
    if not (name and value):
        raise ValueError(_EXPECTED)
    if not name.endswith(_TIME):
        return name, value
    try:
        return name, None if value == NEVER else duration(0)(value)
    except ValueError as cause:
        raise ValueError(_EXPECTED) from cause


QuestionsOption = Annotated[
    list[JsonObject] | None,
    Option(
        "--questions",
        "For what the turn asks: expire_seconds=2h, at_expiry=deny|allow|stop, parent=told, give_way_seconds=10m.",
        metavar="TERM=VALUE",
        read=_terms,
        is_list=True,
    ),
]


def wanted_terms(said: list[JsonObject] | None) -> JsonObject:
    """Return what was typed as the order has it; the later of two words for the same is meant."""
    return {name: value for one in said or () for name, value in one.items()}
