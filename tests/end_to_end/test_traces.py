"""One trace tells a job from its order to its report, to a real collector, and nothing is paid where nobody asked."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from support.collector import Collector, Told
from support.launcher_process import LauncherProcess
from support.runtime_api import RuntimeApi
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

CALLERS_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """What the runtime sends its spans to."""
    with Collector() as running:
        yield running


@pytest.fixture
def runtime(tmp_path: Path, collector: Collector) -> Iterator[RuntimeProcess]:
    """A runtime that tells its traces."""
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with RuntimeProcess(tmp_path / "runtime", environment=told) as process:
        yield process.start()


def order(runtime: RuntimeProcess, session: str, agent: str, prompt: str, folder: Path, **headers: str) -> str:
    """Order a job, and tell its id."""
    body = {"type": "start_session", "session_name": session, "agent_name": agent, "prompt": prompt}
    answer = httpx.post(
        f"{runtime.url}/jobs",
        json=body | {"project_dir": str(folder)},
        headers={"Authorization": f"Bearer {runtime.token}", **headers},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["job_id"])


def spans_of(collector: Collector, job_id: str, last: str) -> dict[str, Told]:
    """The trace of a job, once a span of it has arrived that comes at its end."""

    def trace() -> str | None:
        found = (one.trace for one in list(collector.spans) if one.facts.get("agent_runtime.job.id") == job_id)
        return next(found, None)

    wait_until(lambda: (known := trace()) and last in collector.of_trace(known), f"the trace of {job_id} has {last!r}")
    return collector.of_trace(trace() or "")


def test_one_trace_tells_a_job_from_its_order_over_model_and_tools_to_its_report(
    runtime: RuntimeProcess, api: RuntimeApi, claude_launcher: LauncherProcess, collector: Collector, tmp_path: Path
) -> None:
    api.ask("POST", "/agents", {"name": "coder", "backend": "claude", "options": {
        "permission_mode": "bypassPermissions", "setting_sources": []}})  # fmt: skip
    command = {"command": "echo told: $TRACEPARENT", "description": "say it"}
    script = f"tool Bash {json.dumps(command)}\nlater: say: done"

    job_id = order(runtime, "traced", "coder", script, tmp_path, traceparent=CALLERS_TRACE)
    assert api.wait_for_end(job_id)["status"] == "completed"
    spans = spans_of(collector, job_id, "job coder")

    root, attempt, turn = spans["job coder"], spans["attempt"], spans["invoke_agent coder"]
    parents = {name: one.parent for name, one in spans.items()}
    assert {one.service for one in spans.values()} == {"agent-runtime"}
    assert (root.parent, attempt.parent, turn.parent) == ("", root.span, attempt.span)
    assert parents["POST /jobs"] == parents["queue"] == root.span
    assert parents["claim"] == parents["start"] == parents["report"] == attempt.span
    assert parents["execute_tool Bash"] == turn.span
    in_order = ("POST /jobs", "claim", "start", "invoke_agent coder", "execute_tool Bash", "report")
    assert [*in_order] == sorted(in_order, key=lambda name: spans[name].began)
    assert spans["POST /jobs"].links == ("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",)
    (model,) = [one for name, one in spans.items() if name.startswith("chat ")]
    assert model.parent == turn.span
    assert (model.facts["gen_ai.operation.name"], model.facts["gen_ai.provider.name"]) == ("chat", "anthropic")
    tool = spans["execute_tool Bash"].facts
    assert (tool["gen_ai.operation.name"], tool["gen_ai.tool.name"]) == ("execute_tool", "Bash")
    assert turn.facts["gen_ai.conversation.id"] == root.facts["gen_ai.conversation.id"]
    assert int(str(turn.facts["gen_ai.usage.output_tokens"])) > 0
    answered = json.dumps([one["data"] for one in api.events("traced") if one["type"] == "post_tool"])
    assert f"told: 00-{root.trace}-{turn.span}-01" in answered, "the agent's tools are told the turn's own span"
    assert "echo told" not in json.dumps([one.facts for one in spans.values()], default=str), "no words of anybody"


def test_a_job_that_fails_says_why_in_its_trace_also_when_its_agent_never_came(
    runtime: RuntimeProcess, api: RuntimeApi, whole_launcher: LauncherProcess, collector: Collector, tmp_path: Path
) -> None:
    api.ask("POST", "/agents", {"name": "none", "backend": "command", "command": ["/no/such/program"]})

    job_id = order(runtime, "fails", "none", "go", tmp_path)
    assert api.wait_for_end(job_id)["status"] == "failed"
    spans = spans_of(collector, job_id, "job none")

    assert (spans["job none"].is_error, spans["attempt"].is_error) == (True, True)
    assert spans["job none"].facts["error.type"] == api.job(job_id)["reason"]


def test_what_has_ended_is_still_told_by_a_runtime_that_is_told_to_leave(
    runtime: RuntimeProcess, api: RuntimeApi, collector: Collector, tmp_path: Path
) -> None:
    job_id = order(runtime, "waits", "echo", "go", tmp_path)
    api.ask("POST", f"/jobs/{job_id}/stop")
    runtime.stop()

    spans = spans_of(collector, job_id, "job echo")

    assert set(spans) == {"job echo", "queue", "POST /jobs"}


def test_a_collector_that_does_not_answer_holds_nothing_up(tmp_path: Path) -> None:
    nobody = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "50"}
    process = RuntimeProcess(tmp_path / "alone", environment=nobody)
    try:
        process.start()
        job_id = order(process, "waits", "echo", "go", tmp_path)
        with closing(process.api) as api:
            api.ask("POST", f"/jobs/{job_id}/stop")
        process.stop()
        assert not process.is_alive
    finally:
        process.leave_nothing()


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "it is 'otlp' or 'none'"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "only 'http/protobuf' is known"),
    ],
)
def test_traces_that_cannot_be_sent_are_refused_in_one_sentence(
    tmp_path: Path, told: dict[str, str], sentence: str
) -> None:
    process = RuntimeProcess(tmp_path / "refused", environment=told)
    with pytest.raises(AssertionError, match="ended at its start"):
        process.start()

    assert sentence in process.log()
    assert "Traceback" not in process.log()


def test_a_runtime_that_nobody_asked_loads_nothing_of_it_and_hands_nothing_out(tmp_path: Path) -> None:
    process = RuntimeProcess(tmp_path / "quiet", environment={"OTEL_SDK_DISABLED": "true"})
    try:
        process.start()
        maps = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
        assert "google/_upb" not in maps, "the packages of OpenTelemetry are not loaded"
    finally:
        process.leave_nothing()
