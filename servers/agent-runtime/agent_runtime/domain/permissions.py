"""What an agent may do without asking: what its blueprint says, and what the blueprints of those above it say."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent_runtime.domain.json import Json
from agent_runtime.domain.permission_rules import READING, Call, Rule, fits, read_rule

RULES_MAX = 200


class Verdict(StrEnum):
    """What becomes of a call of a tool."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


_STRICTEST = (Verdict.DENY, Verdict.ASK, Verdict.ALLOW)


@dataclass(frozen=True)
class Permissions:
    """What a blueprint says: one word for everything, and rules that say otherwise of some calls.

    Shape:   of several rules about one call, one that denies wins over one that asks, and that over one that allows.
    """

    default: Verdict
    rules: Mapping[Verdict, Sequence[Rule]]

    @property
    def has_rules(self) -> bool:
        """Whether anything is said of some calls only."""
        return any(self.rules.values())

    def verdict(self, call: Call) -> Verdict:
        """Tell what becomes of a call."""
        for word in _STRICTEST:
            if any(fits(rule, call, wholly=word is Verdict.ALLOW) for rule in self.rules.get(word, ())):
                return word
        return self.default


def read_permissions(said: Json) -> Permissions | None:
    """Read what a blueprint says of permissions; None if it says nothing.

    Errors:  ValueError.
    """
    if said is None:
        return None
    if isinstance(said, str):
        return Permissions(_verdict(said), {})
    if not isinstance(said, dict):
        raise ValueError("'allow', 'ask', 'deny', or an object with rules is expected")  # noqa: TRY004 - as its callers
    unknown = sorted(set(said) - {"default", *Verdict})
    if unknown:
        raise ValueError(f"there is no key '{unknown[0][:60]}' (there are: default, allow, ask, deny)")
    return Permissions(
        _verdict(said.get("default", Verdict.ASK), "as 'default' "),
        {word: _rules(word, said.get(word)) for word in Verdict},
    )


@dataclass(frozen=True)
class Say:
    """What one of several who have a say says, if anything, and the folder that its rules are about."""

    permissions: Permissions | None
    folder: str | None = None


def strictest(line: Iterable[Say], call: Call) -> Verdict | None:
    """Tell what becomes of a call where several have a say, of whom none may be gone beyond; None if none says a word.

    Shape:   each is judged by itself, so nobody below can allow what somebody above does not.
    """
    said = {one.permissions.verdict(call.judged_in(one.folder)) for one in line if one.permissions is not None}
    return next((word for word in _STRICTEST if word in said), None)


def beyond(line: Iterable[Permissions | None], asks_for: Collection[str], *, only_reads: bool = False) -> str | None:
    """Name a tool that an agent uses unasked though somebody of a line has rules about it; None if there is none.

    Shape:   `asks_for` are the tools for which the agent asks, `*` for all. What asks for some reads unasked, and
             `only_reads` is for one that does nothing else.
    """
    if "*" in asks_for:
        return None
    for one in (one for one in line if one is not None and one.has_rules):
        named = (rule.tool for word in (Verdict.DENY, Verdict.ASK) for rule in one.rules.get(word, ()))
        unasked = next((tool for tool in named if tool not in asks_for and (tool in READING or not only_reads)), None)
        if unasked is not None or one.verdict(Call("Read")) is not Verdict.ALLOW:
            return unasked or "Read"
    return None


def one_word(line: Iterable[Permissions | None]) -> Verdict | None:
    """Say in one word how an agent is to be held to what several say: `ask` where it depends on the call."""
    said = [one for one in line if one is not None]
    if not said:
        return None
    if any(one.default is Verdict.DENY and not one.has_rules for one in said):
        return Verdict.DENY
    is_free = all(one.default is Verdict.ALLOW and not one.has_rules for one in said)
    return Verdict.ALLOW if is_free else Verdict.ASK


def _verdict(said: Json, what: str = "") -> Verdict:
    if said not in tuple(Verdict):
        raise ValueError(f"{what}'allow', 'ask' or 'deny' is expected")
    return Verdict(str(said))


def _rules(word: Verdict, said: Json) -> tuple[Rule, ...]:
    if said is None:
        return ()
    if not isinstance(said, list) or len(said) > RULES_MAX or not all(isinstance(one, str) for one in said):
        raise ValueError(f"'{word}' is a list of at most {RULES_MAX} rules, each a text")
    return tuple(read_rule(str(one)) for one in said)
