"""One exam for both databases: what a store promises is asked of a file and of a PostgreSQL server alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from household import Household
from inquiry import Inquiry
from wall import Wall

from agent_runtime.store.postgres.opening import prepare_postgres
from support.desk import Desk
from support.postgres import Cluster, name_of, running_cluster
from support.runtime_process import RuntimeProcess
from support.store_rig import StoreRig

DATABASES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for the tests that do not hurt it."""
    with running_cluster() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(cluster: Cluster) -> str:
    """The name of a database without a row, to be copied."""
    url = cluster.new_database()
    prepare_postgres(url)
    return name_of(url)


@pytest.fixture
def postgres_url(cluster: Cluster, postgres_template: str) -> Iterator[str]:
    """A database of this test's own."""
    url = cluster.new_database(postgres_template)
    yield url
    cluster.drop_database(url)


@pytest.fixture(scope="session")
def reused_url(cluster: Cluster, postgres_template: str) -> str:
    """A database for one test after the other, each of which finds it empty."""
    return cluster.new_database(postgres_template)


@pytest.fixture(scope="session", params=DATABASES)
def runtime(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that lives as long as the tests; each test uses names of its own."""
    url = None
    if request.param == "postgresql":
        server: Cluster = request.getfixturevalue("cluster")
        url = server.new_database(request.getfixturevalue("postgres_template"))
    process = RuntimeProcess(tmp_path_factory.mktemp("runtime"), database_url=url)
    try:
        yield process.start()
        process.stop()
    finally:
        process.leave_nothing()


@pytest.fixture
def desk(runtime: RuntimeProcess) -> Iterator[Desk]:
    """Calls with the user's token."""
    with Desk(runtime.url, runtime.token) as calls:
        yield calls
        calls.stop_what_waits()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a row, to be copied: making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("template")
    StoreRig(folder).close()
    return folder / "runtime.db"


@pytest.fixture(params=DATABASES)
def rig(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Iterator[StoreRig]:
    """A store of this test's own, with a clock that stands still."""
    if request.param == "sqlite":
        parts = StoreRig(tmp_path, empty_database)
    else:
        url = request.getfixturevalue("reused_url")
        request.getfixturevalue("cluster").empty_database(url)
        parts = StoreRig(tmp_path, url=url)
    yield parts
    parts.close()


@pytest.fixture
def house(rig: StoreRig) -> Household:
    """Parents and children in such a store."""
    return Household(rig)


@pytest.fixture
def inquiry(house: Household) -> Inquiry:
    """Agents that ask."""
    return Inquiry(house)


@pytest.fixture
def wall(rig: StoreRig) -> Wall:
    """A store in which nobody has run into anything."""
    return Wall(rig)
