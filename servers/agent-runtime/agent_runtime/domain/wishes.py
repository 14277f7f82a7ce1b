"""What can be wished with an order: when the parent is woken, and what its session waits for."""

from enum import StrEnum

DEFAULT_GROUP = "default"


class CallbackPolicy(StrEnum):
    """When the parent is woken; all but `each` are about the whole group."""

    EACH = "each"
    ALL = "all"
    FIRST = "first"
    ANY_FAILED = "any_failed"


class WaitFor(StrEnum):
    """What must be at rest before a session is finished."""

    NOTHING = "nothing"
    CHILDREN = "children"
