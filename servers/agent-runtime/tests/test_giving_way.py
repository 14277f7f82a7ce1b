"""A turn that waits long for an answer gives its place to others, and goes on with the answer, whoever dies."""

import pytest
from household import PowerCutError
from inquiry import ALLOW, DENY, WAITING, Inquiry

from agent_runtime.domain.callback import CallbackState
from agent_runtime.domain.errors import Conflict
from agent_runtime.domain.job import Job, JobStatus, JobType, WaitsOn
from agent_runtime.domain.question import QuestionKind, QuestionStatus
from agent_runtime.domain.session import SessionStatus
from agent_runtime.services.jobs.orders import stop_job
from agent_runtime.services.jobs.waiting import explain_waiting
from agent_runtime.services.launchers.claims import Ask, look_for_work
from agent_runtime.services.launchers.reports import Report, finish, start
from agent_runtime.services.questions.answering import expire_questions
from agent_runtime.services.sessions.messages import edit_message, list_messages
from agent_runtime.upkeep.queue import free_due_jobs
from support.store_rig import StoreRig, proof


def give_way(inquiry: Inquiry, job: Job, *, dies: bool = False) -> Job:
    """Let a turn end because an answer takes long."""
    report = Report(proof(inquiry.house.job(job.id)), JobStatus.FAILED, reason="gave_way", exit_code=1)
    return inquiry.house.do(lambda tx: finish(tx, report), dies=dies).job


def claimed(inquiry: Inquiry) -> list[tuple[JobType, str]]:
    """Claim and start what can be claimed; what the launcher is to run."""
    house = inquiry.house
    found = house.do(lambda tx: look_for_work(tx, Ask(house.launcher_id, slots=100, batch=100)))
    for claim in found.claims:
        house.do(lambda tx, job=claim.job: start(tx, proof(job)))  # type: ignore[misc]
    return [(claim.type, claim.prompt) for claim in found.claims]


def test_a_turn_that_gives_way_leaves_its_place_and_goes_on_with_the_answer_over_crashes(inquiry: Inquiry) -> None:
    house = inquiry.house
    house.limits["echo"] = {"max_running": 1}
    boss = house.run("boss", agent_name="other")
    job = house.run("child", "boss")
    house.speak("child")
    house.begin("next")
    question = inquiry.asked(job)
    with pytest.raises(PowerCutError):
        give_way(inquiry, job, dies=True)
    house.crash()
    assert house.job(job.id).status is JobStatus.RUNNING

    aside = give_way(inquiry, job)
    assert (aside.status, aside.waits_on) == (JobStatus.PENDING, WaitsOn.ANSWER)
    assert aside.required_host == "here", "its conversation lives there"
    assert inquiry.status("child") is WAITING
    assert house.do(lambda tx: explain_waiting(tx, [aside]))[job.id].reason == "not_answered"
    (other,) = house.run_all()
    assert other.session_name == "next", "its place is free"
    house.end(other)
    with pytest.raises(PowerCutError):
        inquiry.answer(question, DENY, dies=True)
    house.crash()
    assert claimed(inquiry) == []

    inquiry.answer(question, {"decision": "allow", "message": "but quickly"})
    inquiry.answer(question, {"decision": "allow", "message": "but quickly"})
    assert inquiry.status("child") is SessionStatus.PENDING
    ((kind, words),) = claimed(inquiry)
    assert kind is JobType.RESUME_SESSION
    assert f"To {question.id}, may it use Bash" in words
    assert "but quickly" in words
    again = inquiry.asked(job, "c7")
    assert (again.id, again.status) == (question.id, QuestionStatus.ANSWERED), "nothing is asked twice"
    inquiry.take(job, again)
    assert inquiry.asked(job, "c8").id != question.id, "nothing is approved twice"
    house.end(job)
    house.end(boss)
    assert [callback.outcome for callback in house.callbacks("boss")] == [SessionStatus.FINISHED]


def test_an_answer_that_came_before_the_turn_gave_way_lets_it_go_on_at_once(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    inquiry.house.speak("asker")
    question = inquiry.asked(job)
    inquiry.answer(question, DENY)

    give_way(inquiry, job)

    ((kind, words),) = claimed(inquiry)
    assert (kind, "not today" in words) == (JobType.RESUME_SESSION, True)


def test_a_turn_that_gave_way_before_it_had_a_conversation_begins_again_with_its_order_and_the_answers(
    inquiry: Inquiry,
) -> None:
    job = inquiry.house.run("asker")
    question = inquiry.asked(job)
    inquiry.answer(question, DENY)

    give_way(inquiry, job)

    ((kind, words),) = claimed(inquiry)
    assert kind is JobType.START_SESSION
    assert words.startswith("work, asker"), "no conversation is there that knows what was ordered"
    assert "not today" in words


def test_an_attempt_that_dies_with_the_answers_leaves_them_to_the_next_one(inquiry: Inquiry) -> None:
    house = inquiry.house
    job = house.run("asker")
    house.speak("asker")
    question = inquiry.asked(job, kind=QuestionKind.TEXT, tool=None, input=None, text="Which room?")
    give_way(inquiry, job)
    inquiry.answer(question, {"answer": "the blue one"})
    assert "the blue one" in claimed(inquiry)[0][1]

    report = Report(proof(house.job(job.id)), JobStatus.FAILED, reason="model_unreachable", exit_code=1)
    house.do(lambda tx: finish(tx, report))
    house.clock.move(seconds=60)
    house.do(free_due_jobs)

    ((kind, words),) = claimed(inquiry)
    assert kind is JobType.RESUME_SESSION
    assert "model_unreachable" in words
    assert "the blue one" in words


def test_a_parent_whose_news_turn_gave_way_is_told_of_later_news_in_a_turn_of_its_own(inquiry: Inquiry) -> None:
    house = inquiry.house
    boss = house.run("boss")
    house.speak("boss")
    one, two = house.run("one", "boss"), house.run("two", "boss")
    house.end(boss)
    house.end(one)
    (news,) = house.run_all()
    question = inquiry.asked(news, kind=QuestionKind.TEXT, tool=None, input=None, text="Which room?")
    give_way(inquiry, news)

    house.end(two)

    assert house.states("boss") == [("one", CallbackState.DELIVERED), ("two", CallbackState.PENDING)]
    inquiry.answer(question, {"answer": "the blue one"})
    ((_, words),) = claimed(inquiry)
    assert "two" not in words
    house.end(news)
    ((_, words),) = claimed(inquiry)
    assert "result of two" in words


def test_the_words_of_a_message_that_gave_way_are_read_and_cannot_be_changed(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    inquiry.house.speak("asker")
    inquiry.asked(job)
    give_way(inquiry, job)

    with pytest.raises(Conflict, match="waits for an answer") as told:
        inquiry.house.do(lambda tx: edit_message(tx, job.id, "something else"))
    assert told.value.code == "already_claimed"
    session = inquiry.house.session("asker")
    (message,) = inquiry.house.do(lambda tx: list_messages(tx, session, 9, None))
    assert not message.is_editable


def test_the_last_answer_wakes_a_launcher_and_all_answers_are_said_as_they_were_given(
    inquiry: Inquiry, rig: StoreRig
) -> None:
    job = inquiry.house.run("asker")
    inquiry.house.speak("asker")
    taken, colour, call = (
        inquiry.asked(job, "c1", kind=QuestionKind.TEXT, tool=None, input=None, text="Which room?"),
        inquiry.asked(job, "c2", kind=QuestionKind.TEXT, tool=None, input=None, text="Which colour?"),
        inquiry.asked(job, "c3"),
    )
    inquiry.answer(taken, {"answer": "the kitchen"})
    inquiry.take(job, taken)
    aside = give_way(inquiry, job)
    rig.news.clear()

    inquiry.answer(colour, {"answer": "grün"})
    assert not any(news.ready_lanes for news in rig.news), "it waits for the other answer"
    inquiry.answer(call, ALLOW)

    assert [lane.id for news in rig.news for lane in news.ready_lanes] == [aside.lane_id]
    ((_, words),) = claimed(inquiry)
    assert f'To {colour.id}, Which colour?\nAnswer: "grün"' in words
    assert f"To {call.id}, may it use Bash" in words
    assert "kitchen" not in words, "the turn had that answer before it gave way"


def test_who_gave_way_goes_on_when_the_time_for_an_answer_is_over(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    inquiry.house.speak("asker")
    question = inquiry.asked(job)
    give_way(inquiry, job)
    assert question.expires_at is not None

    inquiry.house.clock.move(seconds=(question.expires_at - question.asked_at).total_seconds() + 1)
    inquiry.house.do(expire_questions)

    ((kind, words),) = claimed(inquiry)
    assert kind is JobType.RESUME_SESSION
    assert f"To {question.id}, may it use Bash" in words
    assert "Answer: deny" in words


def test_a_long_call_is_not_told_again_in_full_to_the_agent_that_made_it(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    inquiry.house.speak("asker")
    question = inquiry.asked(job, tool="Write", input={"file_path": "x", "content": "long " * 20_000})
    inquiry.answer(question, {"decision": "deny", "message": "too long"})

    give_way(inquiry, job)

    ((_, words),) = claimed(inquiry)
    assert (f"To {question.id}, may it use Write" in words, "too long" in words, len(words) < 6000) == (True,) * 3


def test_a_turn_that_gave_way_can_be_stopped_and_takes_its_question_with_it(inquiry: Inquiry) -> None:
    job = inquiry.house.run("asker")
    question = inquiry.asked(job)
    give_way(inquiry, job)

    inquiry.house.do(lambda tx: stop_job(tx, job.id))

    assert inquiry.status("asker") is SessionStatus.STOPPED
    with pytest.raises(Conflict) as late:
        inquiry.answer(question, ALLOW)
    assert late.value.code == "question_withdrawn"


def test_a_stop_between_two_attempts_takes_back_what_the_first_one_asked(inquiry: Inquiry) -> None:
    house = inquiry.house
    job = house.run("asker", retries={"agent": 1})
    question = inquiry.asked(job)
    killed = Report(proof(house.job(job.id)), JobStatus.FAILED, "signal", signal=9)
    house.do(lambda tx: finish(tx, killed))
    assert inquiry.again(question).status is QuestionStatus.OPEN

    house.do(lambda tx: stop_job(tx, job.id))

    assert inquiry.again(question).status is QuestionStatus.WITHDRAWN
    with pytest.raises(Conflict, match="withdrawn"):
        inquiry.answer(question, ALLOW)
