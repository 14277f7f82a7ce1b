"""What the user's file and a project's file say to a command, and what they may not."""

from pathlib import Path

import pytest

from runtime_client.address import find_runtime
from runtime_client.configured import configured
from runtime_client.errors import UsageError
from runtime_client.start_defaults import start_defaults
from runtime_client.terminal.arguments import duration
from support.user_file import home_with

SECONDS = duration(0.001)


def project_with(folder: Path, text: str) -> Path:
    """A folder below the root of a repository whose file says this."""
    (folder / "project/.git").mkdir(parents=True)
    (folder / "project/.agent-orchestrator").mkdir()
    (folder / "project/.agent-orchestrator/config.toml").write_text(text)
    (folder / "project/below").mkdir()
    return folder / "project/below"


def test_a_variable_wins_over_the_file_and_an_empty_one_does_not(tmp_path: Path) -> None:
    told = home_with(tmp_path, '[connection]\nurl = "http://filed:1"\n[runtime]\nport = 9\ndata_dir = "~/data"\n')

    assert find_runtime(configured(told)).url == "http://filed:1"
    assert configured(told)["AGENT_RUNTIME_DATA_DIR"] == str(Path("~/data").expanduser())
    assert find_runtime(configured({**told, "AGENT_RUNTIME_URL": ""})).url == "http://filed:1"
    assert find_runtime(configured({**told, "AGENT_RUNTIME_URL": "http://said:2"})).url == "http://said:2"


def test_a_token_in_the_file_goes_to_the_runtime_in_the_file_only(tmp_path: Path) -> None:
    told = home_with(tmp_path, '[connection]\nurl = "http://filed:1"\ntoken = "secret"\n')

    assert find_runtime(configured(told)).token == "secret"
    assert find_runtime(configured({**told, "AGENT_RUNTIME_URL": "http://strange:2"})).token is None
    assert find_runtime(configured({**told, "AGENT_RUNTIME_URL": "http://filed:1/"})).token == "secret"


def test_a_token_in_the_file_without_an_address_is_for_the_usual_one(tmp_path: Path) -> None:
    told = home_with(tmp_path, '[connection]\ntoken = "secret"\n')

    assert find_runtime(configured({**told, "AGENT_RUNTIME_URL": "http://localhost:8765"})).token == "secret"
    assert find_runtime(configured({**told, "AGENT_RUNTIME_URL": "http://localhost:9"})).token is None


def test_what_runs_for_a_session_reads_no_file(tmp_path: Path) -> None:
    told = home_with(tmp_path, "this is [ no file\n") | {"AGENT_JOB_ID": "job_1"}

    assert configured(told) is told
    assert start_defaults(told, tmp_path, SECONDS) == {}


def test_a_project_cannot_say_where_the_runtime_is_nor_what_is_not_about_a_start(tmp_path: Path) -> None:
    folder = project_with(tmp_path, '[connection]\nurl = "http://strange:1"\ntoken = "t"\n[launcher]\nmax_jobs = 1\n')

    assert start_defaults({"HOME": str(tmp_path)}, folder, SECONDS) == {}
    assert find_runtime(configured({"HOME": str(tmp_path)})).url == "http://localhost:8765"


def test_a_project_makes_an_order_smaller_and_never_larger(tmp_path: Path) -> None:
    told = home_with(
        tmp_path, '[start]\nagent = "mine"\ntimeout = "10m"\nlimits = { max_cost_usd = 5, max_tokens = 100 }\n'
    )
    text = '[start]\nagent = "theirs"\ntimeout = "2h"\nlimits = { max_cost_usd = 500, max_tokens = 7 }\n'
    found = start_defaults(told, project_with(tmp_path, text), SECONDS)

    assert found["agent"].value == "theirs"
    assert found["timeout"].value == "10m"
    assert found["limits"].value == "max_cost_usd=5,max_tokens=7"
    assert start_defaults({**told, "AGENT_START_AGENT": "now"}, tmp_path, SECONDS)["agent"].value == "now"


def test_a_project_cannot_lift_what_the_runtime_limits(tmp_path: Path) -> None:
    folder = project_with(tmp_path, "[start]\nlimits = { max_children = 100000 }\n")

    with pytest.raises(UsageError, match="'max_children'"):
        start_defaults({"HOME": str(tmp_path)}, folder, SECONDS)


def test_a_file_above_a_folder_that_is_no_repository_is_not_its_projects(tmp_path: Path) -> None:
    (tmp_path / ".agent-orchestrator").mkdir()
    (tmp_path / ".agent-orchestrator/config.toml").write_text('[start]\nagent = "planted"\n')
    (tmp_path / "below").mkdir()

    assert start_defaults({"HOME": str(tmp_path / "home")}, tmp_path / "below", SECONDS) == {}


@pytest.mark.parametrize(
    ("word", "seconds"), [("90", 90), ("1.5", 1.5), ("10m", 600), ("1h30m", 5400), ("2d", 172_800)]
)
def test_a_time_is_seconds_or_has_units(word: str, seconds: float) -> None:
    assert SECONDS(word) == seconds


@pytest.mark.parametrize("word", ["", "m", "10x", "-5", "nan", "inf", "1h 5", "5m5"])
def test_what_is_no_time_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="10m"):
        SECONDS(word)
