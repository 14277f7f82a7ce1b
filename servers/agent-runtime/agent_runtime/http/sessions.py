"""The sessions: read, correct, stop and delete them."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Annotated, cast

from fastapi import APIRouter, Body, Header, Path, Query, Request
from pydantic import JsonValue

from agent_runtime.domain.errors import Conflict, NotFound
from agent_runtime.domain.ids import SessionId
from agent_runtime.domain.permissions import Verdict, one_word
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import NOT_EXISTENT, Session, SessionStatus
from agent_runtime.http.agents import AgentWire
from agent_runtime.http.door.auth import calling_session
from agent_runtime.http.door.rules import HIDDEN
from agent_runtime.http.stream.live import LiveStream, Wanted
from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.pages import PAGE_SIZE, Cursor, PageSize, page_of, read_cursor
from agent_runtime.http.wire.sessions import (
    ClearedAnswer,
    DeletedAnswer,
    ResultAnswer,
    SessionAnswer,
    SessionList,
    SessionStopAnswer,
    SessionWire,
    StatusAnswer,
    StoppedSession,
    WithdrawnMessage,
)
from agent_runtime.services.access.callers import Caller, Role
from agent_runtime.services.agents.catalogue import Agents
from agent_runtime.services.families.callbacks import mark_read, unread_news
from agent_runtime.services.ports.queries import SessionFilter
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.questions.asking import permissions_of
from agent_runtime.services.sessions.sessions import (
    Cleared,
    IsParked,
    change_metadata,
    clear_sessions,
    count_sessions,
    delete_session,
    find_own_session,
    find_session,
    is_busy,
    list_sessions,
    look_up_session,
    sayable,
    stop_session,
    view,
)

REFERENCE_CHARACTERS_MAX = 200
SessionReference = Annotated[str, Path(description="the session's name or id", max_length=REFERENCE_CHARACTERS_MAX)]
_SEARCHED = (
    "only those whose name or agent holds this, or whose prompts, result, errors, folder or ids hold each word of it "
    "(or a word that begins so)"
)
_STOPPED_WITHIN_SECONDS = 25.0
_CLEARED_AT_ONCE = 50
_JOB_ENDS = frozenset({"job.completed", "job.failed", "job.stopped"})


class SessionWithAgent(SessionAnswer):
    """One session, and its agent if that was asked for.

    `permissions` says beside the agent how it is to be held to what its blueprint and those of all sessions above it
    say: `ask` where it depends on the call, which is asked of `POST /questions`; null if none of them says a word.
    `has_permission_rules` is whether calls that the agent would not ask for have to be asked about, too;
    `is_held_from_above` is whether a session above it may not do all unasked, whatever its own blueprint lets pass.
    `checks` are what the session's current job asks of its end: its command has to see to them, and to say so.
    """

    agent: AgentWire | None = None
    permissions: Verdict | None = None
    has_permission_rules: bool = False
    is_held_from_above: bool = False
    checks: dict[str, JsonValue] | None = None


@dataclass(frozen=True)
class SessionRoutes:
    """Everything under `/sessions` but the events."""

    store: Store
    live: LiveStream
    is_parked: IsParked
    agents: Agents

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["sessions"])
        add = routes.add_api_route
        add(
            "/sessions",
            self.list,
            methods=["GET"],
            summary="List sessions, newest first",
            responses=documented(404, 422),
        )
        add("/sessions", self.clear, methods=["DELETE"], summary="Delete all sessions at rest", responses=documented())
        one = "/sessions/{session}"
        add(one, self.get, methods=["GET"], summary="Read one session", responses=documented(404, 422))
        add(one, self.delete, methods=["DELETE"], summary="Delete a session", responses=documented(404, 409, 422))
        add(f"{one}/status", self.status, methods=["GET"], summary="Tell a session's status", responses=documented(422))
        add(
            f"{one}/result",
            self.result,
            methods=["GET"],
            summary="Read the last result",
            responses=documented(404, 422),
        )
        add(
            f"{one}/metadata",
            self.patch,
            methods=["PATCH"],
            summary="Set what is known of a session",
            responses=documented(404, 422, body=True),
        )
        add(
            f"{one}/stop",
            self.stop,
            methods=["POST"],
            summary="Stop all that runs or waits",
            responses=documented(404, 422, body=True),
        )
        return routes

    async def list(
        self,
        request: Request,
        status: Annotated[SessionStatus | None, Query(description="only those in this state")] = None,
        agent: Annotated[str | None, Query(max_length=100, description="only those of this agent")] = None,
        parent: Annotated[str | None, Query(max_length=80, description="only the children of this session")] = None,
        tree: Annotated[str | None, Query(max_length=80, description="only the whole tree of this session")] = None,
        q: Annotated[str | None, Query(max_length=200, description=_SEARCHED)] = None,
        counts: Annotated[bool, Query(description="count those in each state, whatever `status` is")] = False,
        limit: PageSize = PAGE_SIZE,
        cursor: Cursor = None,
    ) -> SessionList:
        """Pages are stable: a session that is made meanwhile does not move the others."""
        before = read_cursor(cursor)
        caller: Caller = request.state.caller

        def read(tx: Transaction) -> SessionList:
            wanted = SessionFilter(
                limit=limit + 1,
                before=SessionId(before) if before is not None else None,
                status=status,
                agent_name=agent,
                parent_session_id=find_own_session(tx, caller, parent).id if parent is not None else None,
                root_session_id=find_own_session(tx, caller, tree).root_session_id if tree is not None else None,
                text=q.replace("\0", "") if q else None,
            )
            found = list_sessions(tx, wanted, within=caller.session_id)
            shown, following = page_of(found, limit, lambda one: one.id)
            views = view(tx, shown, self.is_parked)
            return SessionList(
                sessions=[SessionWire.of(one) for one in views],
                next_cursor=following,
                counts=dict(count_sessions(tx, wanted, within=caller.session_id)) if counts else None,
            )

        return await self.store.read(read)

    async def get(
        self,
        session: SessionReference,
        agent: Annotated[bool, Query(description="its agent, too: all that a command needs to run it")] = False,
    ) -> SessionWithAgent:
        """By name or by id; a name is never given to another session while this one exists.

        `agent` is null if it was not asked for, or if there is none of that name.
        """

        def read(tx: Transaction) -> SessionWithAgent:
            found = find_session(tx, session)
            wire = self._wire(tx, found)
            if not agent:
                return SessionWithAgent(session=wire)
            # Its files are looked at where the session is read: that is no thread that answers others.
            about = self._agent_of(wire)
            asked = _checks_of_current(tx, found)
            try:
                line = permissions_of(tx, found, self.agents.needs)
            except Conflict:
                # A blueprint that cannot be read says nothing of what was allowed.
                return SessionWithAgent(session=wire, agent=about, permissions=Verdict.DENY, checks=asked)
            return SessionWithAgent(
                session=wire,
                agent=about,
                permissions=one_word(line),
                has_permission_rules=any(one is not None and one.has_rules for one in line),
                is_held_from_above=one_word(line[1:]) not in (None, Verdict.ALLOW),
                checks=asked,
            )

        return await self.store.read(read)

    def _agent_of(self, session: SessionWire) -> AgentWire | None:
        try:
            return AgentWire.of(self.agents.get(session.agent_name))
        except NotFound:
            return None

    async def status(self, request: Request, session: SessionReference) -> StatusAnswer:
        """A name that nobody has is `not_existent`, and no error."""
        if getattr(request.state, HIDDEN, False):
            return StatusAnswer(status=NOT_EXISTENT)
        found = await self.store.read(lambda tx: look_up_session(tx, session))
        return StatusAnswer(status=found.status if found is not None else NOT_EXISTENT)

    async def result(
        self,
        request: Request,
        session: SessionReference,
        x_agent_session_name: Annotated[str | None, Header(max_length=60)] = None,
    ) -> ResultAnswer:
        """The result of the turn that ended last; a parent that reads it is not told of it again."""
        reader = calling_session(request, x_agent_session_name)
        found, is_news = await self.store.read(lambda tx: _look(tx, session, reader))
        if is_news:
            found = await self.store.write(lambda tx: _read_by_parent(tx, session, reader))
        if found.result is None:
            raise NotFound("no_result", f"session '{found.name}' has no result yet: it is {found.status}")
        return ResultAnswer(result=found.result, output=found.output, status=found.status)

    async def patch(
        self, request: Request, session: SessionReference, changes: Annotated[dict[str, JsonValue], Body()]
    ) -> SessionAnswer:
        """`backend`, `backend_session_id`, `project_dir`, `hostname` are fields of the session; null removes a key.

        A `project_dir` that is known stays as it is when an agent says another one.
        """
        caller: Caller = request.state.caller

        def change(tx: Transaction) -> SessionWire:
            found = find_session(tx, session)
            return self._wire(tx, change_metadata(tx, found, sayable(caller, found, changes)))

        return SessionAnswer(session=await self.store.write(change))

    async def stop(
        self,
        request: Request,
        session: SessionReference,
        tree: Annotated[bool, Query(description="the sessions that it started, too")] = True,
    ) -> SessionStopAnswer:
        """What waits is stopped at once; what runs is asked to end by its launcher."""
        caller: Caller = request.state.caller
        reason = Reason.STOPPED_BY_PARENT if caller.role is Role.SESSION else Reason.STOPPED_BY_USER
        done = await self.store.write(lambda tx: stop_session(tx, find_session(tx, session), reason, tree=tree))
        return SessionStopAnswer(
            session_id=done.session.id,
            session_name=done.session.name,
            status=done.session.status,
            stopped_jobs=[*done.stopped, *done.asked],
            sessions=[StoppedSession(session_name=n, stopped_jobs=[*jobs]) for n, jobs in done.by_session.items()],
            withdrawn=[
                WithdrawnMessage(job_id=job.id, session_name=job.session_name, prompt_preview=job.prompt_preview)
                for job in done.withdrawn
            ],
            stop_requested=bool(done.asked),
        )

    async def delete(
        self,
        session: SessionReference,
        force: Annotated[bool, Query(description="stop what runs in it first, and wait for its end")] = False,
    ) -> DeletedAnswer:
        """Its jobs, logs and events go with it; sessions that it started stay and keep its name as their parent's."""
        if force:
            await self._bring_to_rest(session)

        def delete(tx: Transaction) -> Session:
            found = find_session(tx, session)
            delete_session(tx, found)
            return found

        gone = await self.store.write(delete)
        return DeletedAnswer(session_id=gone.id, session_name=gone.name, deleted=True)

    async def clear(self) -> ClearedAnswer:
        """Those at work are kept, and named."""
        cleared = Cleared()
        place: SessionId | None = None
        while True:
            # A few at a time, so that launchers' calls come in between.
            place = await self.store.write(partial(_clear_some, place=place, cleared=cleared))
            if place is None:
                return ClearedAnswer(deleted=cleared.deleted, kept=cleared.kept)

    async def _bring_to_rest(self, session: str) -> None:
        found = await self.store.read(lambda tx: find_session(tx, session))
        try:
            async with asyncio.timeout(_STOPPED_WITHIN_SECONDS):
                # Watched before it is stopped, so that no end can be missed.
                async with aclosing(self.live.watch(Wanted(found.id, types=_JOB_ENDS), None)) as ends:
                    async for _ in ends:
                        await self.store.write(lambda tx: stop_session(tx, found, Reason.STOPPED_BY_USER, tree=False))
                        if not await self.store.read(lambda tx: is_busy(tx, found)):
                            return
        except TimeoutError as error:
            raise Conflict(
                "session_busy", f"session '{found.name}' was asked to stop and still runs (ask for its deletion again)"
            ) from error

    def _wire(self, tx: Transaction, session: Session) -> SessionWire:
        return SessionWire.of(view(tx, [session], self.is_parked)[0])


def _checks_of_current(tx: Transaction, session: Session) -> dict[str, JsonValue] | None:
    job = tx.jobs.get(session.current_job_id) if session.current_job_id is not None else None
    if job is None or not job.has_checks:
        return None
    return cast("dict[str, JsonValue]", dict(tx.jobs.checks(job.id)))


def _look(tx: Transaction, session: str, reader: str | None) -> tuple[Session, bool]:
    """Read a session, and whether its reader is a parent whom this is news to."""
    found = find_session(tx, session)
    parent = look_up_session(tx, reader) if reader is not None else None
    return found, parent is not None and bool(unread_news(tx, parent.id, found.id))


def _read_by_parent(tx: Transaction, session: str, reader: str | None) -> Session:
    found = find_session(tx, session)
    parent = look_up_session(tx, reader) if reader is not None else None
    if parent is not None:
        mark_read(tx, parent.id, found.id)
    return found


def _clear_some(tx: Transaction, place: SessionId | None, cleared: Cleared) -> SessionId | None:
    return clear_sessions(tx, place, _CLEARED_AT_ONCE, cleared)
