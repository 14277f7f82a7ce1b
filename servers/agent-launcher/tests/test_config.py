"""Settings: options win over the environment, the environment over the mission's defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from lib.config import Config, Drain, Options, load_config
from lib.errors import ConfigurationError


def config(tmp_path: Path, options: Options | None = None, **environment: str) -> Config:
    return load_config(options or Options(), {"HOME": str(tmp_path), **environment}, tmp_path, tmp_path)


def test_the_defaults_are_the_missions(tmp_path: Path) -> None:
    told = config(tmp_path)

    assert told.runtime_url == "http://localhost:8765"
    assert told.poll_timeout == 30
    assert told.heartbeat_interval == 60
    assert told.project_dir == tmp_path
    assert told.max_jobs is None
    assert told.state_dir == tmp_path / ".local/state/agent-launcher"
    assert told.token_file == tmp_path / ".local/share/agent-runtime/token"


def test_the_environment_is_read(tmp_path: Path) -> None:
    told = config(
        tmp_path,
        AGENT_RUNTIME_URL="http://runtime:1/",
        POLL_TIMEOUT="5",
        HEARTBEAT_INTERVAL="7.5",
        PROJECT_DIR=str(tmp_path),
        AGENT_LAUNCHER_STATE_DIR="state",
        AGENT_LAUNCHER_MAX_JOBS="3",
        AGENT_RUNTIME_TOKEN="secret",
        AGENT_RUNTIME_DATA_DIR="/data",
    )

    assert (told.runtime_url, told.poll_timeout, told.heartbeat_interval) == ("http://runtime:1", 5, 7.5)
    assert (told.state_dir, told.max_jobs) == (tmp_path / "state", 3)
    assert (told.token, told.token_file) == ("secret", Path("/data/token"))


def test_options_win_over_the_environment(tmp_path: Path) -> None:
    options = Options(runtime_url="http://option", max_jobs=2, labels=("gpu=yes", "zone=a=b"), once=True)
    told = config(tmp_path, options, AGENT_RUNTIME_URL="http://environment", AGENT_LAUNCHER_MAX_JOBS="9")

    assert (told.runtime_url, told.max_jobs, told.max_total_jobs) == ("http://option", 2, 1)
    assert told.labels == {"gpu": "yes", "zone": "a=b"}


@pytest.mark.parametrize(
    ("options", "environment", "sentence"),
    [
        (Options(), {"POLL_TIMEOUT": "soon"}, "cannot use POLL_TIMEOUT='soon': a number of seconds above 0 is needed"),
        (Options(), {"HEARTBEAT_INTERVAL": "0"}, "cannot use HEARTBEAT_INTERVAL='0'"),
        (Options(), {"AGENT_LAUNCHER_OUTPUT_LIMIT_MIB": "much"}, "AGENT_LAUNCHER_OUTPUT_LIMIT_MIB='much': a number of"),
        (
            Options(),
            {"AGENT_LAUNCHER_CLIENTS_EVERY": "5"},
            "AGENT_LAUNCHER_CLIENTS_EVERY='5': seconds from 10 to 86400 are needed, or 0 to look for no clients",
        ),
        (Options(), {"AGENT_LAUNCHER_WARM_STARTS": "no"}, "AGENT_LAUNCHER_WARM_STARTS='no': it is 'on' or 'off'"),
        (Options(runtime_url="localhost:8765"), {}, "expected 'http://HOST:PORT' or 'https://HOST:PORT'"),
        (Options(runtime_url="http://[::1"), {}, "expected 'http://HOST:PORT' or 'https://HOST:PORT'"),
        (Options(runtime_url=f"http://{'a' * 70}.com"), {}, "expected 'http://HOST:PORT' or 'https://HOST:PORT'"),
        (Options(labels=("gpu",)), {}, "cannot use the label 'gpu': 'key=value' is needed"),
        (Options(max_jobs=0), {}, "cannot limit the jobs to 0: a whole number from 1 is needed"),
        (Options(project_dir=Path("/no/such")), {}, "there is no such folder (PROJECT_DIR or --project-dir)"),
    ],
)
def test_a_setting_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, options: Options, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        config(tmp_path, options, **environment)

    assert sentence in str(raised.value)


@pytest.mark.parametrize(("told", "seconds"), [("90", 90.0), ("90s", 90.0), ("1.5m", 90.0), ("2h", 7200.0), ("0", 0.0)])
def test_how_long_a_drain_waits_is_said_in_words_that_people_use(tmp_path: Path, told: str, seconds: float) -> None:
    assert config(tmp_path, Options(drain_within=told)).drain == Drain(seconds)
    assert config(tmp_path, AGENT_LAUNCHER_DRAIN_WITHIN=told, AGENT_LAUNCHER_AFTER_DRAIN="stop").drain == Drain(
        seconds, is_stop=True
    )


@pytest.mark.parametrize(
    "variable", ["AGENT_LAUNCHER_DRAIN_WITHIN", "AGENT_LAUNCHER_AFTER_DRAIN", "AGENT_LAUNCHER_CPU_PRESSURE_MAX"]
)
def test_a_setting_that_means_nothing_is_a_sentence(tmp_path: Path, variable: str) -> None:
    with pytest.raises(ConfigurationError, match="soon"):
        config(tmp_path, None, **{variable: "soon"})


def test_commands_are_those_of_the_checkout_or_else_lie_beside_the_program(tmp_path: Path) -> None:
    programs, checkout = tmp_path / "bin", tmp_path / "checkout"
    programs.mkdir()
    (programs / "ao-start").touch()

    def folder() -> Path:
        program = programs / "agent-launcher"
        return load_config(Options(), {"HOME": str(tmp_path)}, checkout, tmp_path, program).commands_folder

    assert folder() == programs
    (checkout / "commands").mkdir(parents=True)
    assert folder() == checkout / "commands"
