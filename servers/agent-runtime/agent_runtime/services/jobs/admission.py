"""Who may order what for whom: no session above itself, no tree without end, nothing that is not paid for."""

import shlex

from agent_runtime.domain.callback import CallbackState
from agent_runtime.domain.checks import VERIFY
from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.job import JobType, Order
from agent_runtime.domain.json import Json
from agent_runtime.domain.limits import DEFAULT_LIMITS, Limits, read_limits
from agent_runtime.domain.permission_rules import Call
from agent_runtime.domain.permissions import Verdict, beyond, one_word, strictest
from agent_runtime.domain.question import AtExpiry, ParentsPart, QuestionTerms
from agent_runtime.domain.session import Session
from agent_runtime.domain.unknown import no_parent
from agent_runtime.services.agents.requirements import AgentNeeds, FindAgent
from agent_runtime.services.jobs.budgets import limits_of, refuse_overspent
from agent_runtime.services.jobs.elders import ancestors, line_of, says_of
from agent_runtime.services.ports.store import Transaction

_SHELL = "Bash"
"""The tool for commands, as the rules of blueprints call it."""


def find_parent(tx: Transaction, order: Order) -> Session | None:
    """Read the session that an order names as its parent.

    Errors:  NotFound `parent_unknown`; Conflict `own_parent`.
    """
    name = order.parent_session_name
    if name is None:
        return None
    parent = tx.sessions.find(name)
    is_itself = order.session_name in (name, parent.name if parent else name, parent.id if parent else name)
    # A session may leave a note to itself for later; that makes it nobody's child.
    if is_itself and (order.callback or order.type is JobType.START_SESSION):
        raise Conflict("own_parent", f"session '{name}' cannot be its own parent (name another session)")
    if parent is None:
        raise no_parent(name)
    return None if is_itself else parent


def admit_child(tx: Transaction, parent: Session, order: Order, growth: Limits = DEFAULT_LIMITS) -> None:
    """Refuse a new child that the tree has no room or no budget for.

    Shape:   `growth` holds where nobody said anything.
    Errors:  Conflict with the code of the limit.
    """
    _refuse_while_stopping(tx, parent)
    line = [parent, *ancestors(tx, parent)]
    for elder in line:
        limits = _limits_for_growth(tx, elder, growth)
        _refuse_depth(elder, parent.depth + 1 - elder.depth, limits.max_depth, order.session_name)
        _refuse_size(tx, elder, limits.max_tree_sessions, order.session_name)
    _refuse_children(tx, parent, order.session_name, growth)
    refuse_overspent(tx, line, order.session_name)


def refuse_beyond_parent(tx: Transaction, order: Order, agent: AgentNeeds, find_agent: FindAgent) -> None:
    """Refuse a new child that nobody could hold to what those above it may not do.

    Errors:  Conflict `permissions_beyond_parent`.
    """
    parent = find_parent(tx, order)
    above = [find_agent(one.agent_name) for one in line_of(tx, parent)] if parent is not None else []
    allowed = one_word(one.permissions for one in above if one is not None)
    own = one_word([agent.permissions])
    if parent is None or allowed in (None, Verdict.ALLOW):
        return
    unasked = beyond((one.permissions for one in above if one), agent.asks_for, only_reads=own is Verdict.DENY)
    if unasked is not None and (agent.asks or own is Verdict.DENY):
        raise Conflict(
            "permissions_beyond_parent",
            f"cannot start session '{order.session_name}': a session above it has rules about '{unasked}', which agent "
            f"'{agent.name}' uses without asking (choose one whose backend asks for it)",
        )
    if agent.asks or own is Verdict.DENY:
        return
    raise Conflict(
        "permissions_beyond_parent",
        f"cannot start session '{order.session_name}': session '{parent.name}' may not do everything unasked, and "
        f"agent '{agent.name}' cannot be held to that (choose one whose backend asks, or let it say "
        "'permissions': 'deny')",
    )


def refuse_command_unasked(tx: Transaction, order: Order, orderer: SessionId, find_agent: FindAgent) -> None:
    """Refuse a verification by which an agent would run what it may not run, or outside of where; a person may.

    Errors:  Conflict `permissions_beyond_parent`.
    """
    verify, session = order.checks.get(VERIFY), tx.sessions.get(orderer)
    if not isinstance(verify, dict) or session is None:
        return
    words = verify.get("command")
    command = shlex.join(str(word) for word in words) if isinstance(words, list) else ""
    verdict = strictest(says_of(tx, session, find_agent), Call(_SHELL, {"command": command}, None))
    above = [find_agent(one.agent_name) for one in line_of(tx, session)]
    boxes = [one.sandbox for one in above if one is not None and one.sandbox is not None]
    if verdict in (None, Verdict.ALLOW) and all(_runs_in(tx, order, box, find_agent) for box in boxes):
        return
    raise Conflict(
        "permissions_beyond_parent",
        f"cannot verify session '{order.session_name}' with '{command[:100]}': session '{session.name}' may not run "
        "that unasked, or not outside of its sandbox (a person may order it, and so may the blueprint of the agent)",
    )


def refuse_wider_terms(tx: Transaction, order: Order, orderer: SessionId, find_agent: FindAgent) -> None:
    """Refuse terms by which an agent would be allowed, or would allow, what people were to be asked about.

    Errors:  Conflict `permissions_beyond_parent`.
    """
    there = tx.sessions.find(order.session_name)
    agent = find_agent(there.agent_name if there is not None else order.agent_name or "")
    given = agent.terms if agent is not None else QuestionTerms()
    asked = given.but(order.questions)
    wide = {"at_expiry": AtExpiry.ALLOW, "parent": ParentsPart.MAY_ANSWER}
    widened = [
        f"'{name}': '{word}'" for name, word in wide.items() if getattr(asked, name) is word is not getattr(given, name)
    ]
    if not widened:
        return
    orders = tx.sessions.get(orderer)
    raise Conflict(
        "permissions_beyond_parent",
        f"cannot order {' and '.join(widened)} for the questions of session '{order.session_name}': session "
        f"'{orders.name if orders is not None else orderer}' may not decide in the place of people (a person may order "
        "it, and so may the blueprint of the agent)",
    )


def _runs_in(tx: Transaction, order: Order, box: Json, find_agent: FindAgent) -> bool:
    """Whether the order's agent has this very sandbox, and so has whoever may stand in for it."""
    there = tx.sessions.find(order.session_name) if order.agent_name is None else None
    name = order.agent_name if there is None else there.agent_name
    agent = find_agent(name) if name is not None else None
    possible = [agent, *(find_agent(other) for other in agent.fallbacks)] if agent is not None else [None]
    return all(one is not None and one.sandbox == box for one in possible)


def admit_resume(tx: Transaction, session: Session, parent: Session | None, order: Order) -> None:
    """Refuse a resume that would let two sessions wait for each other, or for which there is no budget.

    Errors:  Conflict `parent_cycle`, `parent_stopping` or `budget_exceeded`.
    """
    if order.callback and parent is not None:
        _refuse_while_stopping(tx, parent)
        is_elder = session.id in {elder.id for elder in ancestors(tx, parent)}
        if is_elder or _awaits(tx, session.id, parent.id):
            raise Conflict(
                "parent_cycle",
                f"session '{parent.name}' cannot be called back by session '{session.name}', which started it or waits "
                "for it (resume it without callback)",
            )
    refuse_overspent(tx, [session, *ancestors(tx, session)], session.name)


def _awaits(tx: Transaction, session_id: SessionId, other_id: SessionId) -> bool:
    """Whether a session is to be called back by another one, be it through others."""
    seen: set[SessionId] = set()
    level = [session_id]
    while level:
        seen.update(level)
        level = [
            callback.child_session_id
            for parent_id in level
            for callback in tx.relatives.callbacks.unsettled_of_parent(parent_id)
            if callback.state is not CallbackState.EXPIRED and callback.child_session_id not in seen
        ]
        if other_id in level:
            return True
    return False


def _refuse_while_stopping(tx: Transaction, parent: Session) -> None:
    job = tx.jobs.get(parent.current_job_id) if parent.current_job_id is not None else None
    if job is not None and job.stop_requested_at is not None:
        raise Conflict("parent_stopping", f"session '{parent.name}' is being stopped and cannot order anything")


def _limits_for_growth(tx: Transaction, session: Session, growth: Limits) -> Limits:
    own = limits_of(tx, session)
    if session.parent_session_id is not None:
        return own
    # The defaults are for the trees of those who said nothing; who says more gets more.
    return read_limits({**growth.as_json(), **own.as_json()}, "limits")


def _refuse_depth(elder: Session, depth: int, allowed: int | None, name: str) -> None:
    if allowed is not None and depth > allowed:
        raise Conflict(
            "tree_too_deep",
            f"cannot start session '{name}': it would be {depth} levels below session '{elder.name}', "
            f"at most {allowed} are allowed (let a session further up start it)",
        )


def _refuse_size(tx: Transaction, elder: Session, allowed: int | None, name: str) -> None:
    if allowed is None:
        return
    is_root = elder.parent_session_id is None
    size = tx.relatives.families.count_tree(elder.root_session_id) if is_root else _size_below(tx, elder, allowed)
    if size >= allowed:
        raise Conflict(
            "tree_too_large",
            f"cannot start session '{name}': the tree of session '{elder.name}' has {size} sessions, "
            f"at most {allowed} are allowed (delete some that are done)",
        )


def _size_below(tx: Transaction, elder: Session, enough: int) -> int:
    size, level = 1, [elder.id]
    while level and size < enough:
        level = [child.id for parent_id in level for child in tx.relatives.families.children(parent_id, enough)]
        size += len(level)
    return size


def _refuse_children(tx: Transaction, parent: Session, name: str, growth: Limits) -> None:
    own = limits_of(tx, parent).max_children
    allowed = growth.max_children if own is None else own
    if allowed is not None and tx.relatives.families.count_children(parent.id) >= allowed:
        raise Conflict(
            "too_many_children",
            f"cannot start session '{name}': session '{parent.name}' has {allowed} children, which is its limit "
            "(resume one of them, or delete one that is done)",
        )
