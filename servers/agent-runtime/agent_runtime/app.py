"""Builds the runtime out of its parts and runs it; the only file that knows them all."""

import json
import os
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI

from agent_runtime.command_line import command_line
from agent_runtime.data_dir import DataDir
from agent_runtime.domain.ids import RandomBytes
from agent_runtime.http.agents import AgentRoutes
from agent_runtime.http.auth import Authenticator, KnownToken
from agent_runtime.http.callbacks import CallbackRoutes
from agent_runtime.http.errors import install_error_answers
from agent_runtime.http.event_stream import StreamRoutes
from agent_runtime.http.events import EventRoutes
from agent_runtime.http.guard import AllowedHosts, Guard
from agent_runtime.http.health import DatabaseHealth, HealthRoutes
from agent_runtime.http.jobs import JobRoutes
from agent_runtime.http.launchers import LauncherRoutes
from agent_runtime.http.live import LiveStream
from agent_runtime.http.messages import MessageRoutes
from agent_runtime.http.overview import OverviewRoutes
from agent_runtime.http.rules import RuleBook
from agent_runtime.http.server import WebServer, bind, url_of
from agent_runtime.http.sessions import SessionRoutes
from agent_runtime.http.static import Pages
from agent_runtime.http.trees import TreeRoutes
from agent_runtime.log_lines import log_to_stderr
from agent_runtime.services.access import Caller, Role, SessionTokens
from agent_runtime.services.aftermath import FamilyStore
from agent_runtime.services.agents import Agents
from agent_runtime.services.log_readers import LogReaders
from agent_runtime.services.parked_polls import ParkedPolls
from agent_runtime.services.ports import Announcement, Announcer
from agent_runtime.settings import AuthMode, Settings
from agent_runtime.store.clock import Clock, SystemClock
from agent_runtime.store.opening import open_sqlite
from agent_runtime.store.sqlite import SqliteStore
from agent_runtime.upkeep.families import FamilyUpkeep
from agent_runtime.upkeep.scheduler import Upkeep

OpenStore = Callable[[Path, Clock, RandomBytes, Announcer], SqliteStore]

# A private umask: the database's own side files are made by SQLite and get it too.
_PRIVATE = 0o077


class Runtime:
    """All parts of one runtime, built and connected.

    It owns what it built: `close` after the last request.
    """

    def __init__(
        self, settings: Settings, database: Path, open_store: OpenStore, session_tokens: SessionTokens
    ) -> None:
        self._settings = settings
        self._database = database
        self.polls = ParkedPolls()
        self.log_readers = LogReaders()
        self.agents = Agents(settings.shipped_agents_dir, settings.agents_dir)
        self.session_tokens = session_tokens
        self._rows = open_store(database, SystemClock(), secrets.token_bytes, self._announce)
        self.store = FamilyStore(self._rows)
        self.live = LiveStream(self.store)
        self.families = FamilyUpkeep(self.store)
        self.upkeep = Upkeep(self.store, timedelta(seconds=settings.heartbeat_timeout_seconds))
        self.api = self._api()

    def close(self) -> None:
        """Finish what was accepted."""
        self._rows.close()

    def leave(self) -> None:
        """Answer those who wait for something to happen: nothing will."""
        self.polls.end_all()
        self.log_readers.end_all()
        self.live.end()

    def _announce(self, news: Announcement) -> None:
        # First those who start jobs, then those who watch.
        self.polls.hear(news)
        self.log_readers.hear(news)
        self.live.announce(news)
        self.upkeep.hear(news)
        self.families.hear(news)

    def _api(self) -> FastAPI:
        app = FastAPI(
            title="Agent Runtime",
            version=version("agent-runtime"),
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=self._lifespan,
        )
        install_error_answers(app)
        engine = DatabaseHealth(engine="sqlite", version=sqlite3.sqlite_version, path=str(self._database))
        for routes in (
            HealthRoutes(self.store, version("agent-runtime"), engine, time.monotonic()),
            JobRoutes(self.store, self.agents.needs, self.log_readers, self._settings.default_agent),
            LauncherRoutes(self.store, self.polls, self.session_tokens, self._settings.poll_timeout_seconds),
            SessionRoutes(self.store, self.live, self.polls.is_parked),
            EventRoutes(self.store),
            TreeRoutes(self.store),
            MessageRoutes(self.store),
            CallbackRoutes(self.store),
            StreamRoutes(self.store, self.live),
            AgentRoutes(self.store, self.agents),
            OverviewRoutes(self.store),
        ):
            app.include_router(routes.router())
        return app

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        self.upkeep.start()
        self.families.start()
        try:
            yield
        finally:
            await self.families.stop()
            await self.upkeep.stop()


def serve(settings: Settings) -> None:
    """Run until a signal comes.

    Errors:  UnusableSettingError, before anything was started.
    """
    log_to_stderr(settings.log_level)
    os.umask(_PRIVATE)
    data_dir = DataDir(settings.data_dir)
    data_dir.open()
    try:
        _serve_from(settings, data_dir)
    finally:
        data_dir.close()


def _serve_from(settings: Settings, data_dir: DataDir) -> None:
    listener = bind(settings.host, settings.port)
    runtime = Runtime(settings, data_dir.database, open_sqlite, SessionTokens(data_dir.session_key()))
    known = (KnownToken(data_dir.token().encode(), Caller(Role.USER, "user")),)
    guard = Guard(
        runtime.api,
        Pages(settings.dashboard_dir),
        RuleBook(),
        Authenticator(runtime.store, known if settings.auth is AuthMode.TOKEN else None, runtime.session_tokens),
        AllowedHosts(settings.host, settings.allowed_hosts),
    )

    def say_ready() -> None:
        sys.stdout.write(f"agent-runtime ready at {url_of(listener)} (data {data_dir.path}, auth {settings.auth})\n")
        sys.stdout.flush()

    try:
        WebServer(guard, listener, say_ready, runtime.leave).serve_until_signalled()
    finally:
        runtime.close()


def openapi(settings: Settings) -> str:
    """Write the OpenAPI document, without a database or a port."""
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(settings, Path(folder) / "runtime.db", SqliteStore, SessionTokens(b""))
        return json.dumps(runtime.api.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Run the command `agent-runtime`."""
    command_line(serve=serve, openapi=openapi)()
