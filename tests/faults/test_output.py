"""Whatever a command prints: memory stays flat, head and tail are kept, and the job ends when the command ends."""

import os
import re

from faults.bench import Bench
from support.agents import add_program
from support.evidence import Footprint
from support.runtime_process import RuntimeProcess
from support.waiting import wait_until

# A gigabyte on a machine that has the time for it; the kept head and tail are far smaller anyway.
FLOOD_MIB = int(os.environ.get("FLOOD_MIB", "200"))
RESIDENT_GROWTH_BYTES_MAX = 50 * 1024 * 1024
KEPT_BYTES_MAX = 4 << 20
# What a turn tells, what is kept of the log, and the database's own room for both.
STORED_BYTES_MAX = 3 * (16 << 20)


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


def stored_bytes(runtime: RuntimeProcess) -> int:
    """What the runtime has on its disk."""
    return sum(path.stat().st_size for path in runtime.data_dir.iterdir() if path.is_file())


def test_a_flood_of_a_real_agent_adds_a_constant_to_the_database_and_its_result_keeps_head_and_tail(
    bench: Bench, runtime: RuntimeProcess
) -> None:
    bench.project.put_real_commands()
    flood = f"printf 'HEAD\\n'; head -c {FLOOD_MIB}M /dev/zero | tr '\\0' 'x' | fold -w 1000; printf TAIL"
    add_program(bench.api, "flooding", "/bin/sh", "-c", flood)
    before = stored_bytes(runtime)
    bench.launcher.start()

    ended = bench.api.wait_for_end(bench.order("x", agent_name="flooding"), timeout=110)

    session = str(ended["session_id"])
    assert (ended["status"], ended["error"]) == ("completed", None)
    assert stored_bytes(runtime) - before < STORED_BYTES_MAX
    result = bench.api.result(session)
    assert (result[:5], result[-4:]) == ("HEAD\n", "TAIL")
    printed = len("HEAD\nTAIL") + (FLOOD_MIB << 20) + ((FLOOD_MIB << 20) - 1) // 1000
    (missing,) = re.findall(r"\n\[\.\.\. (\d+) characters left out \.\.\.\]\n", result)
    assert int(missing) == printed - len(re.sub(r"\n\[\.\.\. .*\n", "", result))
    (told,) = (event["data"] for event in bench.api.events(session) if event["type"] == "result")
    assert told["left_out_events"]


def test_an_agent_that_prints_without_end_is_stopped_at_the_limit_over_both_its_outputs(bench: Bench) -> None:
    bench.project.put_real_commands()
    bench.launcher.environment["AGENT_LAUNCHER_OUTPUT_LIMIT_MIB"] = "4"
    add_program(bench.api, "endless", "/bin/sh", "-c", "printf HEAD; yes out & yes err >&2")
    bench.launcher.start()
    ended = bench.end_of(bench.order("x", agent_name="endless"))

    assert (ended["status"], ended["reason"]) == ("failed", "output_limit")
    assert "wrote more than it may, 4194304 bytes on standard output and standard error together" in str(ended["error"])
    assert bench.api.result(str(ended["session_id"])).startswith("HEADout\n")


def test_a_command_that_floods_and_hears_no_word_to_end_is_ended_long_before_its_time_to_leave(bench: Bench) -> None:
    bench.launcher.environment["AGENT_LAUNCHER_OUTPUT_LIMIT_MIB"] = "4"
    bench.project.put_command("ao-start", "#!/bin/sh\ntrap '' TERM\nhead -c 20000M /dev/zero\n")
    bench.launcher.start()
    ended = bench.end_of(bench.order(stop_grace_seconds=600))

    assert (ended["status"], ended["reason"]) == ("failed", "output_limit")
    found = re.search(r"wrote more than it may: (\d+) bytes", str(ended["error"]))
    assert found is not None
    assert int(found[1]) < 1000 << 20


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
