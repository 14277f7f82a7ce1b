"""What a session and its tree may cost: how many agents, how deep, how much money, tokens and time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from agent_runtime.domain.errors import Invalid
from agent_runtime.domain.json import Json

WHOLE = frozenset({"max_depth", "max_children", "max_tree_sessions", "max_tokens", "max_tree_tokens"})


@dataclass(frozen=True)
class Limits:
    """The limits of one session; None is no limit. Those with `tree` count the session and all its descendants.

    Units:   US dollars; tokens of all kinds together; seconds in which the agents' jobs ran, added up.
    """

    max_depth: int | None = None
    max_children: int | None = None
    max_tree_sessions: int | None = None
    max_cost_usd: float | None = None
    max_tokens: int | None = None
    max_run_seconds: float | None = None
    max_tree_cost_usd: float | None = None
    max_tree_tokens: int | None = None
    max_tree_run_seconds: float | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is limited."""
        return self == _UNLIMITED

    @property
    def has_budget(self) -> bool:
        """Whether something is limited that grows while agents work."""
        return any(name in _BUDGETS for name in self.as_json())

    def as_json(self) -> dict[str, Json]:
        """Give the limits that are set, by the names that they have on the wire."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}


_UNLIMITED = Limits()
DEFAULT_LIMITS = Limits(max_depth=8, max_children=100, max_tree_sessions=500)
"""What a tree may grow to where nobody said anything: enough for any plan, too little for a runaway."""

_BUDGETS = frozenset(
    {"max_cost_usd", "max_tokens", "max_run_seconds", "max_tree_cost_usd", "max_tree_tokens", "max_tree_run_seconds"}
)
LIMIT_NAMES = frozenset(field.name for field in fields(Limits))


def read_limits(source: Mapping[str, Json], where: str) -> Limits:
    """Read the limits that a client or a blueprint gives; names that are not limits are for others.

    Errors:  Invalid, naming `where`.
    """
    found: dict[str, float] = {}
    for name, value in source.items():
        if name not in LIMIT_NAMES or value is None:
            continue
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or (name in WHOLE and not isinstance(value, int)):
            kind = "a whole number" if name in WHOLE else "a number"
            raise Invalid("invalid_parameters", f"invalid {where}.{name}: {kind} expected, found '{str(value)[:40]}'")
        if float(str(value)) < 0:
            raise Invalid("invalid_parameters", f"invalid {where}.{name}: 0 or more expected, found '{value}'")
        found[name] = value  # type: ignore[assignment]  # a number, as was just seen
    return Limits(**found)  # type: ignore[arg-type]  # the names are those of the fields


def tightest(candidates: Iterable[Limits]) -> Limits:
    """Take the smallest of each limit: nobody can loosen what somebody else has set."""
    found: dict[str, float] = {}
    for limits in candidates:
        for name, value in limits.as_json().items():
            assert isinstance(value, int | float)
            found[name] = min(found.get(name, value), value)
    return Limits(**found)  # type: ignore[arg-type]  # the names are those of the fields


@dataclass(frozen=True)
class Spent:
    """What a session, or a tree of them, has consumed so far."""

    cost_usd: float = 0.0
    tokens: int = 0
    run_seconds: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.cost_usd + other.cost_usd, self.tokens + other.tokens, self.run_seconds + other.run_seconds)


@dataclass(frozen=True)
class Overrun:
    """A budget that is used up."""

    limit: str
    allowed: float
    spent: float

    @property
    def is_of_tree(self) -> bool:
        """Whether the descendants' spending counts as well."""
        return self.limit.startswith("max_tree_")


def find_overrun(limits: Limits, own: Spent, tree: Spent) -> Overrun | None:
    """Tell which budget is used up, if one is."""
    pairs: tuple[tuple[str, float | None, float], ...] = (
        ("max_cost_usd", limits.max_cost_usd, own.cost_usd),
        ("max_tokens", limits.max_tokens, own.tokens),
        ("max_run_seconds", limits.max_run_seconds, own.run_seconds),
        ("max_tree_cost_usd", limits.max_tree_cost_usd, tree.cost_usd),
        ("max_tree_tokens", limits.max_tree_tokens, tree.tokens),
        ("max_tree_run_seconds", limits.max_tree_run_seconds, tree.run_seconds),
    )
    for name, allowed, spent in pairs:
        if allowed is not None and spent >= allowed:
            return Overrun(name, allowed, spent)
    return None
