"""The real clients in an empty home, each speaking to the model stand-in: what each needs for that, in one place."""

import json
from dataclasses import dataclass
from pathlib import Path

from agent_backends.acp.backend import AcpBackend
from agent_backends.codex.backend import CodexBackend
from agent_backends.gemini.backend import GeminiBackend
from agent_backends.protocol import Backend
from runtime_client.wire import Json, JsonObject
from support.agent_rig import ROOT, AgentRig, Ran
from support.model_stand_in import ModelStandIn
from support.real_clients import program

_CODEX = """
model = "gpt-5.5"
model_provider = "stub"
check_for_update_on_startup = false
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
env_key = "STUB_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
[features]
plugins = false
"""


@dataclass(frozen=True)
class RealClient:
    """One client, and how a script of the stand-in speaks of its tools.

    Shape:   `shell` is its tool for commands and `argument` the command's place in it; `server_tool` names a tool of an
             MCP server, with `{server}` and `{tool}`.
    """

    name: str
    shell: str
    argument: str
    server_tool: str

    def run(self, command: str, **more: Json) -> str:
        """A line of a script that has it run a command."""
        return f"tool: {self.shell} {json.dumps({self.argument: command, **more})}"

    def call(self, server: str, tool: str, given: JsonObject) -> str:
        """A line of a script that has it call a tool of a server."""
        return f"mcp: {self.server_tool.format(server=server, tool=tool)} {json.dumps(given)}"


CODEX = RealClient("codex", "exec_command", "cmd", "mcp__{server}/{tool}")
GEMINI = RealClient("gemini", "run_shell_command", "command", "mcp_{server}_{tool}")
OPENCODE = RealClient("opencode", "bash", "command", "{server}_{tool}")
CLAUDE_ACP = RealClient("claude-acp", "Bash", "command", "mcp__{server}__{tool}")
ALL = (CODEX, GEMINI, OPENCODE, CLAUDE_ACP)


@dataclass(frozen=True)
class ClientBench:
    """One client with a home, a project and a model."""

    client: RealClient
    rig: AgentRig
    model: ModelStandIn

    def run(self, prompt: str, resume: Ran | None = None) -> Ran:
        """Run a turn."""
        return self.rig.run(self.rig.turn(prompt, resume=resume.backend_session_id if resume else None))


def rig_of(client: RealClient, model: ModelStandIn, home: Path, project_dir: Path) -> AgentRig:
    """A rig for the client; its configuration is written into the home."""
    backend, variables = _SETUPS[client.name](model.url, home)
    rig = AgentRig(home, project_dir, backend=backend, variables=variables)
    shipped = json.loads((ROOT / "agents" / client.name / "agent.json").read_text())
    rig.options = {**shipped["options"], **_OPTIONS.get(client.name, {})}
    rig.command = _COMMANDS.get(client.name)
    return rig


def _codex(url: str, home: Path) -> tuple[Backend, dict[str, str]]:
    folder = home / ".codex"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(_CODEX.format(url=url))
    return CodexBackend(), {"STUB_KEY": "k"}


def _gemini(url: str, home: Path) -> tuple[Backend, dict[str, str]]:
    folder = home / ".gemini"
    folder.mkdir(exist_ok=True)
    settings: JsonObject = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"enableAutoUpdate": False, "maxAttempts": 1},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "model": {"name": "gemini-2.5-flash"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    return GeminiBackend(), {"GEMINI_API_KEY": "k", "GOOGLE_GEMINI_BASE_URL": url}


def _opencode(url: str, home: Path) -> tuple[Backend, dict[str, str]]:
    provider: JsonObject = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": "{env:STUB_KEY}"},
        "models": {"stub-model": {}, "stub-small": {}},
    }
    settings: JsonObject = {
        "autoupdate": False,
        "share": "disabled",
        "model": "stub/stub-model",
        "small_model": "stub/stub-small",
        "provider": {"stub": provider},
    }
    quiet = ("DISABLE_MODELS_FETCH", "DISABLE_AUTOUPDATE", "DISABLE_DEFAULT_PLUGINS", "DISABLE_LSP_DOWNLOAD")
    variables = {f"OPENCODE_{word}": "1" for word in quiet}
    return AcpBackend(), {**variables, "OPENCODE_CONFIG_CONTENT": json.dumps(settings), "STUB_KEY": "k"}


def _claude(url: str, home: Path) -> tuple[Backend, dict[str, str]]:
    return AcpBackend(), {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": "sk-ant-stand-in",
        "IS_SANDBOX": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }


_SETUPS = {"codex": _codex, "gemini": _gemini, "opencode": _opencode, "claude-acp": _claude}
_OPTIONS: dict[str, JsonObject] = {
    "codex": {"client_path": str(program("codex"))},
    "gemini": {"client_path": str(program("gemini"))},
}
_COMMANDS = {"opencode": (str(program("opencode")), "acp"), "claude-acp": (str(program("claude-agent-acp")),)}
