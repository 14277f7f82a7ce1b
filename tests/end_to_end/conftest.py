"""A launcher whose agents are the real Claude Code client, with the stand-in for its model."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.launcher_process import LauncherProcess
from support.model_stand_in import ModelStandIn
from support.runtime_process import RuntimeProcess


@pytest.fixture
def model() -> Iterator[ModelStandIn]:
    with ModelStandIn() as running:
        yield running


@pytest.fixture
def claude_launcher(runtime: RuntimeProcess, model: ModelStandIn, tmp_path: Path) -> Iterator[LauncherProcess]:
    """A launcher whose Claude Code talks to the stand-in."""
    process = LauncherProcess(
        tmp_path / "launcher",
        runtime.url,
        runtime.token,
        environment={
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "sk-ant-stand-in",
            "IS_SANDBOX": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            # Claude Code finds the commands by its agent's PATH, and they find this Python's packages.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
    )
    try:
        yield process.start()
    finally:
        process.leave_nothing()
