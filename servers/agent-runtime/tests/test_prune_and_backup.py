"""A copy can be taken while the runtime writes, put back, and what is old goes without touching what is not over."""

import subprocess
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from agent_runtime.domain.errors import Unusable
from agent_runtime.domain.job import Job
from agent_runtime.services.ports.queries import LogChunk
from agent_runtime.services.retention import Removed, Retention, prune
from agent_runtime.store.sqlite.copying import copy_database, restore_database
from agent_runtime.store.sqlite.opening import prepare_sqlite
from support.desk import Desk, read, text
from support.runtime_process import PROGRAM, RuntimeProcess
from support.store_rig import StoreRig
from support.waiting import wait_until


@pytest.fixture
def own(tmp_path: Path) -> RuntimeProcess:
    """A runtime on a file, for a test to start and stop."""
    return RuntimeProcess(tmp_path / "runtime")


def _agent_runtime(process: RuntimeProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    flags = ["--data-dir", str(process.data_dir), "--port", str(process.port)]
    return subprocess.run([str(PROGRAM), *flags, *arguments], capture_output=True, text=True, check=False)


def test_a_backup_taken_while_jobs_arrive_has_every_job_acknowledged_before_it(
    own: RuntimeProcess, tmp_path: Path
) -> None:
    own.start()
    copy = tmp_path / "copy.db"
    before: list[str] = []
    leaving = threading.Event()

    def create() -> None:
        with Desk(own.url, own.token) as desk:
            while not leaving.is_set():
                before.append(text(desk.start()["job_id"]))

    client = threading.Thread(target=create)
    client.start()
    try:
        wait_until(lambda: len(before) >= 10, "some jobs are acknowledged")
        known = list(before)
        done = _agent_runtime(own, "backup", str(copy))
    finally:
        leaving.set()
        client.join()
        own.stop()
    assert done.returncode == 0, done.stderr

    restored = _agent_runtime(own, "restore", str(copy))
    assert restored.returncode == 0, restored.stderr
    own.start()
    with Desk(own.url, own.token) as desk:
        for job_id in known:
            read(desk.get(f"/jobs/{job_id}"))
    own.stop()
    assert (own.data_dir / "runtime.db.replaced").exists()


def test_a_database_in_use_is_not_replaced(own: RuntimeProcess, tmp_path: Path) -> None:
    own.start()
    copy = tmp_path / "copy.db"
    assert _agent_runtime(own, "backup", str(copy)).returncode == 0

    refused = _agent_runtime(own, "restore", str(copy))
    again = _agent_runtime(own, "backup", str(copy))

    own.stop()
    assert (refused.returncode, again.returncode) == (1, 1)
    assert "another agent-runtime" in refused.stderr
    assert "the file exists" in again.stderr


def test_a_damaged_backup_is_refused_and_the_database_stays(tmp_path: Path) -> None:
    path, copy = tmp_path / "runtime.db", tmp_path / "copy.db"
    prepare_sqlite(path)
    copy_database(path, copy)
    copy.write_bytes(copy.read_bytes()[:9000])
    before = path.read_bytes()

    with pytest.raises(Unusable, match="a sound SQLite file expected"):
        restore_database(copy, path)

    assert path.read_bytes() == before


def test_a_backup_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "runtime.db"
    prepare_sqlite(path)

    with pytest.raises(Unusable, match=r"cannot write the backup '.*nowhere/copy\.db': No such file or directory"):
        copy_database(path, tmp_path / "nowhere" / "copy.db")


def test_a_runtime_that_runs_is_asked_to_prune(own: RuntimeProcess) -> None:
    own.start()
    done = _agent_runtime(own, "prune")
    own.stop()
    alone = _agent_runtime(own, "prune")

    assert done.stdout == alone.stdout == "removed: 0 jobs, 0 outputs, 0 events, 0 callbacks, 0 launchers, 0 lanes\n"


def test_a_runtime_with_tls_on_a_port_that_nobody_names_is_asked_to_prune(own: RuntimeProcess) -> None:
    issued = trustme.CA().issue_cert("runtime.example")
    issued.private_key_pem.write_to_path(str(own.folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(own.folder / "cert.pem"))
    own.start("--tls-cert", str(own.folder / "cert.pem"), "--tls-key", str(own.folder / "key.pem"))
    command = [str(PROGRAM), "--data-dir", str(own.data_dir), "prune"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    own.stop()

    assert done.returncode == 0, done.stderr
    assert done.stdout == "removed: 0 jobs, 0 outputs, 0 events, 0 callbacks, 0 launchers, 0 lanes\n"


def _with_output(rig: StoreRig, job: Job) -> Job:
    rig.do(lambda tx: tx.logs.append(job.id, job.attempt, LogChunk(0, b"x" * 4096)))
    return job


def _ended(rig: StoreRig, name: str) -> Job:
    rig.create(name)
    running = _with_output(rig, rig.run(rig.launcher()))
    return rig.end(running).job


def _resumed_and_ended(rig: StoreRig, name: str) -> Job:
    rig.resume(name)
    return rig.end(_with_output(rig, rig.run(rig.launcher()))).job


def _prune(rig: StoreRig, **retention: object) -> Removed:
    return rig.runner.run(prune(rig.store, Retention(**retention)))  # type: ignore[arg-type]  # fields of Retention


def test_what_is_old_goes_and_the_session_can_still_be_resumed(rig: StoreRig) -> None:
    first = _ended(rig, "talk")
    newest = _resumed_and_ended(rig, "talk")
    rig.clock.move(days=31)

    removed = _prune(rig, age=timedelta(days=30))

    assert (removed.jobs, removed.outputs) == (1, 2)
    assert rig.do(lambda tx: tx.jobs.get(first.id)) is None
    assert rig.job(newest).id == newest.id
    assert rig.resume("talk").session_id == newest.session_id


def test_what_is_not_over_stays_however_old_it_is(rig: StoreRig) -> None:
    rig.create("works")
    running = _with_output(rig, rig.run(rig.launcher()))
    waiting = rig.create("waits")
    told = [rig.events(running), rig.events(waiting)]
    rig.clock.move(days=400)

    _prune(rig, age=timedelta(days=30), bytes_max=0)

    assert [rig.events(running), rig.events(waiting)] == told
    assert rig.do(lambda tx: tx.logs.end(running.id, running.attempt)) == 4096


def test_too_much_goes_from_the_oldest_on_until_it_is_little_enough(rig: StoreRig) -> None:
    jobs = []
    for number in range(12):
        jobs.append(_ended(rig, f"s-{number}"))
        rig.do(lambda tx, job=jobs[-1]: tx.logs.append(job.id, 1, LogChunk(4096, b"y" * 200_000)))  # type: ignore[misc]
        rig.clock.move(days=1)
    used = rig.do(lambda tx: tx.retention.used_bytes())

    _prune(rig, bytes_max=used - 600_000)

    kept = [rig.do(lambda tx, job=job: tx.logs.end(job.id, 1)) > 0 for job in jobs]  # type: ignore[misc]
    assert _prune(rig, bytes_max=0).bytes_too_many > 0, "what is left may not go, and that is said"
    assert kept == sorted(kept)
    assert 0 < kept.count(True) < 12
    assert all(rig.job(job).id == job.id for job in jobs)


def test_events_that_went_between_older_and_newer_ones_leave_a_mark_of_their_own(rig: StoreRig) -> None:
    rig.create("works")
    running = rig.run(rig.launcher())
    ended = _ended(rig, "over")
    gone = rig.events(ended)
    rig.clock.move(days=31)
    kept = rig.events(running)

    removed = _prune(rig, age=timedelta(days=30))
    newer = rig.create("new")

    assert removed.events >= len(gone) > 0
    assert rig.events(running) == kept, "older events remain"
    assert rig.events(newer), "and there are newer ones"
    through = rig.do(lambda tx: tx.events.gone_through())
    assert through == rig.do(lambda tx: tx.events.gone_through(ended.session_id))
    assert rig.do(lambda tx: tx.events.gone_through(running.session_id)) == 0
    oldest, newest = rig.do(lambda tx: tx.events.bounds())
    assert oldest < through < newest
