"""Whatever a command prints: memory stays flat, head and tail are kept, and the job ends when the command ends."""

import os

from faults.bench import Bench
from support.evidence import Footprint
from support.waiting import wait_until

# A gigabyte on a machine that has the time for it; the kept head and tail are far smaller anyway.
FLOOD_MIB = int(os.environ.get("FLOOD_MIB", "200"))
RESIDENT_GROWTH_BYTES_MAX = 50 * 1024 * 1024
KEPT_BYTES_MAX = 4 << 20


def test_a_flood_without_a_newline_leaves_memory_flat_and_keeps_head_and_tail(bench: Bench) -> None:
    bench.launcher.start()
    bench.api.wait_for_all([bench.order() for _ in range(3)])
    before = Footprint.of(bench.launcher.pid).resident_bytes

    bench.project.put_command("ao-start", f"#!/bin/sh\nprintf HEAD; head -c {FLOOD_MIB}M /dev/zero; printf TAIL\n")
    job_id = bench.order()
    ended = bench.api.wait_for_end(job_id, timeout=110)

    assert ended["status"] == "completed"
    assert Footprint.of(bench.launcher.pid).resident_bytes - before < RESIDENT_GROWTH_BYTES_MAX
    kept = bench.log_of(job_id)
    assert (kept[:4], len(kept) <= KEPT_BYTES_MAX + 4096) == (b"HEAD", True)
    last = len("HEAD") + (FLOOD_MIB << 20)
    wait_until(lambda: bench.log_of(job_id, offset=last) == b"TAIL", "the last bytes are kept")


def test_a_command_that_prints_without_end_is_stopped_at_the_limit_with_what_it_printed_first_and_last(
    bench: Bench,
) -> None:
    bench.launcher.environment["AGENT_LAUNCHER_OUTPUT_LIMIT_MIB"] = "8"
    bench.project.put_command("ao-start", "#!/bin/sh\nprintf HEAD; yes\n")
    bench.launcher.start()
    job_id = bench.order(stop_grace_seconds=0.1)
    ended = bench.end_of(job_id)

    assert (ended["status"], ended["reason"]) == ("failed", "output_limit")
    assert "stopped because it wrote more than it may" in str(ended["error"])
    assert bench.api.session_status(ended["session_id"]) == "failed"
    assert bench.log_of(job_id).startswith(b"HEADy\n")
    bench.assert_promises_held()


def test_binary_zeros_and_invalid_utf8_arrive_byte_for_byte_and_in_a_readable_error(bench: Bench) -> None:
    bench.project.put_command("ao-start", "#!/bin/sh\nprintf 'a\\000\\377\\376b\\303\\n'; exit 9\n")
    bench.launcher.start()
    job_id = bench.order()
    ended = bench.end_of(job_id)

    assert ended["exit_code"] == 9
    assert ended["error"] == "a\ufffd\ufffdb\ufffd"
    bench.wait_for_log(job_id, b"a\0\xff\xfeb\xc3\n")


def test_a_background_child_that_keeps_the_output_open_does_not_keep_the_job(bench: Bench) -> None:
    bench.project.put_command("ao-start", "#!/bin/sh\nsleep 600 &\necho done\nexit 7\n")
    bench.launcher.start()
    job_id = bench.order()
    ended = bench.end_of(job_id)

    assert (ended["exit_code"], ended["reason"]) == (7, "nonzero_exit")
    bench.wait_for_log(job_id, b"done\n")


def test_output_of_many_writes_arrives_whole_through_restarts_of_both_sides(bench: Bench) -> None:
    bench.launcher.start()
    job_id = bench.order_waiting(out="line\n" * 1000)
    bench.wait_for_log(job_id, b"line\n" * 1000)
    bench.launcher.kill()
    bench.launcher.start()
    bench.open_gate()

    assert bench.end_of(job_id)["status"] == "completed"
    bench.wait_for_log(job_id, b"line\n" * 1000)
    bench.assert_promises_held()
