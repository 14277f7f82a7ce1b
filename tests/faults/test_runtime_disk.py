"""The runtime's disk takes nothing: every caller gets a sentence, reads go on, and so does writing when it can."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from soak.stage import small_disk
from support.desk import Desk, JsonObject, fresh, read, text
from support.postgres import Cluster, name_of, running_cluster
from support.runtime_process import ONE_PAGE, RuntimeProcess, limit_files
from support.waiting import wait_until

SMALL_MIB, POSTGRES_MIB = 4, 24
CODE = "database_unavailable"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RuntimeProcess]:
    """A runtime whose data folder may be a small disk; not started yet."""
    process = RuntimeProcess(tmp_path / "runtime")
    yield process
    process.leave_nothing()


@pytest.fixture
def small(own: RuntimeProcess) -> Iterator[Path]:
    """A disk of a few megabytes below the data folder."""
    with small_disk(own.data_dir, SMALL_MIB) as is_there:
        if not is_there:
            pytest.skip("this user may not mount a small disk")
        yield own.data_dir
        own.leave_nothing()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server."""
    with running_cluster() as server:
        # After it a server writes a file before it takes the next connection, and so takes none on a full disk.
        server.configure("autovacuum", "off")
        yield server


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with (folder / "ballast").open("wb", buffering=0) as ballast:
        size = 1024 * 1024
        while size:
            try:
                ballast.write(b"x" * size)
            except OSError:
                size //= 2


def order(prompt: str) -> JsonObject:
    """Word an order."""
    return {"type": "start_session", "session_name": fresh(), "agent_name": "echo", "prompt": prompt}


def order_until_refused(desk: Desk) -> tuple[list[str], httpx.Response]:
    """Order jobs until one is refused; name those that were acknowledged."""
    acknowledged: list[str] = []
    for _ in range(2000):
        answer = desk.post("/jobs", order("p" * 20_000))
        if not answer.is_success:
            return acknowledged, answer
        acknowledged.append(text(read(answer, 201)["job_id"]))
    raise AssertionError("nothing was refused")


def check_refusal(where: str, desk: Desk, acknowledged: list[str], refusal: httpx.Response) -> None:
    """See what a caller, a watcher of health and a reader get."""
    assert refusal.status_code == 503
    assert refusal.headers["Retry-After"]
    assert refusal.json()["code"] == CODE
    assert where in refusal.json()["detail"]
    health = desk.get("/health")
    assert (health.status_code, health.json()["code"]) == (503, CODE)
    assert {desk.get(f"/jobs/{job}").status_code for job in acknowledged} <= {200}
    assert desk.get("/jobs", limit=1).status_code == 200


def check_log(own: RuntimeProcess) -> None:
    """See that the log tells of it once, and of the end."""
    assert "Traceback" not in own.log()
    assert own.log().count(" ERROR cannot use the database ") == 1
    assert own.log().count("the database can be used again") == 1
    # A database that is made read-only, and writable again, loses its connections both times.
    assert own.log().count("lost the line to the other runtimes") <= 2


def goes_wrong_and_right(
    own: RuntimeProcess,
    break_it: Callable[[], None],
    mend_it: Callable[[], None],
    where: str | None = None,
    times: int = 20,
) -> None:
    """Tell the story of a disk: what is promised while it takes nothing, and afterwards."""
    with Desk(own.url, own.token) as desk:
        break_it()
        acknowledged, refusal = order_until_refused(desk)
        check_refusal(where or str(own.data_dir), desk, acknowledged, refusal)
        for _ in range(times):
            assert desk.post("/launcher/register", {"name": fresh()}).json().get("code", CODE) == CODE

        mend_it()

        wait_until(lambda: desk.get("/health").is_success, "writing resumes by itself")
        last = text(read(desk.post("/jobs", order("p")), 201)["job_id"])
        own.restart()
    with Desk(own.url, own.token) as desk:
        assert {desk.get(f"/jobs/{job}").status_code for job in [*acknowledged, last]} == {200}
    check_log(own)


def test_a_runtime_whose_disk_is_full_says_so_reads_on_and_writes_again_when_there_is_room(
    own: RuntimeProcess, small: Path
) -> None:
    own.start()

    goes_wrong_and_right(own, lambda: fill(small), (small / "ballast").unlink)


def test_a_runtime_whose_disk_refuses_to_write_says_so_and_goes_on_by_itself(own: RuntimeProcess) -> None:
    # What any user may do to a process of theirs: no file of it may grow, and each attempt is an error of the disk.
    own.start()

    goes_wrong_and_right(own, lambda: limit_files(own, ONE_PAGE), lambda: limit_files(own, resource.RLIM_INFINITY))


def test_a_runtime_whose_postgresql_has_a_full_disk_says_so_reads_on_and_writes_again_when_there_is_room(
    tmp_path: Path, cluster: Cluster
) -> None:
    # Its log of changes lies elsewhere, as it should: without that a server does not live at all.
    disk = cluster.folder / "small"
    with small_disk(disk, POSTGRES_MIB) as is_there:
        if not is_there:
            pytest.skip("this user may not mount a small disk")
        cluster.own(disk, "small")
        url = cluster.new_database(place="small")
        own = RuntimeProcess(tmp_path / "runtime", database_url=url)
        try:
            own.start()
            goes_wrong_and_right(own, lambda: fill(disk), (disk / "ballast").unlink, "No space left on device", 3)
        finally:
            own.leave_nothing()
            cluster.drop_database(url)


def test_a_runtime_whose_postgresql_was_made_read_only_says_so_reads_on_and_writes_again(
    tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.new_database()
    own = RuntimeProcess(tmp_path / "runtime", database_url=url)

    def make_it(read_only: str) -> None:
        cluster.do(f"ALTER DATABASE {name_of(url)} SET default_transaction_read_only = {read_only}")
        cluster.end_all_connections(name_of(url))

    try:
        own.start()
        goes_wrong_and_right(own, lambda: make_it("on"), lambda: make_it("off"), "read-only", 3)
    finally:
        own.leave_nothing()


def test_a_start_on_a_full_disk_is_refused_with_a_sentence_and_the_database_is_untouched(
    own: RuntimeProcess, small: Path
) -> None:
    own.start()
    own.stop()
    before = (own.data_dir / "runtime.db").read_bytes()
    fill(small)

    own.spawn([*own.program, "--port", "0", "--data-dir", str(own.data_dir)], own._environment(), own.folder)

    assert own.wait() == 1
    assert "Traceback" not in own.log()
    assert "see that its disk has room" in own.log()
    assert "put a backup in its place" not in own.log()
    assert (own.data_dir / "runtime.db").read_bytes() == before
