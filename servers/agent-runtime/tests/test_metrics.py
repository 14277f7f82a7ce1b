"""The runtime in numbers: what monitoring systems read is true, whole, and shown to nobody without a token."""

from collections.abc import Mapping

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from agent_runtime.domain.job import JobStatus
from agent_runtime.http.metrics import CONTENT_TYPE
from agent_runtime.services.jobs.holds import hold_job
from agent_runtime.services.numbers import Numbers, read_numbers
from support.desk import Desk, JsonObject, fresh, proof, read
from support.runtime_process import RuntimeProcess
from support.store_rig import StoreRig

Families = Mapping[str, Metric]


def numbers(rig: StoreRig) -> Numbers:
    """Read the numbers of this moment."""
    return rig.runner.run(rig.store.read(read_numbers))


def scraped(desk: Desk) -> Families:
    """Read the answer as a monitoring system would: a library's parser takes it, or the test fails."""
    answer = desk.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.text.endswith("# EOF\n")
    parse = text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]  # so the library has it
    return {family.name: family for family in parse}


def value(families: Families, name: str, sample: str = "", **labels: str) -> float:
    """Find one value; one that was never counted is zero."""
    for one in families[f"agent_runtime_{name}"].samples:
        if one.name == f"agent_runtime_{name}{sample}" and labels.items() <= one.labels.items():
            return float(one.value)
    return 0.0


def test_pending_jobs_are_counted_by_the_reason_that_each_would_be_told(rig: StoreRig) -> None:
    first = rig.create()
    rig.resume(first.session_name)
    rig.create(labels={"zone": "moon"})
    held = rig.create()
    rig.do(lambda tx: hold_job(tx, held.id))
    before = numbers(rig)
    rig.launcher(name="one")
    after = numbers(rig)

    assert before.waiting == {"no_launcher": 2, "session_busy": 1, "held": 1}
    assert after.waiting == {"no_free_slot": 1, "no_matching_launcher": 1, "session_busy": 1, "held": 1}


def test_jobs_sessions_and_launchers_are_counted_as_they_are(rig: StoreRig) -> None:
    one, other = rig.launcher(name="one", max_jobs=3), rig.launcher(name="other")
    rig.create()
    rig.run(one)
    rig.create()
    rig.end(rig.run(other), JobStatus.FAILED, reason="nonzero_exit")

    seen = numbers(rig)

    assert seen.jobs == {JobStatus.RUNNING: 1, JobStatus.FAILED: 1}
    assert sum(seen.sessions.values()) == 2
    assert {load.launcher.name: load.jobs for load in seen.launchers} == {"one": 1, "other": 0}
    assert seen.database_bytes > 0


def test_news_that_waits_too_long_for_its_parent_counts_as_late(rig: StoreRig) -> None:
    launcher = rig.launcher()
    rig.create("parent")
    rig.run(launcher)
    rig.create("child", parent_session_name="parent", callback=True)
    child = rig.run(launcher)
    pending = numbers(rig).callbacks
    rig.end(child)
    fresh_news = numbers(rig).callbacks
    rig.clock.move(seconds=61)
    late_news = numbers(rig).callbacks

    assert (pending.pending, pending.late) == (1, 0)
    assert (fresh_news.pending, fresh_news.late) == (1, 0)
    assert (late_news.pending, late_news.late) == (1, 1)


def test_what_happened_is_counted_once_and_in_a_form_that_monitoring_systems_read(desk: Desk) -> None:
    before = scraped(desk)
    job = desk.run()
    usage: JsonObject = {"input_tokens": 7, "output_tokens": 5}
    body = {**proof(job), "reason": "backend_auth", "error": "not logged in", "usage": usage, "cost_usd": 0.25}
    read(desk.post(f"/launcher/jobs/{job['job_id']}/failed", body))
    read(desk.post(f"/launcher/jobs/{job['job_id']}/failed", body))  # Told again after a lost answer.
    after = scraped(desk)

    def grown(name: str, sample: str = "_total", **labels: str) -> float:
        return value(after, name, sample, **labels) - value(before, name, sample, **labels)

    assert grown("job_starts", agent="echo") == 1
    assert grown("job_ends", status="failed", reason="backend_auth") == 1
    assert grown("agent_tokens", agent="echo", kind="input") == 7
    assert grown("agent_tokens", agent="echo", kind="output") == 5
    assert grown("agent_cost_usd", agent="echo") == 0.25
    assert grown("job_wait_seconds", "_count") == grown("job_run_seconds", "_count") == 1
    assert grown("claim_seconds", "_count") == 1
    assert grown("commit_seconds", "_count") >= 4
    assert value(after, "jobs", status="failed") == value(before, "jobs", status="failed") + 1


def test_numbers_are_for_people_and_viewers_and_for_nobody_else(desk: Desk, runtime: RuntimeProcess) -> None:
    viewer = read(desk.post("/tokens", {"name": fresh(), "role": "viewer"}), 201)["token"]

    assert httpx.get(f"{runtime.url}/metrics").status_code == 401
    assert httpx.get(f"{runtime.url}/metrics", headers={"Authorization": f"Bearer {viewer}"}).status_code == 200


def test_launchers_that_choose_the_same_and_a_bad_name_stay_two_whole_lines(desk: Desk) -> None:
    name = f'{fresh()}"}} 1 # EOF \\'
    ids = [read(desk.post("/launcher/register", {"name": name}))["launcher_id"] for _ in range(2)]

    samples = scraped(desk)["agent_runtime_launcher_jobs"].samples

    assert [one.labels["launcher_id"] for one in samples if one.labels["launcher"] == name] == sorted(map(str, ids))
