"""One real runtime for all tests of this folder that do not hurt it, and a desk to call it from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.desk import Desk
from support.runtime_process import RuntimeProcess
from support.store_rig import StoreRig


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    """A runtime that lives as long as the tests; each test uses names of its own."""
    process = RuntimeProcess(tmp_path_factory.mktemp("runtime"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def desk(runtime: RuntimeProcess) -> Iterator[Desk]:
    """Calls with the user's token."""
    with Desk(runtime.url, runtime.token) as calls:
        yield calls


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without a row, to be copied: making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("template")
    StoreRig(folder).close()
    return folder / "runtime.db"


@pytest.fixture
def rig(tmp_path: Path, empty_database: Path) -> Iterator[StoreRig]:
    """A store of this test's own, with a clock that stands still."""
    parts = StoreRig(tmp_path, empty_database)
    yield parts
    parts.close()
