"""The launcher's own client against the real runtime: every call of the protocol, as both sides understand it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lib.api_client import ApiClient, Said, TokenSource, Wanted
from lib.errors import CallRejected, LauncherUnknown, Superseded
from lib.wire.http_client import http_client
from lib.wire.models import Job, Report
from support.desk import fresh
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess

SOON = Wanted(wait_seconds=5.0)


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """One for all tests here, each of which leaves no job to the next one's launcher."""
    with RuntimeProcess(tmp_path_factory.mktemp("runtime")) as process:
        yield process.start()


@pytest.fixture
def calls(runtime: RuntimeProcess) -> Iterator[ApiClient]:
    """The launcher's client."""
    client = ApiClient(http_client(runtime.url), TokenSource(runtime.token, Path("/nowhere")))
    yield client
    client.close()


@pytest.fixture
def launcher_id(api: RuntimeApi, calls: ApiClient) -> Iterator[str]:
    """A registered launcher."""
    yield calls.register({"name": fresh(), "hostname": "here", "labels": {"gpu": "yes"}}).launcher_id
    for status in ("pending", "claimed"):
        for job in api.jobs(status=status):
            api.stop_job(job["job_id"])


def claimed(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> Job:
    """A job in the launcher's hands, not yet started."""
    job_id = api.create_job(fresh(), "do it", project_dir="/tmp")
    (job,) = calls.poll(launcher_id, SOON).jobs
    assert job.job_id == job_id
    return job


def running(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> Job:
    """A job whose start was granted."""
    job = claimed(api, calls, launcher_id)
    calls.report_started(launcher_id, job.job_id, job)
    return job


def test_a_claim_carries_all_that_a_launcher_needs(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = claimed(api, calls, launcher_id)

    assert (job.type, job.agent_name, job.prompt) == ("start_session", "echo", "do it")
    assert job.session_name == api.job(job.job_id)["session_name"]
    assert (job.project_dir, job.attempt) == ("/tmp", 1)
    assert job.token
    assert job.session_token
    assert job.session_id
    assert job.stop_grace_seconds == 10.0


def test_a_lost_poll_answer_heals_at_the_next_poll(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    lost = claimed(api, calls, launcher_id)

    (again,) = calls.poll(launcher_id, SOON).jobs

    assert (again.job_id, again.attempt, again.token) == (lost.job_id, lost.attempt, lost.token)


def test_a_batch_brings_several_claims_and_a_plain_poll_one(
    api: RuntimeApi, calls: ApiClient, launcher_id: str
) -> None:
    for _ in range(3):
        api.create_job(fresh(), project_dir="/tmp")

    together = calls.poll(launcher_id, Wanted(slots=3, batch=3, wait_seconds=5.0)).jobs

    assert len({job.job_id for job in together}) == 3


def test_a_full_launcher_gets_no_job_and_hears_of_stops(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = running(api, calls, launcher_id)
    waiting = api.create_job(fresh(), project_dir="/tmp")
    api.stop_job(job.job_id)

    answer = calls.poll(launcher_id, Wanted(slots=0, wait_seconds=5.0))

    assert answer.jobs == ()
    assert answer.stop_jobs == (job.job_id,)
    assert api.job(waiting)["reason"] == "no_free_slot"


@pytest.mark.parametrize("verb", ["completed", "failed", "stopped"])
def test_the_same_report_again_is_welcome_and_another_is_refused(
    api: RuntimeApi, calls: ApiClient, launcher_id: str, verb: str
) -> None:
    job = running(api, calls, launcher_id)

    for _ in range(2):
        if verb == "completed":
            calls.report_completed(launcher_id, job.job_id, job, Report("completed", exit_code=0))
        elif verb == "failed":
            calls.report_failed(
                launcher_id, job.job_id, "no", job, Report("failed", reason="nonzero_exit", exit_code=3)
            )
        else:
            calls.report_all(launcher_id, [Said.of_end(job, Report("stopped", reason="stopped_by_user"))])

    assert api.job(job.job_id)["status"] == verb
    with pytest.raises(CallRejected):
        calls.report_failed(
            launcher_id, job.job_id, "other", job, Report("failed", reason="internal_error", exit_code=9)
        )
    assert api.job(job.job_id)["status"] == verb


def test_started_twice_is_granted_twice(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = running(api, calls, launcher_id)

    calls.report_started(launcher_id, job.job_id, job)

    assert api.job(job.job_id)["status"] == "running"


def test_a_stop_before_the_start_refuses_the_start(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = claimed(api, calls, launcher_id)
    api.stop_job(job.job_id)

    with pytest.raises(CallRejected) as refused:
        calls.report_started(launcher_id, job.job_id, job)

    assert refused.value.code in {"stop_requested", "already_ended", "not_current"}
    assert api.job(job.job_id)["status"] == "stopped"


def test_a_declined_claim_waits_again(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = claimed(api, calls, launcher_id)

    calls.report_declined(launcher_id, job, "spawn_failed", "the disk is full")

    (again,) = calls.poll(launcher_id, Wanted(wait_seconds=20.0)).jobs
    assert (again.job_id, again.attempt) == (job.job_id, 2)


def test_a_granted_attempt_cannot_be_declined(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = running(api, calls, launcher_id)

    with pytest.raises(CallRejected) as refused:
        calls.report_declined(launcher_id, job, "spawn_failed", "too late")

    assert refused.value.code == "already_started"


def test_output_is_taken_at_the_right_offset_only(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = running(api, calls, launcher_id)

    assert calls.upload_log(launcher_id, job, 0, b"hello ") == 6
    with pytest.raises(CallRejected) as refused:
        calls.upload_log(launcher_id, job, 2, b"world")
    assert (refused.value.code, refused.value.offset) == ("wrong_offset", 6)
    assert calls.upload_log(launcher_id, job, 6, b"world") == 11

    assert api.http.get(f"/jobs/{job.job_id}/log").content == b"hello world"


def test_the_middle_of_a_flood_may_be_left_out_and_its_end_is_kept(
    api: RuntimeApi, calls: ApiClient, launcher_id: str
) -> None:
    job = running(api, calls, launcher_id)
    calls.upload_log(launcher_id, job, 0, b"head")

    assert calls.upload_log(launcher_id, job, 1_000, b"tail", is_jump=True) == 1_004
    with pytest.raises(CallRejected) as refused:
        calls.upload_log(launcher_id, job, 1_000, b"tail", is_jump=True)
    assert (refused.value.code, refused.value.offset) == ("wrong_offset", 1_004)

    behind = api.http.get(f"/jobs/{job.job_id}/log", params={"offset": 4})
    assert (behind.content, behind.headers["X-Log-Start"]) == (b"tail", "1000")


def test_a_report_with_a_foreign_token_changes_nothing(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = running(api, calls, launcher_id)
    stranger = Job(job.job_id, job.type, job.session_name, attempt=job.attempt, token="x" * 32)

    with pytest.raises(CallRejected) as refused:
        calls.report_completed(launcher_id, job.job_id, stranger)

    assert refused.value.code == "not_current"
    assert api.job(job.job_id)["status"] == "running"


def test_a_launcher_of_the_first_days_is_served_without_attempt_and_token(
    api: RuntimeApi, calls: ApiClient, launcher_id: str
) -> None:
    job_id = api.create_job(fresh(), project_dir="/tmp")
    job = calls.poll_job(launcher_id)
    assert job is not None

    calls.report_started(launcher_id, job_id)
    calls.report_completed(launcher_id, job_id)

    assert api.job(job_id)["status"] == "completed"


def test_a_restarted_launcher_is_told_what_it_still_holds(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = running(api, calls, launcher_id)
    calls.upload_log(launcher_id, job, 0, b"12345")

    again = calls.register(
        {
            "launcher_id": launcher_id,
            "holding": [
                {"job_id": job.job_id, "attempt": job.attempt, "token": job.token},
                {"job_id": "job_00000000000000000000000000", "attempt": 1, "token": "x"},
            ],
        }
    )

    assert [(held.job_id, held.attempt, held.log_offset) for held in again.adopt] == [(job.job_id, 1, 5)]
    assert [gone.job_id for gone in again.drop] == ["job_00000000000000000000000000"]
    assert again.launcher_id == launcher_id
    assert (again.epoch or 0) > 1


def test_the_older_of_two_lives_with_one_identity_is_told_to_leave(calls: ApiClient, launcher_id: str) -> None:
    calls.register({"launcher_id": launcher_id})

    with pytest.raises(Superseded):
        calls.poll(launcher_id, Wanted(epoch=1, wait_seconds=1.0))


def test_an_unknown_launcher_is_told_so_and_a_goodbye_is_remembered(calls: ApiClient, launcher_id: str) -> None:
    calls.forget(launcher_id)

    for call in (lambda: calls.poll(launcher_id, SOON), lambda: calls.heartbeat(launcher_id)):
        with pytest.raises(LauncherUnknown):
            call()


def test_a_heartbeat_hears_of_stops(api: RuntimeApi, calls: ApiClient, launcher_id: str) -> None:
    job = running(api, calls, launcher_id)
    api.stop_job(job.job_id)

    answer = calls.heartbeat(
        launcher_id, {"holding": [{"job_id": job.job_id, "attempt": job.attempt, "token": job.token}]}
    )

    assert answer.stop_jobs == (job.job_id,)
    assert answer.drop == ()


def test_several_reports_in_one_call_are_answered_each_as_a_call_of_its_own(
    api: RuntimeApi, calls: ApiClient, launcher_id: str
) -> None:
    ends = [running(api, calls, launcher_id) for _ in range(2)]
    for _ in range(2):
        api.create_job(fresh(), project_dir="/tmp")
    starts = calls.poll(launcher_id, Wanted(slots=2, batch=2, wait_seconds=5.0)).jobs
    api.stop_job(starts[1].job_id)
    said = [Said(job, "started") for job in starts]
    said.append(Said.of_end(ends[0], Report("completed", exit_code=0)))
    said.append(Said.of_end(ends[1], Report("failed", exit_code=3)))
    said += [Said(replace(ends[0], job_id="job_00000000000000000000000000"), "started")]

    answers = calls.report_all(launcher_id, said)

    codes = [answer.code if isinstance(answer, CallRejected) else answer for answer in answers]
    assert codes == [None, "stop_requested", None, None, "job_unknown"]
    states = [api.job(job.job_id)["status"] for job in (*starts, *ends)]
    assert states == ["running", "stopped", "completed", "failed"]
    again = calls.report_all(launcher_id, said[2:4])
    assert again == [None, None]


def test_a_report_that_makes_no_sense_is_not_in_the_way_of_the_others(
    api: RuntimeApi, calls: ApiClient, launcher_id: str
) -> None:
    job = running(api, calls, launcher_id)
    nonsense = Said(job, "failed", {"exit_code": "none"})

    answers = calls.report_all(launcher_id, [nonsense, Said.of_end(job, Report("completed", exit_code=0))])

    assert isinstance(answers[0], CallRejected)
    assert (answers[1], api.job(job.job_id)["status"]) == (None, "completed")
