"""What the tests of the backends share."""

import pytest

from support.bubblewrap import why_not


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Skip what needs a real sandbox where the machine cannot make one; that nothing runs then is tested everywhere."""
    if reason := why_not():
        pytest.skip(reason)
