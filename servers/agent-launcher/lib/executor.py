"""Turn a job into a command behind a gate."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lib.child_environment import job_environment
from lib.errors import AttemptAlreadyHere, JobRefused, SpawnFailed
from lib.job_process import JobProcess
from lib.machine import Machine, Shims
from lib.models import Job, Json, JsonObject
from lib.run_directory import RunDirectory, RunsFolder, RunState

# Linux takes at most 128 KiB in one argument.
PROMPT_ARGUMENT_BYTES_MAX = 96 * 1024
COMMANDS: Mapping[str, str] = {"start_session": "ao-start", "resume_session": "ao-resume"}


class Executor:
    """Maps jobs to `ao-*` commands, prepares their run directories and has their shims forked."""

    def __init__(
        self,
        shims: Shims,
        runs: RunsFolder,
        *,
        project_root: Path,
        project_dir: Path,
        runtime_url: str,
        project_roots: Sequence[Path] = (),
        output_limit_bytes: int | None = None,
        machine: Machine | None = None,
    ) -> None:
        self._machine = machine or Machine()
        self._shims = shims
        self._runs = runs
        self._commands_folder = project_root / "commands"
        self._project_dir = project_dir
        self._runtime_url = runtime_url
        self._project_roots = project_roots
        self._output_limit_bytes = output_limit_bytes

    def execute(self, job: Job) -> JobProcess:
        """Prepare an attempt and return its handle; its command runs once the gate is opened.

        Errors:  JobRefused, if the job cannot be run here; AttemptAlreadyHere, if it was already run here;
                 SpawnFailed; OSError, if the disk does not take the run directory.
        """
        run = self._runs.directory_for(job)
        self._make_room(run)
        command = self.find_command(job)
        prompt = (job.prompt or "").encode("utf-8", "surrogatepass")
        is_prompt_on_stdin = len(prompt) > PROMPT_ARGUMENT_BYTES_MAX
        launch: JsonObject = {
            "argv": _texts(build_argv(job, command, is_prompt_on_stdin=is_prompt_on_stdin)),
            "environment": dict(
                job_environment(job, run, self._runtime_url, self._project_roots, is_prompt_on_stdin=is_prompt_on_stdin)
            ),
            "folder": job.project_dir or str(self._project_dir),
            "project_roots": _texts([str(root) for root in self._project_roots]),
            "is_prompt_on_stdin": is_prompt_on_stdin,
            "timeout_seconds": job.timeout_seconds,
            "stop_grace_seconds": job.stop_grace_seconds,
            "output_limit_bytes": job.output_limit_bytes or self._output_limit_bytes,
        }
        run.write_order(launch, prompt if is_prompt_on_stdin else None)
        try:
            return self._spawn(run)
        except SpawnFailed:
            # The claim is given back, so nothing of it may be found at the next start.
            run.delete()
            raise

    def execute_again(self, run: RunDirectory) -> JobProcess:
        """Prepare an attempt anew whose order is already written and of which nothing ran."""
        return self._spawn(run)

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
        beside = self._commands_folder / name
        if beside.exists():
            return str(beside)
        # The shim's attempt to start a path that does not exist makes the sentence that the user reads.
        return shutil.which(name) or str(beside)

    def _spawn(self, run: RunDirectory) -> JobProcess:
        return JobProcess(run, self._shims.fork_shim(run.path), self._machine)

    def _make_room(self, run: RunDirectory) -> None:
        if not run.exists():
            return
        state = run.state()
        # A runtime that does not count attempts hands out the same number again for a retry.
        if state is RunState.NEVER_STARTED or (state is RunState.ACKED and run.job.attempt is None):
            run.delete()
            return
        raise AttemptAlreadyHere(
            f"cannot start job {run.job.job_id!r}: its attempt {run.job.attempt_number} "
            f"was already run here ({state.value})"
        )


def build_argv(job: Job, command: str, *, is_prompt_on_stdin: bool) -> list[str]:
    """Map a job to its command line; what the job does not have is left out."""
    argv = [command, job.session_name]
    if job.type == "start_session" and job.agent_name:
        argv += ["--agent", job.agent_name]
    if job.prompt is not None and not is_prompt_on_stdin:
        argv += ["--prompt", job.prompt]
    if job.type == "start_session" and job.project_dir:
        argv += ["--project-dir", job.project_dir]
    return argv


def _texts(words: list[str]) -> list[Json]:
    return list(words)
