"""Reads and writes one agent blueprint on disk: a folder of three files, or one of Claude Code's agent files.

Nothing here follows a symbolic link: a blueprint says which programs run, so it is what lies in its folder. The folder
is opened once, and its files are those of that very folder, whatever stands in its place by then.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from agent_runtime.domain.agent import Blueprint
from agent_runtime.domain.checks import CHECKS
from agent_runtime.domain.json import Json, JsonObject
from agent_runtime.domain.near_words import did_you_mean
from agent_runtime.services.agents.blueprint_checks import OutputSchema, VerifyAttempts, VerifyText
from agent_runtime.services.agents.blueprint_kinds import (
    check_can_give_way,
    check_can_hold,
    check_permissions,
    known_backend,
    say_backends,
)
from agent_runtime.services.agents.blueprint_limits import LimitsText
from agent_runtime.services.agents.blueprint_permissions import (
    PermissionRulesText,
    PermissionWord,
    QuestionsText,
    checked_permissions,
    policy_of,
)
from agent_runtime.services.agents.blueprint_retries import RetriesText
from agent_runtime.services.agents.blueprint_sandbox import (
    BubblewrapText,
    WrapperText,
    checked_sandbox,
    without_secrets,
)
from agent_runtime.services.agents.blueprint_stalls import StallsText

AGENT_FILE = "agent.json"
MCP_FILE = "agent.mcp.json"
PROMPT_FILE = "agent.system-prompt.md"
CLAUDE_SUFFIX = ".md"
_FILES = (AGENT_FILE, MCP_FILE, PROMPT_FILE)
FILE_BYTES_MAX = 1024 * 1024
_MCP_KEY = "mcpServers"
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)(.*)", re.DOTALL)
_CLAUDE_OPTIONS: Mapping[str, str] = {
    "tools": "allowed_tools",
    "disallowedTools": "disallowed_tools",
    "permissionMode": "permission_mode",
}

Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
# Said by hand: the schema that is made of a `dict` does not say how long its names may be.
_OF_WORDS: JsonObject = {"propertyNames": {"minLength": 1, "maxLength": 200}}


class BlueprintText(BaseModel):
    """What `agent.json` may say; a key that we do not know is refused, for it may be one of these, mistyped."""

    model_config = ConfigDict(extra="forbid", strict=True)

    description: Text = ""
    backend: Annotated[Word, AfterValidator(known_backend), Field(json_schema_extra=say_backends)] | None = None
    command: Annotated[list[Text], Field(max_length=1000)] = []
    model: Word | None = None
    labels: Annotated[dict[Word, Word], Field(max_length=100, json_schema_extra=_OF_WORDS)] = {}
    limits: LimitsText = LimitsText()
    retries: RetriesText = RetriesText()
    fallbacks: Annotated[list[Word], Field(max_length=10)] = []
    stalls: StallsText = StallsText()
    verify: VerifyText | None = None
    verify_attempts: VerifyAttempts | None = None
    output_schema: OutputSchema | None = None
    options: Annotated[dict[Word, JsonValue], Field(json_schema_extra=_OF_WORDS)] = {}
    sandbox: Annotated[
        Literal["bubblewrap"] | BubblewrapText | WrapperText | None, BeforeValidator(checked_sandbox)
    ] = None
    permissions: Annotated[PermissionWord | PermissionRulesText | None, BeforeValidator(checked_permissions)] = None
    questions: QuestionsText = QuestionsText()

    @field_validator("command")
    @classmethod
    def _keep_secrets_out(cls, words: list[str]) -> list[str]:
        return without_secrets(words)

    @model_validator(mode="after")
    def _say_what_runs_it(self) -> Self:
        # Never guessed: one backend runs a program, the other one an agent that may do anything.
        if self.backend is None and not self.command:
            raise ValueError("a 'backend' or a 'command' is expected, found neither")
        check_can_hold(self.backend or "command", self.options, self.limits.model_dump(exclude_none=True))
        check_permissions(self.backend or "command", _plain(self.permissions), self.options)
        check_can_give_way(self.backend or "command", self.questions.give_way_seconds)
        return self

    def blueprint(self, system_prompt: str, mcp_servers: Mapping[str, Json]) -> Blueprint:
        """Join it with what the other two files say."""
        return Blueprint(
            backend=self.backend or "command",
            description=self.description,
            command=tuple(self.command),
            model=self.model,
            labels=self.labels,
            limits=self.limits.model_dump(exclude_none=True),
            options=self.options,
            system_prompt=system_prompt,
            mcp_servers=mcp_servers,
            sandbox=_plain(self.sandbox),
            permissions=policy_of(self.permissions),
            questions=self.questions.model_dump(exclude_none=True),
            retries=self.retries.model_dump(exclude_none=True),
            fallbacks=tuple(self.fallbacks),
            stalls=self.stalls.model_dump(exclude_none=True),
            checks={name: asked for name in CHECKS if (asked := _asked(getattr(self, name))) is not None},
        )


def _plain(said: BaseModel | str | None) -> Json:
    """Give what was said as it stands in a file; of what has parts, those that were said."""
    return said.model_dump(mode="json", exclude_unset=True) if isinstance(said, BaseModel) else said


def _asked(said: "VerifyText | Json") -> Json:
    """Give what is asked of a job's end, with what holds where nothing was said."""
    return said.model_dump() if isinstance(said, VerifyText) else said


_KEYS_WITHIN: Mapping[str, type[BaseModel]] = {
    "limits": LimitsText,
    "questions": QuestionsText,
    "retries": RetriesText,
    "stalls": StallsText,
    "verify": VerifyText,
}


class BrokenBlueprintError(Exception):
    """A blueprint that cannot be used; its text says which file, what is wrong, and what was expected."""


class NoBlueprintError(Exception):
    """A file that is something else: a page of documentation between the agents, for example."""


def signature(path: Path) -> tuple[int, ...] | None:
    """Tell cheaply whether a blueprint changed since the last time: nothing if there is none."""
    files = (path,) if path.suffix == CLAUDE_SUFFIX else (path, *(path / name for name in _FILES))
    marks: list[int] = []
    for file in files:
        try:
            found = file.lstat()
        except OSError:
            marks.append(0)
        else:
            marks += (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
    return tuple(marks) if any(marks) else None


def read_blueprint(path: Path) -> Blueprint:
    """Read a blueprint from its folder, or from a Claude Code agent file.

    Errors:  BrokenBlueprintError; NoBlueprintError.
    """
    if path.is_symlink():
        raise BrokenBlueprintError(f"'{path}' is a symbolic link: a blueprint must lie in the folder itself")
    if path.suffix == CLAUDE_SUFFIX:
        return _from_claude_file(path)
    try:
        with _opened(path) as folder:
            return _from_folder(path, folder)
    except OSError as error:
        raise BrokenBlueprintError(f"cannot read '{path}': {error.strerror}") from error


def _from_folder(path: Path, folder: int) -> Blueprint:
    content = _object(path / AGENT_FILE, folder)
    if content is None:
        raise BrokenBlueprintError(f"'{path}' has no '{AGENT_FILE}'")
    if content.get("name", path.name) != path.name:
        raise BrokenBlueprintError(f"'{path / AGENT_FILE}' is in the folder '{path.name}': its 'name' must be the same")
    prompt = _text(path / PROMPT_FILE, folder) or ""
    said = {key: value for key, value in content.items() if key != "name"}
    return _checked(path / AGENT_FILE, said).blueprint(prompt, _mcp_servers(path / MCP_FILE, folder))


def write_blueprint(folder: Path, name: str, blueprint: Blueprint) -> None:
    """Write a blueprint's three files, each at once or not at all; other files in its folder stay.

    Errors:  OSError; BrokenBlueprintError if the folder is a symbolic link.
    """
    if folder.is_symlink():
        raise BrokenBlueprintError(f"'{folder}' is a symbolic link: a blueprint must lie in the folder itself")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {"name": name, "description": blueprint.description, "backend": blueprint.backend}
    further = {
        "command": list(blueprint.command),
        "model": blueprint.model,
        "labels": dict(blueprint.labels),
        "limits": dict(blueprint.limits),
        "retries": dict(blueprint.retries),
        "fallbacks": list(blueprint.fallbacks),
        "stalls": dict(blueprint.stalls),
        **blueprint.checks,
        "options": dict(blueprint.options),
        "sandbox": blueprint.sandbox,
        "permissions": blueprint.permissions,
        "questions": dict(blueprint.questions),
    }
    servers = {_MCP_KEY: dict(blueprint.mcp_servers)} if blueprint.mcp_servers else None
    with _opened(folder) as opened:
        _replace(PROMPT_FILE, blueprint.system_prompt or None, opened)
        _replace(MCP_FILE, _pretty(servers) if servers is not None else None, opened)
        # Last: a reader that comes in between sees the new prompt with the old agent, never half an agent.
        _replace(AGENT_FILE, _pretty({**content, **{key: value for key, value in further.items() if value}}), opened)


def write_text(path: Path, text: str) -> None:
    """Write a file at once or not at all.

    Errors:  OSError.
    """
    # The folder of all agents is the user's own choice, and may be a link.
    with _opened(path.parent, follows_links=True) as folder:
        _replace(path.name, text, folder)


@contextlib.contextmanager
def _opened(folder: Path, *, follows_links: bool = False) -> Iterator[int]:
    how = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(folder, how if follows_links else how | os.O_NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _replace(name: str, text: str | None, folder: int) -> None:
    """Write one file of an open folder at once or not at all, or remove it."""
    temporary = f".{name}.{secrets.token_hex(4)}.new"
    if text is None:
        _remove(name, folder)
        return
    try:
        how = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, how, 0o600, dir_fd=folder), "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        _remove(temporary, folder)


def _remove(name: str, folder: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


class _PlainYaml(yaml.SafeLoader):
    """YAML that is as large as it is long: a few lines of aliases could stand for more than a machine can hold."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases ('*name') are not read here")
        return super().compose_node(parent, index)


def _from_claude_file(path: Path) -> Blueprint:
    text = _text(path)
    found = _FRONT_MATTER.match(text) if text is not None else None
    if found is None:
        raise NoBlueprintError(f"'{path}' does not begin with front matter: YAML between two lines '---'")
    try:
        front: Json = yaml.load(found[1], _PlainYaml)  # noqa: S506 - it is the safe loader, with less
        json.dumps(front, ensure_ascii=False, allow_nan=False).encode()
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise BrokenBlueprintError(f"'{path}' has front matter that is not YAML: {_one_line(error)}") from error
    if not isinstance(front, dict):
        raise BrokenBlueprintError(f"'{path}' has front matter that is not a list of keys and values")
    if front.get("name", path.stem) != path.stem:
        raise BrokenBlueprintError(f"'{path}' is called '{path.stem}': its 'name' must be the same")
    model = front.get("model")
    content: JsonObject = {
        "description": front.get("description") or "",
        "backend": "claude",
        "model": None if model == "inherit" else model,
        "options": _claude_options(front),
    }
    return _checked(path, content).blueprint(found[2].strip(), {})


def _claude_options(front: JsonObject) -> JsonObject:
    options: JsonObject = {}
    for theirs, ours in _CLAUDE_OPTIONS.items():
        value = front.get(theirs)
        if isinstance(value, str) and ours != "permission_mode":
            value = [word.strip() for word in value.split(",") if word.strip()]
        if value is not None:
            options[ours] = value
    return options


def _checked(path: Path, content: JsonObject) -> BlueprintText:
    try:
        return BlueprintText.model_validate(content)
    except ValidationError as error:
        found = error.errors()
        first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
        raise BrokenBlueprintError(f"'{path}': {_sentence(first)}") from error


def _sentence(error: ErrorDetails) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = _KEYS_WITHIN.get(str(error["loc"][0]), BlueprintText).model_fields
        return f"there is no key '{place}'{did_you_mean(str(error['loc'][-1]), (*known, 'name'))}"
    said = error["msg"].removeprefix("Value error, ")
    return f"'{place}': {said[:1].lower()}{said[1:]}" if place else said


def _mcp_servers(path: Path, folder: int) -> JsonObject:
    content = _object(path, folder) or {}
    servers = content.get(_MCP_KEY, content)
    if not isinstance(servers, dict) or not all(isinstance(one, dict) for one in servers.values()):
        raise BrokenBlueprintError(f"'{path}': expected '{_MCP_KEY}' with one object for each server")
    return servers


def _object(path: Path, folder: int) -> "JsonObject | None":
    text = _text(path, folder)
    if text is None:
        return None
    try:
        value: Json = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise BrokenBlueprintError(f"'{path}' is not JSON: {_one_line(error)}") from error
    if not isinstance(value, dict):
        raise BrokenBlueprintError(f"'{path}' holds no JSON object")
    return value


def _text(path: Path, folder: int | None = None) -> str | None:
    """Read a file; of an open folder, if that is given."""
    how = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path if folder is None else path.name, how, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = "is a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise BrokenBlueprintError(f"cannot read '{path}': it {why}") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BrokenBlueprintError(f"cannot read '{path}': it is no file")
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise BrokenBlueprintError(f"'{path}' is larger than {FILE_BYTES_MAX} bytes")
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BrokenBlueprintError(f"'{path}' is not UTF-8 at byte {error.start}") from error


def _refuse(name: str) -> Json:
    raise ValueError(f"'{name}' is not a number of JSON")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
