"""From a turn to a command line of Gemini CLI, and the file of settings beside it."""

import json
from collections.abc import Mapping
from pathlib import Path

from agent_backends.client.private_files import write_private
from agent_backends.client.running import Launch
from agent_backends.client.servers import HTTP, SSE, McpServer, servers_of
from agent_backends.gemini.options import GeminiOptions
from agent_backends.protocol import Turn
from agent_backends.sandbox.command_prefix import Needs
from runtime_client.wire import Json, JsonObject

TITLE = "Gemini CLI"
_OURS = "AGENT_"


def prepare_launch(turn: Turn, options: GeminiOptions, private_dir: Path) -> Launch:
    """Decide how the client is started for one turn, and write the file that it reads.

    Errors:  UnexpectedAnswerError, for an MCP server that is not understood.
    """
    settings = write_private(private_dir / "settings.json", json.dumps(_settings(turn, options)))
    command = (
        options.client_path,
        *("--output-format", "stream-json", "--skip-trust", "--approval-mode", options.approval_mode),
        *(() if turn.backend_session_id is None else ("--resume", turn.backend_session_id)),
        *(() if turn.blueprint.model is None else ("--model", turn.blueprint.model)),
    )
    environment = {
        **turn.environment,
        # Its wrapper would swallow every signal, and its real process would go on without us.
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GEMINI_CLI_SYSTEM_SETTINGS_PATH": settings,
    }
    return Launch(TITLE, command, environment, _needs(turn, private_dir))


def prompt_of(turn: Turn) -> str:
    """Return what the client reads as its prompt; the system prompt opens the conversation, and stays in it."""
    opening = turn.blueprint.system_prompt if turn.backend_session_id is None else ""
    return f"{opening}\n\n{turn.prompt}" if opening else turn.prompt


def _settings(turn: Turn, options: GeminiOptions) -> JsonObject:
    servers = {server.name: _told(server, turn.environment) for server in servers_of(turn)}
    given: dict[str, Json] = dict(options.settings)
    if servers:
        given["mcpServers"] = servers
    if options.max_turns is not None:
        model = given.get("model")
        given["model"] = {**(model if isinstance(model, Mapping) else {}), "maxSessionTurns": options.max_turns}
    return given


def _told(server: McpServer, environment: Mapping[str, str]) -> JsonObject:
    if server.kind == HTTP:
        return {"httpUrl": server.url, "headers": dict(server.headers), "trust": True}
    if server.kind == SSE:
        return {"url": server.url, "headers": dict(server.headers), "trust": True}
    program, *words = server.command
    # It keeps from servers what looks like a secret by its name, our token among it.
    ours = {name: value for name, value in environment.items() if name.startswith(_OURS)}
    return {"command": program, "args": words, "env": {**ours, **server.variables}, "trust": True}


def _needs(turn: Turn, private_dir: Path) -> Needs:
    home = Path(turn.environment.get("GEMINI_CLI_HOME") or turn.environment.get("HOME") or Path.home())
    own = home / ".gemini"
    if turn.blueprint.sandbox is not None:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Needs(readable=(private_dir,), writable=(own,) if own.is_dir() else ())
