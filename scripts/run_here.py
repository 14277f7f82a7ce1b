"""`make run`: a runtime and a launcher on this machine, one sample job, and the page to look at; Ctrl+C ends it all."""

import argparse
import os
import shlex
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from runtime_client.address import RuntimeAddress, data_folder, find_runtime
from runtime_client.client import RuntimeClient
from runtime_client.errors import RuntimeClientError
from runtime_client.exit_codes import ExitCode
from runtime_client.models import JobOrder, JobType
from runtime_client.verbs.background import Background, CannotRunError, run_aside
from runtime_client.watching.waiting import Rest, wait_for_rest
from sample_address import DEFAULT_PORT, free_port, refuse_tls, runtime_url

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".run"
SAMPLE_AGENT = "repo-report"
LOOK_EVERY_SECONDS = 0.2
START_SECONDS = 30.0
SAMPLE_SECONDS = 300.0
LINE = "─" * 78


class House:
    """The two processes of `make run`, started and stopped in the right order."""

    def __init__(self, port: int) -> None:
        self.url = runtime_url(port)
        self.environment = {**os.environ, "AGENT_RUNTIME_URL": self.url}
        # A second house beside the first writes beside it, too.
        logs = LOGS if port == DEFAULT_PORT else LOGS / str(port)
        self._runtime = Background("runtime", logs / "runtime.log")
        self._launcher = Background("launcher", logs / "launcher.log")
        self._port = port

    def open(self) -> None:
        """Start the runtime, wait until it answers, then start the launcher and wait until it is known.

        Errors:  CannotRunError, with the last words of the one that failed.
        """
        self._runtime.start(["agent-runtime", "--port", str(self._port)], self.environment, ROOT)
        self._runtime.wait_until(self._answers, START_SECONDS, f"answer at {self.url}")
        say("runtime", f"{self.url}  (its memory: {as_written(data_folder(self.environment))})")
        launcher = str(ROOT / "servers" / "agent-launcher" / "agent-launcher")
        self._launcher.start([sys.executable, launcher], self.environment, ROOT)
        self._launcher.wait_until(self._has_launcher, START_SECONDS, "register with the runtime")
        say("launcher", f"runs jobs on this machine  (its log: {self._launcher.log.relative_to(ROOT)})")

    def client(self) -> RuntimeClient:
        """Somebody who may talk to the runtime."""
        return RuntimeClient(self.address())

    def address(self) -> RuntimeAddress:
        """Where the runtime is, and the token that it made for its user."""
        return find_runtime(self.environment)

    def ask_launcher_to_leave(self) -> None:
        """What the next Ctrl+C means to the launcher: let jobs end, then stop them, then leave them."""
        self._launcher.signal(signal.SIGINT)

    def wait_for_an_end(self, seconds: float) -> bool:
        """Whether one of the two has ended by itself, or does so now."""
        return self._launcher.wait(seconds) or not self._runtime.is_alive

    def close(self) -> None:
        """Stop the launcher, whose last reports the runtime must still hear, and then the runtime."""
        self._launcher.stop()
        self._runtime.stop()

    def last_words(self) -> str:
        """The end of the log of the one that ended by itself."""
        return self._runtime.last_words() if not self._runtime.is_alive else self._launcher.last_words()

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                client.health()
        except RuntimeClientError:
            return False
        return True

    def _has_launcher(self) -> bool:
        with self.client() as client:
            return bool(client.health().get("launchers_alive"))


def as_written(path: Path) -> str:
    """A path as its user would write it."""
    return f"~/{path.relative_to(Path.home())}" if path.is_relative_to(Path.home()) else str(path)


def say(what: str, words: str) -> None:
    """One aligned line."""
    print(f"  {what:<10} {words}", flush=True)


def run_sample(house: House) -> int:
    """Run the sample job on this repository, print its report, and answer its exit status."""
    name = f"{SAMPLE_AGENT}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    order = JobOrder(
        type=JobType.START_SESSION,
        session_name=name,
        agent_name=SAMPLE_AGENT,
        prompt="Report on this repository.",
        project_dir=str(ROOT),
    )
    with house.client() as client:
        client.create_job(order)
        say("sample", f"session '{name}': the agent '{SAMPLE_AGENT}' reads this repository …")
        (rest,) = wait_for_rest(client, [name], any_is_enough=False, timeout_seconds=SAMPLE_SECONDS)
        if rest.exit_code == 0:
            show(client.session_result(name).text)
        else:
            show(f"the sample job ended as '{rest.status}': {why(rest)}")
    return int(rest.exit_code)


def why(rest: Rest) -> str:
    """The reason of a failure, as far as it is known."""
    return rest.error or rest.reason or "no reason given, see the launcher's log"


def show(text: str) -> None:
    """A result between two lines."""
    print(f"\n{LINE}\n{text.strip()}\n{LINE}\n", flush=True)


def serve(house: House, leaving: threading.Event) -> int:
    """Tell where to look, and stay until somebody asks us to leave."""
    say("page", login_link(house))
    say("try", f"{where_it_is(house)}commands/ao-start hello --agent {SAMPLE_AGENT} -p 'Report.'")
    say("end", "Ctrl+C")
    while not leaving.wait(LOOK_EVERY_SECONDS):
        if house.wait_for_an_end(0.0):
            print(f"\ncannot go on: a part of the house ended by itself\n{house.last_words()}", file=sys.stderr)
            return 1
    print("\nEnding: running jobs are finished first (Ctrl+C again stops them) …", flush=True)
    house.ask_launcher_to_leave()
    while not house.wait_for_an_end(LOOK_EVERY_SECONDS):
        pass
    return 0


def where_it_is(house: House) -> str:
    """What a command in another terminal must be told to find this house; nothing for the usual one."""
    told = {} if house.url == runtime_url(DEFAULT_PORT) else {"AGENT_RUNTIME_URL": house.url}
    if folder := os.environ.get("AGENT_RUNTIME_DATA_DIR"):
        told["AGENT_RUNTIME_DATA_DIR"] = os.path.abspath(folder)  # noqa: PTH100 - no link is followed
    return "".join(f"{name}={shlex.quote(value)} " for name, value in told.items())


def login_link(house: House) -> str:
    """A link that lets a browser in once, or the plain address where no login is needed."""
    said = run_aside(["agent-runtime", "login-link"], house.environment, ROOT)
    return next((word for word in said.split() if word.startswith("http")), house.url)


def on_signals(house: House, leaving: threading.Event, is_serving: threading.Event) -> None:
    """Ctrl+C while serving is passed to the launcher, each time; before that it just ends everything."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        if not is_serving.is_set():
            raise KeyboardInterrupt
        if leaving.is_set():
            house.ask_launcher_to_leave()
        leaving.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)


def live(house: House, *, once: bool) -> int:
    """Open, run the sample, serve; whatever happens, nothing is left behind."""
    leaving, is_serving = threading.Event(), threading.Event()
    on_signals(house, leaving, is_serving)
    try:
        house.open()
        status = run_sample(house)
        if once:
            return status
        is_serving.set()
        return serve(house, leaving)
    except KeyboardInterrupt:
        print("\nEnding …", flush=True)
        house.ask_launcher_to_leave()
        return int(ExitCode.INTERRUPTED)
    except (CannotRunError, RuntimeClientError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        is_serving.set()
        house.close()


def main() -> int:
    """The exit status for make."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the sample job, with its exit status")
    wanted = parser.parse_args()
    print("\nAgent Orchestrator\n", flush=True)
    try:
        refuse_tls(os.environ)
        house = House(free_port(os.environ))
    except CannotRunError as error:
        print(error, file=sys.stderr)
        return 1
    return live(house, once=wanted.once)


if __name__ == "__main__":
    sys.exit(main())
