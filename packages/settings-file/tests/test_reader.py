"""The file of settings: where it is, how a mistake in it is said, and that each program says it in the same words."""

import subprocess
import sys
from pathlib import Path

import pytest

from settings_file.known import ALL
from settings_file.reader import SettingsFileError, file_of_user, settings_in
from support.project import REPOSITORY
from support.user_file import home_with

LAUNCHER, RUNTIME = "servers/agent-launcher/agent-launcher", ".venv/bin/agent-runtime"


def test_xdg_config_home_says_where_the_file_is(tmp_path: Path) -> None:
    assert file_of_user({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "agent-orchestrator/config.toml"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[runtime]\nport = \n", ("at line 2",)),
        ("[runtime]\n\nprot = 1\n", ("at line 3", "'prot'", "did you mean 'port'?")),
        ("[runtine]\nport = 1\n", ("at line 1", "did you mean 'runtime'?")),
        ('[launcher]\n# x\nmax_jobs = "4"\n', ("at line 3", "'max_jobs'", "a whole number", "'4'")),
        ('[launcher]\nproject_dir = "here"\n', ("at line 2", "a path that begins with '/' or '~/'")),
        ('[launcher]\nstate_dir = "/x"\n', ("at line 2", "'state_dir'")),
        ("[connection]\ntoken = 7.5\nurl = true\n", ("at line 3", "a text")),
        ('port = 8765\n[runtime]\nhost = "x"\n', ("at line 1", "'port'")),
        ('[connection]\nurl = "http://a\\u001b[2J"\n', ("at line 2",)),
        (b"[runtime]\nhost = '\xff'\n", ("at line 2", "0xff")),
        ("a = " + "[" * 100_000, ("cannot read the settings",)),
        (b"#" * 300_000, ("at most 262144 bytes",)),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(tmp_path: Path, text: str | bytes, words: tuple[str, ...]) -> None:
    file = file_of_user(home_with(tmp_path, text))

    with pytest.raises(SettingsFileError) as refused:
        settings_in(file, ALL)

    said = str(refused.value)
    assert [word for word in (*words, str(file)) if word not in said] == []
    assert "\n" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize("line", ['[connection]\ntoken = "hush"\n', '[runtime]\ndatabase_url = "hush"\n'])
def test_a_file_with_a_secret_that_others_may_open_is_refused_without_showing_it(tmp_path: Path, line: str) -> None:
    file = file_of_user(home_with(tmp_path, line, mode=0o644))

    with pytest.raises(SettingsFileError, match="chmod 600") as refused:
        settings_in(file, ALL)

    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("program", ["commands/ao-status", LAUNCHER, RUNTIME])
def test_each_program_refuses_a_file_with_a_mistake_in_the_same_sentence(tmp_path: Path, program: str) -> None:
    sections = ("connection", "runtime", "launcher")
    told = home_with(tmp_path, "".join(f"[{section}]\nhots = 1\n" for section in sections))
    words = [sys.executable, str(REPOSITORY / program), "x"]

    done = subprocess.run(words, env=told, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot use '{file_of_user(told)}' (at line " in done.stderr
    assert "found 'hots'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_each_program_goes_by_its_own_section_and_passes_over_the_others(tmp_path: Path) -> None:
    told = home_with(tmp_path, '[runtime]\nhost = "203.0.113.7"\nauth = "none"\n[launcher]\nmax_jobs = -3\n')

    def said(program: str) -> str:
        words = [sys.executable, str(REPOSITORY / program)]
        return subprocess.run(words, env=told, capture_output=True, text=True, check=False).stderr

    assert "cannot listen on '203.0.113.7' without tokens" in said(RUNTIME)
    assert "-3" in said(LAUNCHER)
