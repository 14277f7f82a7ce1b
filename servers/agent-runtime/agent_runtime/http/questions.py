"""`/questions`: what agents ask of people, and what is said to them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from agent_runtime.domain.ids import QuestionId
from agent_runtime.domain.question import Question, QuestionStatus
from agent_runtime.http.wire.answers import answer, documented
from agent_runtime.http.wire.pages import PAGE_SIZE, Cursor, PageSize, page_of, read_cursor
from agent_runtime.http.wire.questions import AnswerBody, AskAnswer, AskBody, QuestionList, QuestionWire
from agent_runtime.services.access.callers import Caller
from agent_runtime.services.agents.requirements import FindAgent
from agent_runtime.services.ports.questions import QuestionFilter
from agent_runtime.services.ports.store import Store, Transaction
from agent_runtime.services.questions.answer_readers import AnswerReaders
from agent_runtime.services.questions.answering import answer_question, get_question, take_answer
from agent_runtime.services.questions.asking import ask
from agent_runtime.services.questions.listing import count_open, list_questions
from agent_runtime.services.sessions.sessions import find_own_session

WAIT_SECONDS_MAX = 30.0
QuestionReference = Annotated[
    str, Path(description="the question's id", max_length=80, json_schema_extra={"pattern": "^qst_"})
]


@dataclass(frozen=True)
class QuestionRoutes:
    """Everything under `/questions`."""

    store: Store
    find_agent: FindAgent
    readers: AnswerReaders

    def router(self) -> APIRouter:
        """List the routes."""
        routes = APIRouter(tags=["questions"])
        one = "/questions/{question_id}"
        for method, path, call, model, refusals, summary in (
            ("GET", "/questions", self.list, QuestionList, (404,), "List questions, newest first"),
            ("GET", one, self.get, QuestionWire, (404,), "Look at one question, or wait for its answer"),
            ("POST", f"{one}/answer", self.answer, QuestionWire, (403, 404, 409), "Answer a question"),
            ("POST", f"{one}/take", self.take, QuestionWire, (404, 409), "Take the answer to one's own question"),
        ):
            routes.add_api_route(
                path,
                call,
                methods=[method],
                response_model=model,
                responses=documented(*refusals, 422, body=path.endswith("answer")),
                summary=summary,
            )
        routes.add_api_route(
            "/questions",
            self.ask,
            methods=["POST"],
            status_code=201,
            response_model=AskAnswer,
            responses={200: {"model": AskAnswer}, **documented(404, 409, 422, body=True)},
            summary="Ask something in the name of a turn",
        )
        return routes

    async def list(
        self,
        request: Request,
        status: Annotated[QuestionStatus | None, Query(description="only those in this state")] = None,
        session: Annotated[str | None, Query(max_length=80, description="only those of this session")] = None,
        limit: PageSize = PAGE_SIZE,
        cursor: Cursor = None,
    ) -> QuestionList:
        """An agent is shown its own and those of the sessions below it."""
        caller: Caller = request.state.caller
        before = read_cursor(cursor)

        def read(tx: Transaction) -> QuestionList:
            wanted = QuestionFilter(
                limit=limit + 1,
                before=QuestionId(before) if before is not None else None,
                status=status,
                session_id=find_own_session(tx, caller, session).id if session is not None else None,
            )
            shown, following = page_of(list_questions(tx, caller, wanted), limit, lambda found: found.id)
            return QuestionList(
                questions=[QuestionWire.of(one) for one in shown],
                open=count_open(tx, caller),
                next_cursor=following,
            )

        return await self.store.read(read)

    async def ask(self, request: Request, body: AskBody) -> Response:
        """Answered once the question is on disk, or with the decision that blueprints have made already.

        It belongs to the turn that the calling session runs: with its end it is withdrawn. Whoever calls with a user's
        token names the session. Asked again with the same `call_id`, it is the same question.
        """
        caller: Caller = request.state.caller
        asked = await self.store.write(lambda tx: ask(tx, caller, body.session_name, body.asking(), self.find_agent))
        return answer(AskAnswer.of(asked), 201 if asked.is_new else 200)

    async def get(
        self,
        request: Request,
        question_id: QuestionReference,
        wait: Annotated[float, Query(ge=0, le=WAIT_SECONDS_MAX, description="seconds to wait for its end")] = 0.0,
    ) -> QuestionWire:
        """With `wait` it answers as soon as the question is not open any more."""
        caller: Caller = request.state.caller

        async def read() -> Question:
            return await self.store.read(lambda tx: get_question(tx, caller, QuestionId(question_id)))

        found = await self.readers.until(question_id, read, lambda one: one.status is not QuestionStatus.OPEN, wait)
        return QuestionWire.of(found)

    async def answer(self, request: Request, question_id: QuestionReference, body: AnswerBody) -> QuestionWire:
        """The first answer holds; the same one again is harmless, another one is refused."""
        caller: Caller = request.state.caller
        return QuestionWire.of(
            await self.store.write(
                lambda tx: answer_question(tx, caller, QuestionId(question_id), body.given(), self.find_agent)
            )
        )

    async def take(self, request: Request, question_id: QuestionReference) -> QuestionWire:
        """The answer is given to the turn that asked; a later turn that asks the same asks anew."""
        caller: Caller = request.state.caller
        return QuestionWire.of(await self.store.write(lambda tx: take_answer(tx, caller, QuestionId(question_id))))
