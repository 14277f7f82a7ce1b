"""Turn a job into a command that its keeper has ready."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from lib.attempt.attempt import Attempt
from lib.attempt.environment import job_environment
from lib.config import Config
from lib.errors import JobRefused
from lib.keepers import Keepers, Order
from lib.warm_commands import WarmCommands
from lib.wire.models import Job, Json, JsonObject

# Linux takes at most 128 KiB in one argument.
PROMPT_ARGUMENT_BYTES_MAX = 96 * 1024
COMMANDS: Mapping[str, str] = {"start_session": "ao-start", "resume_session": "ao-resume"}


class Executor:
    """Maps jobs to `ao-*` commands and hands them to the keeper, which spawns them when it is told to."""

    def __init__(self, keepers: Keepers, config: Config, host_name: str = "") -> None:
        self._keepers = keepers
        self._config = config
        self._warm = WarmCommands(are_wanted=config.warm_starts)
        self._host_name = host_name

    def execute(self, attempt: Attempt) -> Order:
        """Prepare an attempt and order it; its command runs once its keeper has taken it and is told to go.

        Errors:  JobRefused, if the job cannot be run here; OSError, if the disk does not take its folder.
        """
        job, folder = attempt.job, attempt.folder
        command = self.find_command(job)
        warm = self._warm.declared(command)
        prompt = (job.prompt or "").encode("utf-8", "surrogatepass")
        # Arguments are open to every user of the machine; of a command of ours we know that it reads the other way too.
        limit = PROMPT_ARGUMENT_BYTES_MAX if warm is None else -1
        is_prompt_on_stdin = job.prompt is not None and len(prompt) > limit
        folder.make(prompt if is_prompt_on_stdin else None)
        launch = self._launch(attempt, command, is_prompt_on_stdin=is_prompt_on_stdin)
        launch["warm"] = self._warm.startable(warm)
        return self._keepers.order(attempt.key, job.to_json(), str(folder.path), launch)

    def find_command(self, job: Job) -> str:
        """Find the job's command in the project's `commands/`, then on PATH.

        Errors:  JobRefused, for a type of job that has no command.
        """
        name = COMMANDS.get(job.type)
        if name is None:
            raise JobRefused(
                "invalid_parameters",
                f"cannot run job {job.job_id!r}: its type {job.type!r} is not one of {sorted(COMMANDS)}",
            )
        return command_of(name, self._config)

    def _launch(self, attempt: Attempt, command: str, *, is_prompt_on_stdin: bool) -> JsonObject:
        job, config, roots = attempt.job, self._config, self._config.project_roots
        project_dir = job.project_dir or str(config.project_dir)
        added = job_environment(
            job,
            attempt.folder,
            config.runtime_url,
            roots,
            project_dir=project_dir,
            is_prompt_on_stdin=is_prompt_on_stdin,
        )
        if self._host_name:
            added["AGENT_HOST_NAME"] = self._host_name
        limit = job.output_limit_bytes or config.output_limit_bytes
        if limit:
            # What our own commands hold back until the end is not in the output that the keeper watches.
            added["AGENT_OUTPUT_LIMIT_BYTES"] = str(int(limit))
        return {
            "argv": _texts(build_argv(job, command, is_prompt_on_stdin=is_prompt_on_stdin)),
            "environment": dict(added),
            "folder": project_dir,
            "project_roots": _texts([str(root) for root in roots]),
            "is_prompt_on_stdin": is_prompt_on_stdin,
            "timeout_seconds": job.timeout_seconds,
            "stop_grace_seconds": job.stop_grace_seconds,
            "output_limit_bytes": limit,
        }


def command_of(name: str, config: Config) -> str:
    """Tell where a command is, or belongs; that it is not there is said by the keeper that is to start it."""
    beside = config.commands_folder / name
    if beside.exists():
        return str(beside)
    return shutil.which(name) or str(beside)


def startable_warm(config: Config) -> list[JsonObject]:
    """Tell a keeper which commands it can start warm, and with what."""
    commands = [command_of(name, config) for name in COMMANDS.values()]
    return WarmCommands(are_wanted=config.warm_starts).all_of(commands)


def build_argv(job: Job, command: str, *, is_prompt_on_stdin: bool) -> list[str]:
    """Map a job to its command line; what the job does not have is left out."""
    options: list[str] = []
    if job.type == "start_session" and job.agent_name:
        options += ["--agent", job.agent_name]
    if job.prompt is not None and not is_prompt_on_stdin:
        options += ["--prompt", job.prompt]
    if job.type == "start_session" and job.project_dir:
        options += ["--project-dir", job.project_dir]
    if job.session_name.startswith("-"):
        # No new session has such a name. One that has it must not be taken for an option.
        return [command, *options, "--", job.session_name]
    return [command, job.session_name, *options]


def _texts(words: list[str]) -> list[Json]:
    return list(words)
