"""One blueprint on several real clients: its prompt, servers and limits hold when one word of it is another."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime_client.wire import JsonObject
from support.client_rigs import ALL, CLAUDE_ACP, CODEX, GEMINI, OPENCODE, RealClient, rig_of
from support.lab_server import lab_server
from support.launcher_process import LauncherProcess
from support.model_stand_in import ModelStandIn
from support.real_clients import program, why_not
from support.runtime_api import JobRow, RuntimeApi
from support.runtime_process import RuntimeProcess

pytestmark = pytest.mark.timeout(400)
# The word, and whose tools are called then; Claude Code's are called alike, natively and through its adapter.
WORDS: tuple[tuple[str, RealClient], ...] = (
    ("claude", CLAUDE_ACP),
    ("codex", CODEX),
    ("gemini", GEMINI),
    ("acp", OPENCODE),
)
FEW_TOKENS = 5
# To the stand-in a line that does nothing, for with some clients it opens the prompt, which is a script.
SYSTEM_PROMPT = "later: say: You are the lighthouse keeper."


@pytest.fixture
def model() -> Iterator[ModelStandIn]:
    if reason := why_not():
        pytest.skip(reason)
    with ModelStandIn() as running:
        yield running


@pytest.fixture
def launcher(model: ModelStandIn, runtime: RuntimeProcess, tmp_path: Path) -> Iterator[LauncherProcess]:
    """A launcher that finds all clients on its PATH; each talks to the stand-in."""
    home = tmp_path / "home"
    home.mkdir()
    variables: dict[str, str] = {"LAB_SECRET": "secret-of-the-lab"}
    for client in ALL:
        variables |= rig_of(client, model, home, tmp_path).variables
    folders = (str(program("codex").parent), str(Path(sys.executable).parent), os.environ["PATH"])
    environment = {**variables, "HOME": str(home), "PATH": os.pathsep.join(folders)}
    process = LauncherProcess(tmp_path / "launcher", runtime.url, runtime.token, environment=environment)
    try:
        yield process.start()
    finally:
        process.leave_nothing()


@pytest.mark.usefixtures("launcher")
def test_the_same_prompt_servers_and_limits_hold_when_the_backend_is_another_word(
    api: RuntimeApi, model: ModelStandIn, tmp_path: Path
) -> None:
    blueprint: JsonObject = {
        "name": "reviewer",
        "system_prompt": SYSTEM_PROMPT,
        "mcp_servers": {"lab": lab_server(tmp_path)},
        "limits": {"max_tokens": 10**9, "max_run_seconds": 300},
        "options": {"permission": "allow_once"},
        # Heeded by the one backend whose blueprints name their program.
        "command": ["opencode", "acp"],
    }
    for word, client in WORDS:
        model.forget()
        api.ask("PUT", "/agents/reviewer", {**blueprint, "backend": word})
        script = f"{client.call('lab', 'whoami', {'greeting': 'hi'})}\nsay: it says {{{{last}}}}"
        row = run(api, f"by-{word}", script, tmp_path)

        assert (row["status"], row["error"]) == ("completed", None), word
        assert "hi secret-of-the-lab" in api.result(f"by-{word}"), word
        assert any(SYSTEM_PROMPT in str(call.body) for call in model.model_calls), word

        api.ask("PUT", "/agents/reviewer", {**blueprint, "backend": word, "limits": {"max_tokens": FEW_TOKENS}})
        run(api, f"little-{word}", "say: hello", tmp_path)
        again = {"type": "resume_session", "session_name": f"little-{word}", "prompt": "say: never"}
        refused = api.http.post("/jobs", json=again)

        assert refused.status_code == 409, word
        assert f"'max_tokens' of session 'little-{word}' is {FEW_TOKENS}" in refused.text, word


def run(api: RuntimeApi, session: str, prompt: str, folder: Path) -> JobRow:
    job = api.create_job(session, prompt, agent_name="reviewer", project_dir=str(folder))
    return api.wait_for_end(job, 120)
