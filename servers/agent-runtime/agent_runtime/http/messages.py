"""What was said to a session: list it, change it or take it back while nobody has it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, field_validator

from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.ids import JobId
from agent_runtime.domain.job import Job, JobStatus
from agent_runtime.domain.reasons import Reason
from agent_runtime.http.jobs import StopAnswer, checked_prompt
from agent_runtime.http.sessions import SessionReference
from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.fields import LIST_LIMIT, LIST_LIMIT_MAX, GivenPrompt, WireTime, cursor_of, read_cursor
from agent_runtime.http.wire.jobs import JobWire, job_wire
from agent_runtime.services.jobs.orders import get_job, stop_job
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.sessions.messages import Message, MessageState, edit_message, list_messages
from agent_runtime.services.sessions.sessions import find_session


class MessageWire(BaseModel):
    """A message to a session.

    `accepted` is on disk, `delivered` is with the agent, `consumed` was answered; `failed` and `withdrawn` were not.
    """

    job_id: str
    state: MessageState
    prompt_preview: str
    sender: str
    is_editable: bool
    reason: str | None
    accepted_at: WireTime
    delivered_at: WireTime | None
    consumed_at: WireTime | None

    @classmethod
    def of(cls, message: Message) -> "MessageWire":
        """Show a message."""
        job = message.job
        is_consumed = message.state is MessageState.CONSUMED
        return cls(
            job_id=job.id,
            state=message.state,
            prompt_preview=job.prompt_preview,
            sender="runtime" if message.is_news else job.parent_session_name or "user",
            is_editable=message.is_editable,
            reason=job.reason,
            accepted_at=job.created_at,
            delivered_at=job.started_at,
            consumed_at=job.ended_at if is_consumed else None,
        )


class MessageList(BaseModel):
    """One page of messages, newest first; `next_cursor` is null on the last one."""

    messages: list[MessageWire]
    next_cursor: str | None = None


class EditBody(BaseModel):
    """The new words of a message."""

    prompt: GivenPrompt

    @field_validator("prompt")
    @classmethod
    def _prompt_fits(cls, prompt: str) -> str:
        return checked_prompt(prompt)


@dataclass(frozen=True)
class MessageRoutes:
    """The messages of a session, and the two things that can be done to one that waits."""

    store: Store

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["messages"])
        add = routes.add_api_route
        add(
            "/sessions/{session}/messages",
            self.list,
            methods=["GET"],
            response_model=MessageList,
            responses=documented(404, 422),
            summary="List what was said to a session, newest first",
        )
        add(
            "/jobs/{job_id}",
            self.edit,
            methods=["PATCH"],
            response_model=JobWire,
            responses=documented(404, 409, 422, body=True),
            summary="Change the words of a job that waits",
        )
        add(
            "/jobs/{job_id}",
            self.withdraw,
            methods=["DELETE"],
            response_model=StopAnswer,
            responses=documented(404, 409, 422),
            summary="Take back a job that waits",
        )
        return routes

    async def list(
        self,
        session: SessionReference,
        limit: Annotated[int, Query(ge=1, le=LIST_LIMIT_MAX)] = LIST_LIMIT,
        cursor: Annotated[str | None, Query(max_length=200, description="'next_cursor' of the page before")] = None,
    ) -> MessageList:
        """Those that wait are delivered in the order in which they were accepted."""
        before = read_cursor(cursor)

        def read(tx: Transaction) -> MessageList:
            place = JobId(before) if before is not None else None
            found = list_messages(tx, find_session(tx, session), limit + 1, place)
            more = cursor_of(found[limit - 1].job.id) if len(found) > limit else None
            return MessageList(messages=[MessageWire.of(one) for one in found[:limit]], next_cursor=more)

        return await self.store.read(read)

    async def edit(self, job_id: str, body: EditBody) -> JobWire:
        """What a launcher has taken cannot be changed any more."""

        def change(tx: Transaction) -> JobWire:
            job = edit_message(tx, JobId(job_id), body.prompt)
            return job_wire(job, explain_waiting(tx, [job]).get(job.id), body.prompt)

        return await self.store.write(change)

    async def withdraw(self, job_id: str) -> StopAnswer:
        """What a launcher has taken can only be stopped."""
        job = await self.store.write(lambda tx: _withdraw(tx, JobId(job_id)))
        return StopAnswer(job_id=job.id, status=job.status, stop_requested=False)


def _withdraw(tx: Transaction, job_id: JobId) -> Job:
    job = get_job(tx, job_id)
    if job.status is not JobStatus.PENDING:
        raise Conflict(
            "already_claimed",
            f"cannot take back job '{job_id}': it must be pending, found '{job.status}' (POST /jobs/{job_id}/stop)",
        )
    return stop_job(tx, job_id, Reason.STOPPED_BY_USER).job
