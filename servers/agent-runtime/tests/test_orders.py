"""What an order becomes: a job and a session, once for each key, in the session's order."""

import pytest

from agent_runtime.domain.errors import Conflict, Invalid, NotFound, Problem
from agent_runtime.domain.job import IfBusy, JobStatus, JobType
from agent_runtime.services.jobs.orders import IdempotencyKey, create_job, retry_job, stop_job
from agent_runtime.services.jobs.waiting import explain_waiting
from support.store_rig import StoreRig

KEY = IdempotencyKey("k1", "f1")


def test_a_session_exists_from_the_moment_its_first_job_is_accepted(rig: StoreRig) -> None:
    job = rig.create("first")
    session = rig.session(job)

    assert (session.name, session.status, session.current_job_id) == ("first", "pending", job.id)


def test_the_same_key_gives_the_same_job_and_another_request_is_refused(rig: StoreRig) -> None:
    first = rig.create("same", key=KEY)
    again = rig.create("same", key=KEY)

    with pytest.raises(Invalid) as told:
        rig.create("other", key=IdempotencyKey("k1", "f2"))

    assert again.id == first.id
    assert told.value.code == "idempotency_key_reused"
    assert first.id in str(told.value)


def test_a_request_that_was_refused_does_not_use_its_key_up(rig: StoreRig) -> None:
    with pytest.raises(NotFound):
        rig.create("later", key=KEY, agent_name="nobody")

    assert rig.create("later", key=KEY).session_name == "later"


@pytest.mark.parametrize(
    ("fields", "kind", "code"),
    [
        ({"agent_name": "nobody"}, NotFound, "agent_unknown"),
        ({"agent_name": "asleep"}, Conflict, "agent_inactive"),
        ({"agent_name": None}, Invalid, "no_default_agent"),
        ({"name": "taken"}, Conflict, "session_exists"),
        ({"name": "never", "type": JobType.RESUME_SESSION}, NotFound, "session_unknown"),
    ],
)
def test_an_order_that_cannot_be_met_leaves_nothing_behind(
    rig: StoreRig, fields: dict[str, object], kind: type[Problem], code: str
) -> None:
    rig.create("taken")

    with pytest.raises(kind) as told:
        rig.create(**fields)  # type: ignore[arg-type]  # fields of Order

    assert told.value.code == code
    assert len(rig.do(lambda tx: tx.jobs.in_status(JobStatus.PENDING, 10))) == 1


def test_resumes_of_a_busy_session_run_in_the_order_in_which_they_came(rig: StoreRig) -> None:
    launcher = rig.launcher(hostname="here")
    ordered = [rig.create("talk").id, *[rig.resume("talk").id for _ in range(3)]]

    ran = []
    for _ in ordered:
        job = rig.run(launcher)
        assert not rig.poll(launcher).claims
        ran.append(job.id)
        rig.end(job)

    assert ran == ordered
    assert rig.session(job).status == "finished"


def test_a_resume_may_refuse_to_wait(rig: StoreRig) -> None:
    job = rig.create("talk")

    with pytest.raises(Conflict, match=f"session 'talk' is busy with job '{job.id}'") as told:
        rig.resume("talk", IfBusy.REJECT)

    assert told.value.code == "session_busy"


def test_a_resume_may_interrupt_what_runs_and_goes_on_when_that_has_ended(rig: StoreRig) -> None:
    launcher = rig.launcher(hostname="here")
    rig.create("talk")
    running = rig.run(launcher)

    urgent = rig.resume("talk", IfBusy.INTERRUPT)
    assert [job.id for job in rig.poll(launcher, slots=0).stop_jobs] == [running.id]
    assert rig.job(urgent).waits_on == "session"
    rig.end(running, JobStatus.STOPPED)

    assert rig.claim(launcher).id == urgent.id


def test_a_job_that_is_run_again_waits_for_its_session_turn(rig: StoreRig) -> None:
    launcher = rig.launcher(hostname="here")
    rig.create("talk")
    failed = rig.run(launcher)
    second = rig.resume("talk")
    rig.end(failed, JobStatus.FAILED, exit_code=1)

    again = rig.do(lambda tx: retry_job(tx, failed.id))
    taken = rig.run(launcher)
    rig.end(taken)

    assert again.waits_on == "session"
    assert taken.id == second.id
    assert rig.claim(launcher).id == failed.id


def test_only_what_failed_or_was_stopped_can_be_run_again(rig: StoreRig) -> None:
    job = rig.create()

    with pytest.raises(Conflict, match="must be failed or stopped, found 'pending'") as told:
        rig.do(lambda tx: retry_job(tx, job.id))

    assert told.value.code == "not_retryable"


def test_stop_before_start_ends_at_once_and_again_is_harmless(rig: StoreRig) -> None:
    job = rig.create()

    first = rig.do(lambda tx: stop_job(tx, job.id))
    second = rig.do(lambda tx: stop_job(tx, job.id))

    assert (first.job.status, first.requested, second.requested) == (JobStatus.STOPPED, False, False)
    assert rig.session(job).status == "stopped"


def test_what_was_stopped_while_it_waited_says_nothing_of_an_attempt_before(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create()
    failed = rig.end(rig.run(launcher), JobStatus.FAILED, error="it broke").job
    rig.do(lambda tx: retry_job(tx, failed.id))

    stopped = rig.do(lambda tx: stop_job(tx, failed.id)).job

    assert (failed.error is None, stopped.reason, stopped.error) == (False, "stopped_by_user", None)


def test_stopping_the_job_that_has_the_turn_lets_the_next_one_run(rig: StoreRig) -> None:
    first = rig.create("talk")
    second = rig.resume("talk")

    rig.do(lambda tx: stop_job(tx, first.id))

    assert rig.claim(rig.launcher()).id == second.id


def test_a_child_knows_its_parent_and_the_root_of_its_family(rig: StoreRig) -> None:
    root = rig.session(rig.create("root"))
    child = rig.session(rig.create("child", parent_session_name="root"))
    grandchild = rig.session(rig.create("grandchild", parent_session_name="child"))

    assert (child.parent_session_id, child.depth) == (root.id, 1)
    assert (grandchild.parent_session_id, grandchild.root_session_id, grandchild.depth) == (child.id, root.id, 2)


def test_an_order_of_an_unknown_agent_is_answered_with_what_to_do(rig: StoreRig) -> None:
    order = rig.order("x", agent_name="nobody")

    with pytest.raises(NotFound, match=r"^no agent 'nobody' \(GET /agents lists those that there are\)$"):
        rig.do(lambda tx: create_job(tx, order, rig.agent))


def test_a_job_that_waits_says_why_and_what_would_change_it(rig: StoreRig) -> None:
    def why(job_id: str) -> tuple[str, str]:
        job = next(job for job in rig.do(lambda tx: tx.jobs.in_status(JobStatus.PENDING, 50)) if job.id == job_id)
        waiting = rig.do(lambda tx: explain_waiting(tx, [job]))[job.id]
        return waiting.reason, waiting.sentence

    job = rig.create("talk")
    rig.launcher(only_own_jobs=True)
    assert why(job.id) == ("no_launcher", "no launcher is connected (start one: agent-launcher, or all with: ao up)")

    launcher = rig.launcher(hostname="here")
    gpu = rig.create(agent_name="gpu")
    assert why(gpu.id)[0] == "no_matching_launcher"
    assert "labelled gpu=yes" in why(gpu.id)[1]

    rig.run(launcher)
    queued = rig.resume("talk")
    assert why(queued.id)[0] == "session_busy"
    assert f"job '{job.id}'" in why(queued.id)[1]

    plain = rig.create()
    assert why(plain.id)[0] == "no_free_slot"
    rig.poll(launcher, slots=0, refusal="launcher_short_of_memory")
    assert why(plain.id)[0] == "launcher_short_of_memory"
    rig.poll(launcher, slots=0, refusal="launcher_overloaded")
    assert why(plain.id)[0] == "launcher_overloaded"
    rig.poll(launcher, slots=0, refusal="launcher_cannot_start_jobs")
    assert why(plain.id)[0] == "launcher_cannot_start_jobs"
    rig.clock.move(seconds=45)
    assert why(plain.id)[0] == "launcher_not_answering"
    assert "frozen or cut off" in why(plain.id)[1]
    rig.poll(launcher, slots=0)
    assert why(plain.id)[0] == "no_free_slot"

    later = rig.create(not_before=rig.clock.now().replace(year=2027))
    assert why(later.id) == ("not_before", f"waits until 2027-01-02 03:04:{rig.clock.now().second:02} UTC")


def test_launchers_that_take_nothing_for_different_reasons_are_not_said_to_be_full(rig: StoreRig) -> None:
    def why() -> tuple[str, str]:
        waiting = rig.do(lambda tx: explain_waiting(tx, [job]))[job.id]
        return waiting.reason, waiting.sentence

    job = rig.create()
    broken, busy, full = (rig.launcher(hostname=host) for host in ("broken", "busy", "full"))
    rig.poll(broken, slots=0, refusal="launcher_cannot_start_jobs")
    rig.poll(busy, slots=0, refusal="launcher_overloaded")

    rig.poll(full, slots=0)
    assert why()[0] == "no_free_slot"
    assert "the one fitting launcher runs" in why()[1]
    rig.poll(full, slots=0, refusal="launcher_overloaded")
    reason, sentence = why()
    assert reason == "launcher_overloaded"
    assert "some fitting launchers have as much to do" in sentence
    assert "some fitting launchers cannot start processes" in sentence


def test_the_turns_of_a_session_keep_their_order_when_the_clock_is_set_back(rig: StoreRig) -> None:
    begun = rig.create("talk")
    turns = [rig.run(rig.launcher(hostname="here"))]
    for _ in range(3):
        rig.clock.move(seconds=-60)
        turns.append(rig.resume("talk"))

    assert [job.id for job in turns] == sorted({job.id for job in turns})
    assert turns[0].id == begun.id
    for turn in turns[:-1]:
        rig.end(rig.job(turn))
        rig.run(rig.launcher(hostname="here"))
    assert rig.job(turns[-1]).status is JobStatus.RUNNING


@pytest.mark.parametrize("reason", ["spawn_failed", "invalid_parameters", "backend_missing", "secret_missing"])
def test_a_start_that_failed_before_any_agent_ran_leaves_its_name_free(rig: StoreRig, reason: str) -> None:
    launcher = rig.launcher(hostname="here")
    first = rig.create("again", project_dir="/nowhere")
    rig.end(rig.run(launcher), JobStatus.FAILED, reason=reason)

    second = rig.create("again", project_dir="/here")
    session = rig.session(second)

    assert (second.session_id, second.required_host) == (first.session_id, None)
    assert (session.status, session.current_job_id, session.project_dir) == ("pending", second.id, "/here")
    assert rig.job(first).reason == reason
    rig.end(rig.run(launcher))
    assert rig.session(second).status == "finished"


def test_a_start_that_was_stopped_while_it_waited_leaves_its_name_free(rig: StoreRig) -> None:
    first = rig.create("again")
    rig.do(lambda tx: stop_job(tx, first.id))

    assert rig.create("again").session_id == first.session_id


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(JobStatus.COMPLETED, None), (JobStatus.FAILED, "nonzero_exit"), (JobStatus.FAILED, "timed_out")],
)
def test_a_session_in_which_something_ran_is_never_started_again(
    rig: StoreRig, outcome: JobStatus, reason: str | None
) -> None:
    launcher = rig.launcher(hostname="here")
    rig.create("ran")
    rig.end(rig.run(launcher), outcome, reason=reason)

    with pytest.raises(Conflict, match="exists already"):
        rig.create("ran")


def test_a_session_that_is_at_work_or_would_change_its_parent_is_not_started_again(rig: StoreRig) -> None:
    rig.create("parent")
    child = rig.create("child")
    with pytest.raises(Conflict, match="exists already"):
        rig.create("child")
    rig.do(lambda tx: stop_job(tx, child.id))

    with pytest.raises(Conflict, match="exists already"):
        rig.create("child", parent_session_name="parent")
