"""A session with all that it started: who is at work, what each branch has cost, and what is left to spend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent_runtime.domain.family import Family
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.limits import Spent
from agent_runtime.domain.question import Question, QuestionStatus
from agent_runtime.domain.session import Session
from agent_runtime.services.jobs.budgets import TREE_SESSIONS_MAX, sum_up
from agent_runtime.services.ports.questions import QuestionFilter
from agent_runtime.services.ports.store import Transaction

QUESTIONS_MAX = 500


@dataclass(frozen=True)
class Branch:
    """One session of a tree.

    Shape:   `own` is what it has spent itself, `tree` with its descendants; `family` is None if it wishes nothing;
             `questions` are those that nobody has answered yet.
    """

    session: Session
    own: Spent
    tree: Spent
    family: Family | None
    questions: Sequence[Question]
    children: Sequence["Branch"]


@dataclass(frozen=True)
class Tree:
    """A branch and how many sessions it holds; `is_cut` if there are more than are shown."""

    top: Branch
    size: int
    is_cut: bool


def grow_tree(tx: Transaction, top: Session) -> Tree:
    """Read a session with all its descendants, children in the order in which they were started."""
    members = tx.relatives.families.tree(top.root_session_id, TREE_SESSIONS_MAX)
    sums = sum_up(tx, members)
    children: dict[SessionId, list[Session]] = {}
    for member in members:
        if member.parent_session_id is not None and member.id != top.id:
            children.setdefault(member.parent_session_id, []).append(member)
    asked = _open_questions(tx, top)
    branches: dict[SessionId, Branch] = {}
    # From the newest to the oldest, so that every branch finds its children ready; a call for each level of a tree
    # could be deeper than Python allows.
    for member in reversed(members):
        branches[member.id] = Branch(
            session=member,
            own=sums.own[member.id],
            tree=sums.tree[member.id],
            family=tx.relatives.families.get(member.id),
            questions=asked.get(member.id, ()),
            children=[branches[child.id] for child in children.get(member.id, ())],
        )
    return Tree(branches[top.id], _size(branches[top.id]), len(members) >= TREE_SESSIONS_MAX)


def _open_questions(tx: Transaction, top: Session) -> Mapping[SessionId, list[Question]]:
    wanted = QuestionFilter(QUESTIONS_MAX, status=QuestionStatus.OPEN, root_session_id=top.root_session_id)
    found: dict[SessionId, list[Question]] = {}
    for question in tx.questions.page(wanted):
        found.setdefault(question.session_id, []).append(question)
    return found


def _size(top: Branch) -> int:
    size, level = 0, [top]
    while level:
        size += len(level)
        level = [child for branch in level for child in branch.children]
    return size


def count_statuses(top: Branch) -> Mapping[str, int]:
    """Tell how many sessions of a branch are in which state."""
    counts: dict[str, int] = {}
    level = [top]
    while level:
        for branch in level:
            counts[branch.session.status] = counts.get(branch.session.status, 0) + 1
        level = [child for branch in level for child in branch.children]
    return counts
