"""The network between launcher and runtime fails in every way; no job is touched, every report arrives afterwards."""

import json

import pytest

from faults.bench import Bench
from support.checker import assert_back_to
from support.evidence import Footprint
from support.proxy import ChaosProxy, Fault, Kind, proxy_page
from support.waiting import wait_until


def answer(status: int, code: str) -> Fault:
    """A refusal in the runtime's own shape, which somebody in between may have made up."""
    body = json.dumps({"detail": "no", "code": code}).encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return Fault(Kind.REPLACE, answer=head.encode() + body)


OUTAGES = {
    "black hole": Fault(Kind.BLACK_HOLE),
    "proxy page": proxy_page(),
    "proxy page with status 200": proxy_page(200),
    "500": answer(500, "internal_error"),
    "401": answer(401, "unauthorized"),
    "429": answer(429, "rate_limited"),
    "half a body": Fault(Kind.CUT_ANSWER, bytes_kept=60),
    "dropped requests": Fault(Kind.DROP_REQUEST),
}


@pytest.mark.parametrize("kind", OUTAGES)
def test_jobs_run_through_an_outage_and_are_reported_after_it(bench: Bench, proxy: ChaosProxy, kind: str) -> None:
    bench.start_well()
    ends_meanwhile = bench.order_waiting(exit=4, out="during\n")
    runs_on = bench.order({"await_file": str(bench.project.root / "later"), "out": "after\n"})
    bench.wait_until_runs(ends_meanwhile, runs_on)

    rule = proxy.fail(OUTAGES[kind], times=None)
    proxy.cut_all()
    bench.open_gate()
    wait_until(lambda: bench.ledger.runs_of(ends_meanwhile)[0].exit_code == 4, "one job ended in the outage")
    wait_until(lambda: rule.hits >= 3, "the launcher tried again and again")
    assert bench.launcher.is_alive
    proxy.heal()
    proxy.cut_all()

    assert bench.end_of(ends_meanwhile)["exit_code"] == 4
    assert bench.api.job(runs_on)["status"] == "running"
    (bench.project.root / "later").touch()
    assert bench.end_of(runs_on)["status"] == "completed"
    bench.wait_for_log(ends_meanwhile, b"during\n")
    bench.assert_promises_held()


@pytest.mark.parametrize("path", ["/launcher/register", "/launcher/jobs\\?", "/started", "/completed", "/log"])
@pytest.mark.parametrize("fault", [Fault(Kind.DROP_ANSWER), Fault(Kind.CUT_ANSWER, bytes_kept=30)], ids=["lost", "cut"])
def test_a_lost_answer_loses_no_job_and_runs_none_twice(
    bench: Bench, proxy: ChaosProxy, path: str, fault: Fault
) -> None:
    job_id = bench.order({"out": "said\n"})
    rule = proxy.fail(fault, path=path)
    bench.launcher.start()

    assert bench.end_of(job_id)["status"] == "completed"
    assert rule.hits == 1
    assert len(bench.ledger.runs_of(job_id)) == 1
    bench.wait_for_log(job_id, b"said\n")
    bench.assert_promises_held()


def test_a_call_that_is_never_answered_ends_at_its_limit_and_the_launcher_goes_on(
    bench: Bench, proxy: ChaosProxy
) -> None:
    bench.launcher.environment |= {"POLL_TIMEOUT": "1", "HEARTBEAT_INTERVAL": "0.5"}
    swallowed = [proxy.fail(Fault(Kind.BLACK_HOLE), path=path) for path in ("/started", "/heartbeat")]
    bench.launcher.start()
    first = bench.order()
    wait_until(lambda: all(rule.hits for rule in swallowed), "two calls hang")
    swallowed.append(proxy.fail(Fault(Kind.BLACK_HOLE), path="/launcher/jobs\\?"))
    wait_until(lambda: swallowed[-1].hits, "a poll hangs")
    second = bench.order()

    assert {bench.end_of(job_id)["status"] for job_id in (first, second)} == {"completed"}
    wait_until(lambda: beats(proxy) > 1, "its heart beats again")
    assert bench.launcher.is_alive
    bench.assert_promises_held()


def test_output_arrives_although_a_heartbeat_tells_of_the_end_before_the_report_is_answered(
    bench: Bench, proxy: ChaosProxy
) -> None:
    bench.launcher.environment["HEARTBEAT_INTERVAL"] = "0.2"
    proxy.fail(Fault(Kind.DROP_REQUEST), path="/log", times=None)
    proxy.fail(Fault(Kind.DROP_ANSWER), path="/completed", times=None)
    bench.launcher.start()
    job_id = bench.order({"out": "said\n"})
    bench.api.wait_for_status(job_id, "completed")
    before = beats(proxy)
    wait_until(lambda: beats(proxy) > before + 2, "the launcher has heard that it ended")

    proxy.heal()

    bench.wait_for_log(job_id, b"said\n")
    bench.assert_promises_held()


def beats(proxy: ChaosProxy) -> int:
    """How many heartbeats came by."""
    return sum("/heartbeat" in request for request in proxy.requests)


def test_requests_that_arrive_twice_change_nothing(bench: Bench, proxy: ChaosProxy) -> None:
    proxy.fail(Fault(Kind.DUPLICATE), method="POST", times=None)
    bench.launcher.start()
    jobs = [bench.order({"out": f"{number}\n", "exit": number % 2}) for number in range(6)]

    ends = bench.api.wait_for_all(jobs)

    assert [row["exit_code"] for row in ends] == [number % 2 for number in range(6)]
    for number, job_id in enumerate(jobs):
        bench.wait_for_log(job_id, f"{number}\n".encode())
    bench.assert_promises_held()


def test_requests_that_arrive_late_and_out_of_order_change_nothing(bench: Bench, proxy: ChaosProxy) -> None:
    bench.launcher.start()
    for path in ("/started", "/log", "/heartbeat"):
        proxy.fail(Fault(Kind.DELAY, seconds=1.0), path=path, times=3)
    jobs = [bench.order({"out": f"{number}\n"}) for number in range(6)]

    bench.api.wait_for_all(jobs)

    for number, job_id in enumerate(jobs):
        bench.wait_for_log(job_id, f"{number}\n".encode())
    bench.assert_promises_held()


def test_an_outage_leaves_no_descriptor_and_no_thread_behind(bench: Bench, proxy: ChaosProxy) -> None:
    bench.launcher.start()
    bench.api.wait_for_all([bench.order() for _ in range(12)])
    baseline = Footprint.of(bench.launcher.pid)
    waiting = [bench.order_waiting() for _ in range(6)]
    bench.wait_until_runs(*waiting)

    before = len(proxy.requests)
    with proxy.outage():
        bench.open_gate()
        wait_until(lambda: all(bench.ledger.runs_of(job)[0].exit_code == 0 for job in waiting), "all ended")
        wait_until(lambda: bench.launcher.log().count("trying again") >= 8, "it tried for a while")
        assert bench.launcher.is_alive
    bench.api.wait_for_all(waiting)

    assert len(proxy.requests) > before
    assert_back_to(baseline, bench.launcher.pid)
    bench.assert_promises_held()
