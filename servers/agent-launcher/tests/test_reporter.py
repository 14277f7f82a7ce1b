"""What ended is delivered until the runtime knows it, what never began is given back, and nothing gets lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from launcher_rig.attempts import attempt_of, job
from launcher_rig.fake_jobs import FakeJob, Refusal
from launcher_rig.fake_runtime import FakeRuntime, Fault
from launcher_rig.machines import OnPlayedKeepers, PlayedKeepers
from launcher_rig.parts import Parts

from lib.api_client import ApiClient
from lib.attempt.attempt import Attempt, Began, Dropped, Ended, Phase, Unbegun
from lib.attempt.folder import RunFolder
from lib.keeper import words
from lib.wire.models import Dropped as DroppedByRuntime
from lib.wire.models import Job, JsonObject


@pytest.fixture
def parts(api: ApiClient, tmp_path: Path) -> Parts:
    parts = Parts(OnPlayedKeepers(PlayedKeepers()), api, tmp_path).with_keeper().registered()
    parts.registry.tell(lambda: None, lambda attempt, _: parts.keepers.forget(attempt.keeper or "", attempt.key))
    return parts


def taken_up(fake: FakeRuntime, parts: Parts, status: str, job_id: str = "job_1") -> tuple[FakeJob, Attempt]:
    """An attempt that the runtime has in a status, in the table and not further than begun."""
    told = fake.jobs.add(job_id)
    told.attempt, told.token, told.status = 1, "t", status
    attempt = attempt_of(job("s", job_id), parts.machine, parts.folders.path)
    attempt.keeper = "1"
    attempt.folder.make(None)
    parts.registry.add_job(job_id, attempt)
    return told, attempt


def ended(
    fake: FakeRuntime, parts: Parts, verdict: JsonObject, job_id: str = "job_1", output: str = ""
) -> tuple[FakeJob, Attempt]:
    told, attempt = taken_up(fake, parts, "running", job_id)
    (attempt.folder.path / words.OUTPUT_FILE).write_text(output)
    for change in (Began(), Ended(verdict)):
        parts.registry.store(attempt, change)
    return told, attempt


def deliver(parts: Parts) -> None:
    """Work until nothing is due, and let the time pass that a failure waits."""
    while parts.registry.attempts() and (due := parts.registry._due):
        parts.machine.now = max(parts.machine.now, due[0][0])
        parts.reporter.step()


def test_an_end_is_reported_and_acknowledged_once_the_runtime_knows_it(fake: FakeRuntime, parts: Parts) -> None:
    told, _ = ended(fake, parts, {"exit_code": 0, "ended_at": 1.0}, output="words\n")
    parts.reporter.step()
    assert (told.status, bytes(told.log)) == ("completed", b"words\n")
    assert parts.words_about("job_1.1") == []

    parts.reporter.step()

    assert parts.words_about("job_1.1") == [words.DROP, words.ACKNOWLEDGE]
    assert parts.registry.attempts() == []


@pytest.mark.parametrize(
    ("verdict", "outcome", "reason"),
    [
        ({"exit_code": 3}, "failed", "nonzero_exit"),
        ({"signal": 11}, "failed", "signal"),
        ({"exit_code": 0, "reason": "timed_out"}, "failed", "timed_out"),
        ({"exit_code": 0, "reason": "stopped_by_user"}, "stopped", "stopped_by_user"),
        ({"reason": "shim_died", "error": "why"}, "failed", "shim_died"),
        ({"signal": 9, "reason": "stopped_by_user", "leftovers": ["x (pid 7)"]}, "stopped", "cleanup_incomplete"),
    ],
)
def test_a_verdict_is_told_in_the_runtimes_words(
    fake: FakeRuntime, parts: Parts, verdict: JsonObject, outcome: str, reason: str
) -> None:
    told, _ = ended(fake, parts, verdict)
    deliver(parts)

    ((found, body),) = told.reports
    assert (found, body["reason"]) == (outcome, reason)
    if "leftovers" in verdict:
        assert body["error"] == "cleanup_incomplete: these processes could not be ended: x (pid 7)"


@pytest.mark.parametrize("verdict", [{"exit_code": 0, "ended_at": 1.0}, {"exit_code": 0, "leftovers": ["x (pid 7)"]}])
def test_what_a_command_could_not_write_stands_beside_its_end(
    fake: FakeRuntime, parts: Parts, verdict: JsonObject
) -> None:
    told, attempt = ended(fake, parts, verdict)
    attempt.folder.outcome_path.write_text('{"exit_code": 0, "unwritten": "no room"}', encoding="utf-8")
    parts.reporter.step()

    ((found, body),) = told.reports
    assert (found, body["unwritten"]) == ("completed", "no room")
    assert str(body["error"]).endswith("disk_full: not all that it printed is kept here: no room")


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.PROXY_PAGE, Fault.UNAUTHORIZED])
def test_an_end_is_reported_again_until_the_runtime_has_answered(fake: FakeRuntime, parts: Parts, fault: Fault) -> None:
    told, _ = ended(fake, parts, {"exit_code": 0, "ended_at": 1.0})
    fake.fail("completed", fault, times=7)

    deliver(parts)

    assert (told.status, len(told.reports)) == ("completed", 1)
    assert parts.registry.attempts() == []


def test_output_that_cannot_be_sent_does_not_hold_up_the_end_and_follows_it(fake: FakeRuntime, parts: Parts) -> None:
    told, attempt = ended(fake, parts, {"exit_code": 0}, output="words\n")
    fake.fail("log", Fault.SERVER_ERROR, times=3)
    parts.reporter.step()
    assert (told.status, bytes(told.log)) == ("completed", b"")
    assert parts.registry.attempts() == [attempt]
    assert parts.registry.held() == []  # the runtime knows its end

    deliver(parts)

    assert bytes(told.log) == b"words\n"
    assert len(told.reports) == 1


def test_a_report_that_the_runtime_does_not_want_is_put_aside_and_others_go_on(fake: FakeRuntime, parts: Parts) -> None:
    ended(fake, parts, {"exit_code": 0})
    other, _ = ended(fake, parts, {"exit_code": 0}, "job_2")
    del fake.jobs.jobs["job_1"]

    deliver(parts)

    assert parts.words_about("job_1.1") == [words.DROP, words.ACKNOWLEDGE]
    assert other.status == "completed"


def test_a_figure_that_the_runtime_does_not_take_does_not_cost_it_the_end(
    fake: FakeRuntime, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, attempt = ended(fake, parts, {"exit_code": 1})
    attempt.folder.outcome_path.write_text('{"ending": "failed", "reason": "rate_limited", "cost_usd": -1.0}')
    monkeypatch.setattr(fake.jobs, "report", _picky(fake.jobs.report))

    deliver(parts)

    ((found, body),) = told.reports
    assert (found, body["reason"]) == ("failed", "rate_limited")
    # What is missing it finds in the session's events.
    assert "did not take the whole report" in str(body["unwritten"])


def test_what_is_fenced_off_is_put_aside_without_a_word(fake: FakeRuntime, parts: Parts) -> None:
    told, _ = ended(fake, parts, {"exit_code": 0})
    parts.stopper.drop([DroppedByRuntime("job_1", 1, "fenced_off")])

    deliver(parts)

    assert (told.reports, parts.registry.attempts()) == ([], [])
    assert parts.words_about("job_1.1") == [words.DROP, words.ACKNOWLEDGE]


def test_what_never_began_is_given_back(fake: FakeRuntime, parts: Parts) -> None:
    told, attempt = taken_up(fake, parts, "claimed")
    parts.registry.store(attempt, Unbegun())

    deliver(parts)

    assert [decline["reason"] for decline in told.declines] == ["never_started"]
    assert parts.words_about("job_1.1") == [words.DROP, words.ACKNOWLEDGE]
    assert parts.registry.attempts() == []


def test_what_was_granted_before_its_launcher_ended_runs_after_all_and_is_in_the_table_first(
    fake: FakeRuntime, parts: Parts
) -> None:
    told, attempt = taken_up(fake, parts, "running")
    parts.registry.store(attempt, Unbegun())
    phases: list[Phase] = []
    parts.lines.on_send = lambda *_: phases.append(attempt.phase)

    parts.reporter.step()

    assert parts.words_about("job_1.1") == [words.GO]
    assert phases == [Phase.RUNNING]
    assert told.declines == []


def test_what_was_let_go_of_while_it_was_given_back_is_never_told_to_run(
    fake: FakeRuntime, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, attempt = taken_up(fake, parts, "running")
    parts.registry.store(attempt, Unbegun())
    decline = parts.api.report_declined

    def declined_late(launcher_id: str, job: Job, reason: str, sentence: str) -> None:
        parts.registry.store(attempt, Dropped("given back"))  # a later attempt was claimed meanwhile
        decline(launcher_id, job, reason, sentence)

    monkeypatch.setattr(parts.api, "report_declined", declined_late)

    parts.reporter.step()

    assert words.GO not in parts.words_about("job_1.1")


def test_what_the_runtime_does_not_want_back_is_dropped_and_never_runs(fake: FakeRuntime, parts: Parts) -> None:
    _, attempt = taken_up(fake, parts, "claimed")
    parts.registry.store(attempt, Unbegun())
    del fake.jobs.jobs["job_1"]

    deliver(parts)

    assert parts.words_about("job_1.1") == [words.DROP, words.ACKNOWLEDGE]


def test_an_attempt_survives_whatever_goes_wrong_with_it(
    fake: FakeRuntime, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, attempt = ended(fake, parts, {"exit_code": 0})
    with monkeypatch.context() as broken:
        broken.setattr(parts.api, "report_all", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            parts.reporter.step()  # its loop logs that and goes on
    assert parts.registry.attempts() == [attempt]

    deliver(parts)

    assert told.status == "completed"


def test_before_the_launcher_is_registered_nothing_is_delivered_and_nothing_lost(
    fake: FakeRuntime, api: ApiClient, tmp_path: Path
) -> None:
    parts = Parts(OnPlayedKeepers(PlayedKeepers()), api, tmp_path).with_keeper()
    told, attempt = ended(fake, parts, {"exit_code": 0})
    parts.reporter.step()
    assert (parts.registry.attempts(), fake.calls) == ([attempt], [])

    parts.registered()
    deliver(parts)

    assert told.status == "completed"


def test_a_late_word_about_what_was_given_back_changes_nothing(fake: FakeRuntime, parts: Parts) -> None:
    _, attempt = taken_up(fake, parts, "claimed")
    parts.registry.store(attempt, Dropped("given back"))

    parts.registry.store(attempt, Ended({"exit_code": 0}))

    assert parts.registry.take(0, 32) == []


def test_ends_go_to_the_runtime_together_and_one_that_cannot_be_told_is_not_in_the_way(
    fake: FakeRuntime, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, poison = ended(fake, parts, {"exit_code": 0}, "job_1")
    well, _ = ended(fake, parts, {"exit_code": 0}, "job_2")
    failed, _ = ended(fake, parts, {"exit_code": 3}, "job_3")
    del fake.jobs.jobs["job_3"]
    monkeypatch.setattr(type(poison.folder), "read_outcome", _broken_for(poison))

    parts.reporter.step()

    assert (well.status, failed.reports) == ("completed", [])
    assert [attempt.key for attempt in parts.registry.attempts()] == ["job_1.1", "job_2.1"]
    assert poison.tries == 1


def _picky(report: Callable[[str, str, JsonObject], JsonObject]) -> Callable[[str, str, JsonObject], JsonObject]:
    def picky(verb: str, job_id: str, body: JsonObject) -> JsonObject:
        if "cost_usd" in body:
            raise Refusal(422, "invalid_parameters")
        return report(verb, job_id, body)

    return picky


def _broken_for(poison: Attempt) -> Callable[[RunFolder], JsonObject]:
    def read(folder: RunFolder) -> JsonObject:
        return {"usage": 1 / 0} if folder.key == poison.key else {}

    return read
