"""What an agent asks is asked once, answered once and taken once, whoever dies in between."""

import pytest
from household import PowerCutError
from inquiry import ALLOW, DENY, OTHER, RUNNING, WAITING, Inquiry

from agent_runtime.domain.errors import Conflict, NotFound, Refused
from agent_runtime.domain.job import Job, JobStatus, JobType, Move, Order
from agent_runtime.domain.json import JsonObject
from agent_runtime.domain.question import AtExpiry, ParentsPart, QuestionStatus, QuestionTerms
from agent_runtime.domain.reasons import Reason
from agent_runtime.domain.session import Session, SessionStatus
from agent_runtime.http.trees import AskedWire
from agent_runtime.services.families.trees import grow_tree
from agent_runtime.services.jobs.admission import refuse_wider_terms
from agent_runtime.services.jobs.known_jobs import get_job
from agent_runtime.services.jobs.moves import move_job
from agent_runtime.services.jobs.orders import retry_job, stop_job
from agent_runtime.services.launchers.reports import Report, finish
from agent_runtime.services.ports.store import Transaction
from agent_runtime.services.questions.answering import expire_questions, take_answer
from agent_runtime.store.rows.questions import QuestionTable
from agent_runtime.upkeep.queue import free_due_jobs
from support.store_rig import proof


def test_a_session_that_asks_waits_until_all_is_answered_and_other_events_do_not_end_that(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    first, second = inquiry.asked(job), inquiry.asked(job, "c2", tool="Write", input={"file_path": "x"})
    inquiry.house.say("asker", "meanwhile")
    assert inquiry.status("asker") is WAITING

    inquiry.answer(first, ALLOW)
    assert inquiry.status("asker") is WAITING
    inquiry.answer(second, DENY)

    assert inquiry.status("asker") is RUNNING
    taken = inquiry.take(job, second)
    assert (taken.answer, taken.answered_by, taken.status) == (DENY, "user", QuestionStatus.ANSWERED)


def test_the_first_answer_holds_and_a_second_other_one_is_told_who_was_first(inquiry: Inquiry) -> None:
    question = inquiry.asked(inquiry.house.run("asker"))
    inquiry.answer(question, ALLOW, OTHER)

    assert inquiry.answer(question, ALLOW).answered_by == "alice"
    with pytest.raises(Conflict, match="was answered already, and otherwise, by alice") as refused:
        inquiry.answer(question, DENY)
    assert refused.value.code == "already_answered"
    assert inquiry.again(question).answer == ALLOW


def test_what_died_before_its_commit_was_neither_asked_nor_answered_and_can_be_repeated(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    with pytest.raises(PowerCutError):
        inquiry.ask(job, dies=True)
    inquiry.house.crash()
    assert inquiry.status("asker") is RUNNING

    question = inquiry.asked(job)
    with pytest.raises(PowerCutError):
        inquiry.answer(question, DENY, dies=True)
    inquiry.house.crash()

    assert inquiry.again(question).status is QuestionStatus.OPEN
    assert inquiry.asked(job).id == question.id, "the same call asks the same question"
    assert inquiry.answer(question, ALLOW).answer == ALLOW


def test_a_call_id_stands_for_one_question_only(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    inquiry.asked(job)

    with pytest.raises(Conflict) as refused:
        inquiry.ask(job, input={"command": "ls"})
    assert refused.value.code == "call_id_reused"


def run_again(inquiry: Inquiry, job: Job) -> None:
    """Lose a turn, and let the next attempt of its job begin."""
    house = inquiry.house
    house.do(lambda tx: move_job(tx, get_job(tx, job.id), Move.LOSE, JobStatus.LOST, {}))
    house.do(lambda tx: move_job(tx, get_job(tx, job.id), Move.RERUN, JobStatus.PENDING, {}))
    house.run_all()


def test_a_client_that_numbers_its_calls_anew_in_its_next_life_asks_anew(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker", rerun_lost=2)
    first = inquiry.asked(job)
    inquiry.answer(first, ALLOW)
    inquiry.take(job, first)
    run_again(inquiry, job)

    other = inquiry.asked(job, input={"command": "ls"})
    assert other.id != first.id
    run_again(inquiry, job)

    same = inquiry.asked(job)
    assert (same.id != first.id, same.status) == (True, QuestionStatus.OPEN), "what was approved once is taken"
    assert inquiry.asked(job, "c2", input={"command": "ls"}).id == other.id


@pytest.mark.parametrize("given", [ALLOW, None], ids=["answered", "open"])
def test_a_turn_that_was_lost_leaves_its_question_to_the_one_that_follows(
    inquiry: Inquiry, given: "JsonObject | None"
) -> None:
    house = inquiry.house
    job = house.run("asker", rerun_lost=1)
    question = inquiry.asked(job)
    lost = house.do(lambda tx: move_job(tx, get_job(tx, job.id), Move.LOSE, JobStatus.LOST, {}))
    assert lost is not None
    assert inquiry.status("asker") is SessionStatus.LOST
    if given is not None:
        inquiry.answer(question, given)
    house.do(lambda tx: move_job(tx, get_job(tx, job.id), Move.RERUN, JobStatus.PENDING, {}))
    house.run_all()

    taken_up = inquiry.asked(job, "c9")

    assert taken_up.id == question.id
    assert taken_up.status is (QuestionStatus.OPEN if given is None else QuestionStatus.ANSWERED)
    if given is not None:
        inquiry.take(job, taken_up)
        assert inquiry.asked(job, "c10").id != question.id, "one answer lets one call go"


def test_a_turn_that_was_killed_leaves_its_question_to_the_try_that_follows(inquiry: Inquiry) -> None:
    house = inquiry.house
    job = house.run("asker", retries={"agent": 1})
    question = inquiry.asked(job)
    house.do(lambda tx: finish(tx, Report(proof(get_job(tx, job.id)), JobStatus.FAILED, "signal", signal=9)))
    assert inquiry.again(question).status is QuestionStatus.OPEN
    inquiry.answer(question, ALLOW)
    house.clock.move(minutes=7)
    house.do(free_due_jobs)
    house.run_all()

    assert inquiry.asked(job, "c9").id == question.id, "nobody is asked twice"


def test_an_answer_that_a_lost_turn_took_lets_no_call_of_the_next_one_go(inquiry: Inquiry) -> None:
    house = inquiry.house
    job = house.run("asker", rerun_lost=1)
    question = inquiry.asked(job)
    inquiry.answer(question, ALLOW)
    inquiry.take(job, question)
    run_again(inquiry, job)

    assert inquiry.asked(job, "c9").status is QuestionStatus.OPEN


def test_an_answer_is_there_for_the_turn_that_asked_and_for_no_other(inquiry: Inquiry) -> None:
    house = inquiry.house
    job, stranger = house.run("asker", rerun_lost=1), house.run("stranger")
    question, first_turn = inquiry.asked(job), inquiry.caller(job)
    with pytest.raises(Conflict, match="has no answer: it is 'open'"):
        inquiry.take(job, question)
    inquiry.answer(question, ALLOW)
    with pytest.raises(NotFound):
        inquiry.take(stranger, question)
    run_again(inquiry, job)
    taken_up = inquiry.asked(job, "c9")

    with pytest.raises(Conflict, match="was asked by another turn"):
        house.do(lambda tx: take_answer(tx, first_turn, question.id))
    taken = inquiry.take(job, taken_up)

    assert taken.taken_at is not None
    house.clock.move(seconds=1)
    assert inquiry.take(job, taken_up) == taken, "its answer may have been lost on the way"


def test_a_question_is_withdrawn_when_its_turn_ends_or_is_asked_to(inquiry: Inquiry) -> None:
    house = inquiry.house
    ending, stopping = house.run("ending"), house.run("stopping")
    first, second = inquiry.asked(ending), inquiry.asked(stopping)

    house.end(ending)
    house.do(lambda tx: stop_job(tx, stopping.id))

    for question in (first, second):
        with pytest.raises(Conflict) as late:
            inquiry.answer(question, ALLOW)
        assert late.value.code == "question_withdrawn"
    assert inquiry.status("ending") is SessionStatus.FINISHED
    with pytest.raises(Conflict) as asked:
        inquiry.ask(stopping, "c2")
    assert asked.value.code == "stop_requested"
    with pytest.raises(Conflict) as over:
        inquiry.ask(ending, "c2")
    assert over.value.code == "turn_over"


@pytest.mark.parametrize("at_expiry", list(AtExpiry))
def test_what_nobody_answers_in_time_ends_as_its_blueprint_says(inquiry: Inquiry, at_expiry: AtExpiry) -> None:
    inquiry.terms = QuestionTerms(expire_seconds=60, at_expiry=at_expiry)
    job = inquiry.house.run("asker")
    question = inquiry.asked(job)
    assert inquiry.house.do(expire_questions) == 0
    inquiry.house.clock.move(seconds=61)
    with pytest.raises(Conflict) as late:
        inquiry.answer(question, ALLOW)
    assert late.value.code == "question_expired"

    assert inquiry.house.do(expire_questions) == 1

    expired = inquiry.again(question)
    assert (expired.status, expired.answered_by) == (QuestionStatus.EXPIRED, None)
    assert expired.answer == {"decision": "allow" if at_expiry is AtExpiry.ALLOW else "deny"}
    stopped = inquiry.house.job(job.id).stop_reason
    assert stopped == (Reason.QUESTION_EXPIRED if at_expiry is AtExpiry.STOP else None)
    assert inquiry.take(job, question).answer == expired.answer


def test_a_job_that_ended_for_want_of_an_answer_asks_again_when_it_is_run_again(inquiry: Inquiry) -> None:
    inquiry.terms = QuestionTerms(expire_seconds=60, at_expiry=AtExpiry.STOP, give_way_seconds=5)
    job = inquiry.house.run("asker")
    unheard = inquiry.asked(job)
    inquiry.house.clock.move(seconds=61)
    inquiry.house.do(expire_questions)
    inquiry.house.do(lambda tx: finish(tx, Report(proof(get_job(tx, job.id)), JobStatus.STOPPED, exit_code=143)))
    inquiry.house.do(lambda tx: retry_job(tx, job.id))
    inquiry.house.run_all()

    asked = inquiry.asked(job)

    assert (asked.id != unheard.id, asked.status) == (True, QuestionStatus.OPEN)


def test_what_somebody_answered_while_it_was_found_expired_stops_nothing(
    inquiry: Inquiry, monkeypatch: pytest.MonkeyPatch
) -> None:
    inquiry.terms = QuestionTerms(at_expiry=AtExpiry.STOP)
    job = inquiry.house.run("asker")
    found = inquiry.asked(job)
    inquiry.answer(found, ALLOW)
    monkeypatch.setattr(QuestionTable, "overdue", lambda *_: [found])

    inquiry.house.do(expire_questions)

    assert inquiry.house.job(job.id).stop_reason is None
    assert inquiry.again(found).answer == ALLOW


def test_a_blueprint_decides_by_itself_and_nobody_below_may_more(inquiry: Inquiry) -> None:
    rules = {"default": "ask", "allow": ["Bash(git status:*)", "Edit(src/**)"], "deny": ["Bash(git push:*)"]}
    inquiry.permissions = {"strict": rules, "echo": "allow"}
    house = inquiry.house
    house.run("boss", agent_name="strict")
    child = house.run("child", "boss")

    def decided(call_id: str, command: str) -> str | None:
        verdict = inquiry.ask(child, call_id, input={"command": command}).verdict
        return verdict.value if verdict is not None else None

    assert decided("a", "git status -s") == "allow"
    assert decided("b", "git status && git push origin") == "deny"
    assert decided("c", "git status; rm -r /") is None
    assert decided("d", "git status $(rm -r /)") is None
    assert inquiry.ask(child, "e", tool="Write", input={"file_path": "src/../etc/passwd"}).verdict is None
    assert inquiry.status("child") is WAITING


def test_a_parent_answers_below_itself_only_where_it_may_and_only_what_it_may_do_itself(inquiry: Inquiry) -> None:
    house = inquiry.house
    inquiry.terms = QuestionTerms(parent=ParentsPart.MAY_ANSWER)
    inquiry.permissions = {"echo": {"default": "allow", "ask": ["Bash(rm:*)"]}}
    boss, stranger = house.run("boss"), house.run("stranger")
    child = house.run("child", "boss")
    question = inquiry.asked(child)

    with pytest.raises(NotFound):
        inquiry.answer(question, DENY, inquiry.caller(stranger))
    with pytest.raises(Refused, match="a question of its own"):
        inquiry.answer(question, ALLOW, inquiry.caller(child))
    with pytest.raises(Refused, match="may not allow what it may not do itself"):
        inquiry.answer(question, ALLOW, inquiry.caller(boss))
    assert inquiry.answer(question, DENY, inquiry.caller(boss)).answered_by == "session boss"

    inquiry.terms = QuestionTerms(parent=ParentsPart.TOLD)
    of_people = inquiry.asked(child, "c2")
    with pytest.raises(Refused, match="leaves that to people"):
        inquiry.answer(of_people, DENY, inquiry.caller(boss))
    assert inquiry.listed(boss) == [of_people.id, question.id]
    assert inquiry.listed(stranger) == []


def test_a_parent_is_woken_once_by_each_wait_of_its_child_and_only_if_the_blueprint_says_so(inquiry: Inquiry) -> None:
    house = inquiry.house
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss)
    unheard = inquiry.asked(child, "c0")
    assert house.news("boss") == []
    inquiry.answer(unheard, DENY)

    inquiry.terms = QuestionTerms(parent=ParentsPart.MAY_ANSWER)
    question = inquiry.asked(child, input={"command": "rm <b>"})
    house.say("child", "meanwhile", cost_usd=0.1)
    (told,) = house.news("boss")
    assert f"{question.id} asks: may it use Bash with {{&quot;command&quot;: &quot;rm &lt;b&gt;&quot;}}?" in told
    assert "You may answer it" in told
    house.crash()
    (woken,) = house.run_all()
    inquiry.answer(question, DENY, inquiry.caller(woken))
    house.end(woken)
    assert len(house.news("boss")) == 1

    second = inquiry.asked(child, "c2", tool="Write")
    assert second.id in house.news("boss")[1]
    inquiry.answer(second, ALLOW)
    house.end(child)

    assert len(house.news("boss")) == 2, "the message that nobody has taken yet takes up the end"
    assert "result of child" in house.news("boss")[1]
    grown = house.do(lambda tx: grow_tree(tx, house_session(tx, "boss")))
    assert [one.questions for one in grown.top.children] == [()]


def test_a_parent_hears_of_what_is_asked_beside_what_it_was_told_of(inquiry: Inquiry) -> None:
    house = inquiry.house
    inquiry.terms = QuestionTerms(parent=ParentsPart.MAY_ANSWER)
    boss = house.run("boss")
    child = house.run("child", "boss")
    house.end(boss)
    first = inquiry.asked(child, input={"command": "long " * 2000})
    second = inquiry.asked(child, "c2", tool="Write")
    (told,) = house.news("boss")
    assert (first.id in told, second.id in told) == (True, True), "nobody has read it yet"
    assert told.count("You may answer it") == 2
    (woken,) = house.run_all()
    inquiry.answer(first, DENY, inquiry.caller(woken))
    third = inquiry.asked(child, "c3", tool="Edit")
    house.say("child", "meanwhile")
    house.end(woken)

    mine = inquiry.asked(house.run_all()[0])
    assert [AskedWire.of(one).waits_for for one in (third, mine)] == ["people_or_parent", "people"]
    assert third.id in house.news("boss")[1]
    assert len(house.news("boss")) == 2


def house_session(tx: Transaction, name: str) -> Session:
    """Read a session."""
    session = tx.sessions.find(name)
    assert session is not None
    return session


def test_a_job_has_terms_of_its_own_and_else_those_of_its_agent(inquiry: Inquiry) -> None:
    inquiry.terms = QuestionTerms(expire_seconds=50.0, at_expiry=AtExpiry.ALLOW, give_way_seconds=5.0)
    said: JsonObject = {"at_expiry": "stop", "give_way_seconds": None}
    other, own = inquiry.house.run("other"), inquiry.house.run("own", questions=said)

    def holds(job: Job) -> tuple[float, AtExpiry, float | None]:
        asked = inquiry.ask(job)
        assert asked.question is not None
        lasts = (asked.question.expires_at - asked.question.asked_at).total_seconds()
        return lasts, asked.question.at_expiry, asked.terms.give_way_seconds

    assert holds(other) == (50.0, AtExpiry.ALLOW, 5.0)
    assert holds(own) == (50.0, AtExpiry.STOP, None)


@pytest.mark.parametrize("wide", [{"at_expiry": "allow"}, {"parent": "may_answer"}])
def test_an_agent_that_orders_does_not_decide_in_the_place_of_people(inquiry: Inquiry, wide: JsonObject) -> None:
    boss = inquiry.house.run("boss")

    def order(terms: JsonObject) -> None:
        asked = Order(JobType.START_SESSION, "child", "x", agent_name="echo", questions=terms)
        inquiry.house.do(lambda tx: refuse_wider_terms(tx, asked, boss.session_id, inquiry.agent))

    order({"at_expiry": "stop", "expire_seconds": 5.0})
    with pytest.raises(Conflict, match="session 'boss' may not decide in the place of people") as refused:
        order(wide)
    assert refused.value.code == "permissions_beyond_parent"
    inquiry.terms = QuestionTerms().but(wide)
    order(wide)
