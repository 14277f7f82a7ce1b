"""A session with all that it started, and what the branches cost."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from agent_runtime.domain.limits import Spent
from agent_runtime.domain.question import ParentsPart, Question, in_words
from agent_runtime.domain.session import SessionStatus
from agent_runtime.http.sessions import SessionReference
from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.fields import UsageWire, WireTime
from agent_runtime.services.families.trees import Branch, count_statuses, grow_tree
from agent_runtime.services.ports.store import Store
from agent_runtime.services.sessions.sessions import find_session

ASKS_CHARACTERS_MAX = 500


class SpentWire(BaseModel):
    """Money in US dollars, tokens of all kinds, and the seconds in which jobs ran, added up."""

    cost_usd: float
    tokens: int
    run_seconds: float

    @classmethod
    def of(cls, spent: Spent) -> "SpentWire":
        """Show what was spent."""
        return cls(**vars(spent))


class AskedWire(BaseModel):
    """What a session waits for: an answer of `people`, or of them or its parent (`people_or_parent`)."""

    question_id: str
    asks: str
    waits_for: Literal["people", "people_or_parent"]
    asked_at: WireTime

    @classmethod
    def of(cls, question: Question) -> "AskedWire":
        """Show a question."""
        has_parent = question.session_id != question.root_session_id
        is_parents = has_parent and question.parents_part is ParentsPart.MAY_ANSWER
        return cls(
            question_id=question.id,
            asks=in_words(question)[:ASKS_CHARACTERS_MAX],
            waits_for="people_or_parent" if is_parents else "people",
            asked_at=question.asked_at,
        )


class BranchWire(BaseModel):
    """One session of a tree: `spent` by itself, `tree_spent` with its descendants; `questions` are its open ones."""

    session_id: str
    session_name: str
    agent_name: str
    status: SessionStatus
    parent_session_name: str | None
    depth: int
    created_at: WireTime
    updated_at: WireTime
    usage: UsageWire
    spent: SpentWire
    tree_spent: SpentWire
    limits: dict[str, float]
    budget_exceeded: str | None
    questions: list[AskedWire]
    children: list["BranchWire"]


class TreeAnswer(BaseModel):
    """A tree; `is_cut` if it has more sessions than are shown."""

    tree: BranchWire
    sessions: int
    statuses: dict[str, int]
    is_cut: bool


@dataclass(frozen=True)
class TreeRoutes:
    """`/sessions/{session}/tree`."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["sessions"])
        routes.add_api_route(
            "/sessions/{session}/tree",
            self.tree,
            methods=["GET"],
            response_model=TreeAnswer,
            responses=documented(404, 422),
            summary="Read a session with all that it started",
        )
        return routes

    async def tree(self, session: SessionReference) -> TreeAnswer:
        """Children stand in the order in which they were started; what they cost is summed up the tree."""
        grown = await self.store.read(lambda tx: grow_tree(tx, find_session(tx, session)))
        return TreeAnswer(
            tree=_wire(grown.top),
            sessions=grown.size,
            statuses=dict(count_statuses(grown.top)),
            is_cut=grown.is_cut,
        )


def _wire(branch: Branch) -> BranchWire:
    session, family = branch.session, branch.family
    limits = family.limits if family is not None else {}
    return BranchWire(
        session_id=session.id,
        session_name=session.name,
        agent_name=session.agent_name,
        status=session.status,
        parent_session_name=session.parent_session_name,
        depth=session.depth,
        created_at=session.created_at,
        updated_at=session.updated_at,
        usage=UsageWire.of(session.usage),
        spent=SpentWire.of(branch.own),
        tree_spent=SpentWire.of(branch.tree),
        limits={name: float(str(value)) for name, value in limits.items()},
        budget_exceeded=family.exceeded if family is not None else None,
        questions=[AskedWire.of(one) for one in branch.questions],
        # As deep as trees may grow: far less than Python's own limit.
        children=[_wire(child) for child in branch.children],
    )
