"""`ao up`: runtime, launcher and page for this user, as far as they do not run already."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import urlsplit

from runtime_client.address import RuntimeAddress, data_folder, find_runtime
from runtime_client.client import RuntimeClient
from runtime_client.configured import configured, worded
from runtime_client.errors import RuntimeClientError, RuntimeUnreachableError, UsageError
from runtime_client.exit_codes import ExitCode
from runtime_client.terminal.arguments import Flag
from runtime_client.terminal.command_line import JsonOption, print_json, print_text, warn
from runtime_client.this_host import ended_launcher, host_name
from runtime_client.verbs.background import Background, CannotRunError
from runtime_client.verbs.programs import launcher_command, runtime_command
from runtime_client.wire import JsonObject
from settings_file.environment import with_file
from settings_file.known import FOR_RUNTIME, RUNTIME
from settings_file.reader import file_of_user

START_SECONDS = 60.0
_AGENTS = RUNTIME["agents_dir"].variable
_AGENTS_IN_FOLDER = ".agent-orchestrator/agents"
LOOK_EVERY_SECONDS = 0.2


def main(
    is_opened: Annotated[bool, Flag("--open", "Open the page in this machine's browser.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Start what does not run yet of runtime and launcher, print a link to the page, and stay until Ctrl+C.

    What is killed or breaks meanwhile is started again. With --json one line is printed, when all of it runs.

    The first Ctrl+C lets jobs end, the next one stops them, the one after leaves them to be adopted.
    """
    tell = _silent if as_json else print_text
    home = _Home(configured(os.environ), tell)
    signals = _Signals(home)
    try:
        home.open()
        signals.are_passed_on = True
        link = home.link()
        tell(f"page       {link}")
        if as_json:
            print_json({**home.as_json(), "page": link})
        if is_opened:
            _open(link)
        if home.is_idle:
            return ExitCode.SUCCESS
        tell("end        Ctrl+C")
        return _stay(home, signals, tell)
    except CannotRunError as error:
        warn(str(error))
        return ExitCode.JOB_FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    finally:
        home.close()


class _Home:
    """The runtime and the launcher of this user: which of them we have started, and which ran before."""

    def __init__(self, environment: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._environment = environment
        self._tell = tell
        self.address = _here(find_runtime(environment))
        state = Path(environment.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "agent-orchestrator"
        self.agents = _agents_of(os.environ)
        self.runtime = Background("runtime", state / "runtime.log")
        self.launcher = Background("launcher", state / "launcher.log")

    @property
    def is_idle(self) -> bool:
        """Whether all ran before."""
        return not self.runtime.is_alive and not self.launcher.is_alive

    def client(self) -> RuntimeClient:
        """Somebody who may talk to the runtime, whose token may be new."""
        return RuntimeClient(find_runtime(self._environment))

    def open(self) -> None:
        """Start what is missing.

        Errors:  CannotRunError; RuntimeClientError, of a runtime that runs and cannot be used.
        """
        if not self._answers():
            port = str(urlsplit(self.address.url).port or 80)
            self._tell_of_unused_agents()
            self._start(self.runtime, [*runtime_command(), "--port", port], self._answers, "answer")
        ran = "" if self.runtime.is_alive else "  (runs already)"
        self._tell(f"runtime    {self.address.url}{ran}  (its memory: {data_folder(self._environment)})")
        self._tell(f"launcher   {self._open_launcher()}")

    def _open_launcher(self) -> str:
        found = self._launchers()
        if any(one.get("status") == "alive" for one in found):
            return "runs jobs on this machine  (runs already)"
        if found:
            return "takes no new jobs  (runs already: see 'ao launchers')"
        known = self._registrations()
        is_new = partial(self._has_more_than, known)
        self._start(self.launcher, launcher_command(), is_new, "register with the runtime")
        return f"runs jobs on this machine  (its log: {self.launcher.log})"

    def link(self) -> str:
        """Return a link that lets a browser in once, or the plain address where no login is needed."""
        try:
            with self.client() as client:
                return client.login_link(viewer=False)
        except RuntimeClientError:
            return self.address.url  # one that lets everybody in makes no links

    def as_json(self) -> JsonObject:
        """Say where both are, and the log of what was started here."""
        logs = {one.name: str(one.log) if one.was_started else None for one in (self.runtime, self.launcher)}
        return {
            "runtime": {"url": self.address.url, "started": self.runtime.was_started, "log": logs["runtime"]},
            "launcher": {"started": self.launcher.was_started, "log": logs["launcher"]},
        }

    def begin_again(self) -> None:
        """Start that of ours again which was killed or broke: nobody may be there to do it.

        Errors:  CannotRunError, if it ended otherwise, or would do so again.
        """
        for one in (self.runtime, self.launcher):
            if not one.was_started or one.is_alive:
                continue
            if not one.begin_again():
                raise CannotRunError(f"the {one.name} ended by itself\n{one.last_words()}")
            self._tell(f"{one.name:<10} ended by itself, and was started again  (its log: {one.log})")

    def close(self) -> None:
        """Stop ours: first the launcher, whose last reports the runtime must still hear."""
        self.launcher.stop()
        self.runtime.stop()

    def _start(self, one: Background, command: list[str], is_there: Callable[[], bool], what: str) -> None:
        environment = {**os.environ, _AGENTS: str(self.agents), "AGENT_RUNTIME_URL": self.address.url}
        one.start(command, environment, Path.cwd())
        one.wait_until(is_there, START_SECONDS, what)

    def _tell_of_unused_agents(self) -> None:
        here = Path.cwd() / _AGENTS_IN_FOLDER
        if here.is_dir() and here != self.agents:
            self._tell(f"agents     {self.agents}  (not those in {here}: to use them, say {_AGENTS}={here})")

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                client.health()
        except RuntimeUnreachableError:
            return False
        return True

    def _launchers(self) -> list[JsonObject]:
        """List the launchers that run jobs of others on this machine, as far as anybody can know that."""
        ended = ended_launcher(os.environ)
        return [
            one
            for one in self._known_here()
            if one.get("launcher_id") != ended
            and one.get("status") in {"alive", "draining"}
            and not one.get("only_own_jobs")
        ]

    def _registrations(self) -> set[tuple[object, object]]:
        """Tell all registrations of this machine apart; a launcher that was killed is registered still."""
        return {(one.get("launcher_id"), one.get("epoch")) for one in self._known_here()}

    def _has_more_than(self, known: set[tuple[object, object]]) -> bool:
        return bool(self._registrations() - known)

    def _known_here(self) -> list[JsonObject]:
        here = host_name(os.environ)
        with self.client() as client:
            return [one for one in client.launchers() if one.get("hostname") == here]


class _Signals:
    """Ctrl+C while all is there is passed to the launcher, each time; before that it ends everything."""

    def __init__(self, home: _Home) -> None:
        self.are_passed_on = False
        self.leaving = threading.Event()
        self._home = home
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if not self.are_passed_on:
            raise KeyboardInterrupt
        self._home.launcher.signal(signal.SIGINT)
        self.leaving.set()


def _stay(home: _Home, signals: _Signals, tell: Callable[[str], None]) -> int:
    while not signals.leaving.wait(LOOK_EVERY_SECONDS):
        home.begin_again()
    tell("ending     running jobs are finished first (Ctrl+C again stops them)")
    while not home.launcher.wait(LOOK_EVERY_SECONDS):
        pass
    return ExitCode.SUCCESS


def _agents_of(environment: Mapping[str, str]) -> Path:
    """Return the folder of the user's own agents: what was said, or one that is this user's wherever it is typed.

    The folder in which it is typed may be a stranger's repository, whose blueprints name programs to run.
    """
    with worded():
        said = with_file(environment, FOR_RUNTIME).get(_AGENTS)
    return Path(said).expanduser().absolute() if said else file_of_user(environment).parent / "agents"


def _open(link: str) -> None:
    # Imported late: it looks for all browsers of the machine.
    import webbrowser

    webbrowser.open(link)


def _silent(sentence: str) -> None:
    """Say nothing: a program reads the one line that comes when all runs."""


def _here(address: RuntimeAddress) -> RuntimeAddress:
    if address.is_loopback:
        return address
    raise UsageError(
        f"cannot start a runtime at {address.url!r}: expected an address of this machine, such as"
        " 'http://localhost:8765' (to run jobs of that runtime here, start agent-launcher alone)"
    )
