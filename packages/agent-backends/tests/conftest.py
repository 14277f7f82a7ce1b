"""What the tests of the backends share."""

import socket

import pytest

from support.bubblewrap import why_not


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Skip what needs a real sandbox where the machine cannot make one; that nothing runs then is tested everywhere."""
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
