"""`/sessions/{session}/changes`: what a session changed, asked of its launcher while somebody waits."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.ids import InquiryId, JobId, LauncherId
from agent_runtime.domain.inquiry import Inquiry
from agent_runtime.domain.json import JsonObject
from agent_runtime.http.sessions import SessionReference
from agent_runtime.http.wire.answers import documented
from agent_runtime.http.wire.changes import ChangesAnswer, InquiryAnswerBody, InquiryTaken
from agent_runtime.services.launchers.inquiries import answer_inquiry, ask_for_changes
from agent_runtime.services.launchers.log_readers import LogReaders
from agent_runtime.services.ports.store import Store
from agent_runtime.services.sessions.sessions import find_session

ANSWERED_WITHIN_SECONDS = 25.0


@dataclass(frozen=True)
class ChangesRoutes:
    """The question, and the launcher's answer."""

    store: Store
    readers: LogReaders

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter()
        routes.add_api_route(
            "/sessions/{session}/changes",
            self.changes,
            methods=["GET"],
            response_model=ChangesAnswer,
            responses=documented(404, 409, 422, 429),
            summary="Ask what a session changed",
            tags=["sessions"],
        )
        routes.add_api_route(
            "/launcher/inquiries/{inquiry_id}",
            self.answer,
            methods=["POST"],
            response_model=InquiryTaken,
            responses=documented(404, 422, body=True),
            summary="Answer what a poll asked",
            tags=["launchers"],
        )
        return routes

    async def changes(
        self,
        session: SessionReference,
        job: Annotated[str | None, Query(max_length=80, description="only what this job of it changed")] = None,
    ) -> ChangesAnswer:
        """What differs in its folder from the commit that it started from, as its launcher's machine finds it now.

        What was not committed when it started is part of it.
        """
        asked_job = JobId(job) if job is not None else None
        asked = await self.store.write(lambda tx: ask_for_changes(tx, find_session(tx, session), asked_job))

        async def read() -> "JsonObject | None":
            return await self.store.read(lambda tx: tx.inquiries.answer_of(asked.id))

        try:
            told = await self.readers.until(asked.id, read, lambda answer: answer is not None, ANSWERED_WITHIN_SECONDS)
        finally:
            await self.store.write(lambda tx: tx.inquiries.remove(asked.id))
        return _shown(asked, told)

    async def answer(self, inquiry_id: str, body: InquiryAnswerBody) -> InquiryTaken:
        """Hand the answer to who waits for it."""
        told: JsonObject = body.model_dump(mode="json", exclude={"launcher_id"})
        launcher_id = LauncherId(body.launcher_id)
        await self.store.write(lambda tx: answer_inquiry(tx, launcher_id, InquiryId(inquiry_id), told))
        return InquiryTaken()


def _shown(asked: Inquiry, told: "JsonObject | None") -> ChangesAnswer:
    if told is None:
        raise Conflict(
            "launcher_silent",
            f"cannot tell what was changed: launcher '{asked.launcher_id}' did not answer within "
            f"{ANSWERED_WITHIN_SECONDS:g} s (ask again; one that is older than this runtime cannot be asked)",
        )
    if not isinstance(changes := told.get("changes"), dict):
        raise Conflict("changes_unknown", f"cannot tell what was changed: {told.get('error') or 'it did not say why'}")
    return ChangesAnswer.model_validate(
        {
            **changes,
            "launcher_id": asked.launcher_id,
            "project_dir": asked.project_dir,
            "since_commit": asked.since_commit,
            "until_commit": asked.until_commit,
        }
    )
