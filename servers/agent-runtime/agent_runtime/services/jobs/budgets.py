"""Money, tokens and time: what a session and its tree have spent, and what happens when it is too much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.event import NewEvent
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.json import Json
from agent_runtime.domain.limits import Limits, Overrun, Spent, find_overrun, read_limits
from agent_runtime.domain.session import Session
from agent_runtime.services.ports.store import Transaction

TREE_SESSIONS_MAX = 5_000
"""How much of one tree is read at once; trees are limited to far less."""


@dataclass(frozen=True)
class Sums:
    """What each session of a tree has spent itself, and together with its descendants."""

    own: Mapping[SessionId, Spent]
    tree: Mapping[SessionId, Spent]


def sum_up(tx: Transaction, members: Sequence[Session]) -> Sums:
    """Add up what sessions have spent, each into all of its elders."""
    times = tx.relatives.families.run_seconds([member.id for member in members], tx.now)
    own = {member.id: replace(_tokens_and_cost(member), run_seconds=times.get(member.id, 0.0)) for member in members}
    tree = dict(own)
    # A child is made after its parent, so from the newest to the oldest every child is complete when it is added.
    for member in sorted(members, key=lambda member: member.id, reverse=True):
        parent = member.parent_session_id
        if parent is not None and parent in tree:
            tree[parent] += tree[member.id]
    return Sums(own, tree)


def limits_of(tx: Transaction, session: Session) -> Limits:
    """Read the limits of a session; most have none."""
    family = tx.relatives.families.get(session.id)
    return Limits() if family is None else read_limits(family.limits, "limits")


def overrun_of(tx: Transaction, session: Session) -> Overrun | None:
    """Tell which budget of a session, or of the tree below it, is used up."""
    limits = limits_of(tx, session)
    if not limits.has_budget:
        return None
    sums = sum_up(tx, tx.relatives.families.tree(session.root_session_id, TREE_SESSIONS_MAX))
    return find_overrun(limits, sums.own.get(session.id, Spent()), sums.tree.get(session.id, Spent()))


def refuse_overspent(tx: Transaction, line: Sequence[Session], name: str) -> None:
    """Refuse work for which somebody in the line from a session up to its root has no budget left.

    Errors:  Conflict `budget_exceeded`.
    """
    for elder in line:
        overrun = overrun_of(tx, elder)
        # What an elder has spent by itself says nothing about its children.
        if overrun is None or (not overrun.is_of_tree and elder.name != name):
            continue
        raise Conflict(
            "budget_exceeded",
            f"cannot start or resume session '{name}': '{overrun.limit}' of session '{elder.name}' is "
            f"{overrun.allowed:g}, and {overrun.spent:g} is spent (nothing more can be ordered there)",
        )


def note_overrun(tx: Transaction, session: Session, overrun: Overrun) -> None:
    """Write down that a budget is used up, once."""
    family = tx.relatives.families.get(session.id)
    assert family is not None, f"session '{session.id}' has limits"
    tx.relatives.families.put(replace(family, exceeded=overrun.limit, exceeded_at=tx.now))
    facts: dict[str, Json] = {"limit": overrun.limit, "allowed": overrun.allowed, "spent": overrun.spent}
    tx.emit(NewEvent.of_session(session, "session.budget_exceeded", tx.now, facts))


def take_overrun_back(tx: Transaction, session: Session) -> None:
    """Write down that a budget is not used up after all."""
    family = tx.relatives.families.get(session.id)
    assert family is not None, f"session '{session.id}' has limits"
    tx.relatives.families.put(replace(family, exceeded=None, exceeded_at=None))
    tx.emit(NewEvent.of_session(session, "session.updated", tx.now, {"budget_exceeded": None}))


def _tokens_and_cost(session: Session) -> Spent:
    usage = session.usage
    tokens = usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens
    return Spent(usage.cost_usd, tokens)
