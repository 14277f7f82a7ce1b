"""Agents that ask, in a household: for the tests of what becomes of a question."""

from household import Household

from agent_runtime.domain.job import Job
from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.permissions import Verdict, read_permissions
from agent_runtime.domain.question import Question, QuestionKind, QuestionTerms
from agent_runtime.domain.session import SessionStatus
from agent_runtime.services.access.callers import Caller, Role
from agent_runtime.services.agents.requirements import AgentNeeds
from agent_runtime.services.ports.questions import QuestionFilter
from agent_runtime.services.questions.answering import answer_question, take_answer
from agent_runtime.services.questions.asking import Asked, Asking, ask
from agent_runtime.services.questions.listing import list_questions

USER, OTHER = Caller(Role.USER, "user"), Caller(Role.USER, "alice")
ALLOW: JsonObject = {"decision": "allow"}
DENY: JsonObject = {"decision": "deny", "message": "not today"}
WAITING, RUNNING = SessionStatus.WAITING_INPUT, SessionStatus.RUNNING


class Inquiry:
    """Agents that ask, in a household; what holds for them is set by a test."""

    def __init__(self, house: Household) -> None:
        self.house = house
        self.terms = QuestionTerms()
        self.permissions: dict[str, object] = {}

    def agent(self, name: str) -> AgentNeeds:
        """Look an agent up."""
        said = read_permissions(self.permissions.get(name))  # type: ignore[arg-type]  # each test says JSON
        return AgentNeeds(name, active=True, labels={}, permissions=said, terms=self.terms, asks=True)

    def caller(self, job: Job) -> Caller:
        """The attempt that runs."""
        now = self.house.job(job.id)
        return Caller(Role.SESSION, job.session_name, job.session_id, job.id, now.attempt)

    def ask(self, job: Job, call_id: str = "c1", *, dies: bool = False, **said: object) -> Asked:
        """Let a turn ask for a permission, or for what a test says."""
        fields: dict[str, object] = {"tool": "Bash", "input": {"command": "rm -r build"}, **said}
        kind = fields.pop("kind", QuestionKind.PERMISSION)
        asking = Asking(kind, call_id, **fields)  # type: ignore[arg-type]  # the tests name fields of Asking
        caller = self.caller(job)
        return self.house.do(lambda tx: ask(tx, caller, None, asking, self.agent), dies=dies)

    def asked(self, job: Job, call_id: str = "c1", **said: object) -> Question:
        """Let a turn ask what nobody has decided yet."""
        question = self.ask(job, call_id, **said).question  # type: ignore[arg-type]  # fields of Asking, never `dies`
        assert question is not None
        return question

    def read(self, job: Job, path: str) -> Verdict | None:
        """Let a turn ask whether it may read a file."""
        return self.ask(job, f"read {path}", tool="Read", input={"file_path": path}).verdict

    def answer(self, question: Question, given: JsonObject, caller: Caller = USER, *, dies: bool = False) -> Question:
        """Answer."""
        return self.house.do(lambda tx: answer_question(tx, caller, question.id, given, self.agent), dies=dies)

    def take(self, job: Job, question: Question) -> Question:
        """Let a turn take its answer."""
        caller = self.caller(job)
        return self.house.do(lambda tx: take_answer(tx, caller, question.id))

    def again(self, question: Question) -> Question:
        """Read a question."""
        found = self.house.do(lambda tx: tx.questions.get(question.id))
        assert found is not None
        return found

    def listed(self, job: Job) -> list[str]:
        """Tell what questions a turn is shown."""
        caller = self.caller(job)
        return [one.id for one in self.house.do(lambda tx: list_questions(tx, caller, QuestionFilter(10)))]

    def status(self, name: str) -> SessionStatus:
        """Read a session's status."""
        return self.house.session(name).status
