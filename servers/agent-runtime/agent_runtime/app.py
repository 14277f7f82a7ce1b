"""Builds the runtime out of its parts and runs it; the only file that knows them all."""

import gc
import json
import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry

from agent_runtime.data_dir import DataDir
from agent_runtime.databases import OpenDatabase, Secrets, chosen, retention_of, secrets_of, unopened
from agent_runtime.domain.job import Job
from agent_runtime.domain.limits import Limits
from agent_runtime.domain.webhook_targets import Targets
from agent_runtime.http.access import AccessRoutes
from agent_runtime.http.agents import AgentRoutes
from agent_runtime.http.callbacks import CallbackRoutes
from agent_runtime.http.changes import ChangesRoutes
from agent_runtime.http.direct import DirectCalls
from agent_runtime.http.door.audit import AuditedRequests
from agent_runtime.http.door.auth import Authenticator, KnownToken
from agent_runtime.http.door.cookies import cookie_name
from agent_runtime.http.door.guard import AllowedHosts, Guard
from agent_runtime.http.door.query import refuse_unknown_query
from agent_runtime.http.door.rate_limit import RateLimit
from agent_runtime.http.door.rules import RuleBook
from agent_runtime.http.door.server import WebServer, Wire, bind, url_of
from agent_runtime.http.events import EventRoutes
from agent_runtime.http.health import DatabaseHealth, HealthRoutes
from agent_runtime.http.holds import HoldRoutes
from agent_runtime.http.jobs import JobRoutes, nothing
from agent_runtime.http.launchers import LauncherRoutes
from agent_runtime.http.logins import LoginRoutes
from agent_runtime.http.messages import MessageRoutes
from agent_runtime.http.metrics import MetricRoutes
from agent_runtime.http.overview import OverviewRoutes
from agent_runtime.http.page_files import Pages
from agent_runtime.http.pruning import PruneRoutes
from agent_runtime.http.questions import QuestionRoutes
from agent_runtime.http.sessions import SessionRoutes
from agent_runtime.http.stream.live import LiveStream
from agent_runtime.http.stream.routes import StreamRoutes
from agent_runtime.http.trees import TreeRoutes
from agent_runtime.http.webhooks import WebhookRoutes
from agent_runtime.http.wire.answers import install_error_answers
from agent_runtime.log_lines import log_to_stderr
from agent_runtime.metrics.exposition import write_openmetrics
from agent_runtime.metrics.gauges import Gauges
from agent_runtime.metrics.tally import Tally
from agent_runtime.outside.calling import Outside
from agent_runtime.services.access.audit import AuditTrail
from agent_runtime.services.access.callers import Caller, Role, SessionTokens
from agent_runtime.services.agents.catalogue import Agents
from agent_runtime.services.families.consequences import FamilyStore
from agent_runtime.services.jobs.queue_limits import QueueGauge, QueueLimits
from agent_runtime.services.launchers.log_readers import LogReaders
from agent_runtime.services.launchers.parked_polls import ParkedPolls
from agent_runtime.services.numbers import Numbers
from agent_runtime.services.ports.families import Moved
from agent_runtime.services.ports.store import Announcement, Store
from agent_runtime.services.questions.answer_readers import AnswerReaders
from agent_runtime.settings import AuthMode, Settings, UnusableSettingError
from agent_runtime.traces.switch import are_wanted
from agent_runtime.upkeep.background import Background
from agent_runtime.upkeep.families import FamilyUpkeep
from agent_runtime.upkeep.other_runtimes import OtherRuntimes
from agent_runtime.upkeep.reconcile import Reconcile
from agent_runtime.upkeep.retention import RetentionUpkeep
from agent_runtime.upkeep.scheduler import SLEEPS_AT_MOST, SLEEPS_AT_MOST_AMONG_OTHERS, Upkeep
from agent_runtime.upkeep.search_index import SearchIndex
from agent_runtime.upkeep.traces import Traces
from agent_runtime.upkeep.webhooks import WebhookUpkeep
from agent_runtime.version import VERSION

log = logging.getLogger(__name__)

# A private umask: the database's own side files are made by SQLite and get it too.
_PRIVATE = 0o077


class Runtime:
    """All parts of one runtime, built and connected.

    It owns what it built: `close` after the last request.
    """

    def __init__(
        self, settings: Settings, port: int, open_database: OpenDatabase, read_secrets: Callable[[], Secrets]
    ) -> None:
        self._settings = settings
        self._port = port
        self.polls = ParkedPolls()
        self.log_readers = LogReaders()
        self.answer_readers = AnswerReaders()
        self.agents = Agents(settings.shipped_agents_dir, settings.agents_dir, settings.retries)
        self._database = open_database(secrets.token_bytes, self._announce)
        self.secrets = read_secrets()
        self.session_tokens = SessionTokens(self.secrets.session_key)
        self._counted = CollectorRegistry()
        self._tally = Tally(self._counted)
        self.store = FamilyStore(self._database.store, self._hear)
        self._traces = traces_if_wanted(self.store, os.environ)
        self.live = LiveStream(self.store)
        self.audit = AuditTrail(self.store)
        self.families = FamilyUpkeep(self.store)
        lease = timedelta(seconds=settings.heartbeat_timeout_seconds)
        watch = self._database.watch
        self.upkeep = Upkeep(self.store, lease, SLEEPS_AT_MOST if watch is None else SLEEPS_AT_MOST_AMONG_OTHERS)
        self.search_index = SearchIndex(self.store)
        self._targets = Targets.of(settings.webhook_targets)
        patience = settings.webhook_timeout_seconds
        self.webhooks = WebhookUpkeep(
            self.store, Outside(self._targets, patience), patience, page_url=settings.page_url
        )
        pruning = RetentionUpkeep(self.store, retention_of(settings))
        self._background: list[Background] = [
            self.upkeep,
            self.families,
            pruning,
            Reconcile(self.store),
            self.search_index,
            self.webhooks,
        ]
        if watch is not None:
            self._background.insert(0, OtherRuntimes(watch))
        if self._traces is not None:
            self._background.append(self._traces)
        self._jobs = JobRoutes(
            self.store,
            self.agents.needs,
            self.log_readers,
            settings.default_agent,
            self._gauge(),
            # Only one writer shares its commits; several connections would look before there is anything to see.
            self.polls.expect_job if self._database.watch is None else nothing,
            Limits(settings.tree_depth_max, settings.children_max, settings.tree_sessions_max),
            tell_order=self._traces.ordered if self._traces is not None else None,
        )
        self._launchers = LauncherRoutes(
            self.store, self.polls, self.session_tokens, settings.poll_timeout_seconds, self._traceparent
        )
        self._sessions = SessionRoutes(self.store, self.live, self.polls.is_parked, self.agents)
        self._events = EventRoutes(self.store)
        self.api = self._api()
        self.direct = DirectCalls(self._jobs, self._launchers, self._sessions, self._events)

    def close(self) -> None:
        """Finish what was accepted."""
        self._database.store.close()

    def leave(self) -> None:
        """Answer those who wait for something to happen: nothing will."""
        self.polls.end_all()
        self.log_readers.end_all()
        self.answer_readers.end_all()
        self.live.end()

    def _hear(self, seconds: float, moved: Sequence[Moved]) -> None:
        self._tally.commit(seconds, moved)
        if log.isEnabledFor(logging.DEBUG):
            for one in moved:
                log.debug("job moved", extra=_facts(one))
        if self._traces is not None:
            self._traces.hear(moved)

    def _traceparent(self, job: Job) -> str | None:
        return self._traces.traceparent(job) if self._traces is not None else None

    def _announce(self, news: Announcement) -> None:
        # First those who start jobs, then those who watch.
        self.polls.hear(news)
        self.log_readers.hear(news)
        self.answer_readers.hear(news)
        self.live.announce(news)
        self.upkeep.hear(news)
        self.families.hear(news)
        self.search_index.hear(news)
        self.webhooks.hear(news)

    def _in_numbers(self, numbers: Numbers) -> bytes:
        return write_openmetrics(self._counted, Gauges(numbers, len(self.polls)))

    def _gauge(self) -> QueueGauge:
        settings = self._settings
        return QueueGauge(QueueLimits(settings.waiting_max, settings.waiting_of_session_max))

    def _api(self) -> FastAPI:
        app = FastAPI(
            title="Agent Runtime",
            version=VERSION,
            description="No text of a request, wherever it stands, may hold NUL or half of a surrogate pair.",
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            dependencies=[Depends(refuse_unknown_query)],
            lifespan=self._lifespan,
        )
        install_error_answers(app)
        database = self._database
        path = str(database.path) if database.path is not None else None
        engine = DatabaseHealth(engine=database.engine, version=database.version, path=path)
        for routes in (
            HealthRoutes(self.store, database.trouble, VERSION, engine, time.monotonic()),
            self._jobs,
            HoldRoutes(self.store),
            PruneRoutes(self.store),
            AccessRoutes(self.store),
            LoginRoutes(self.store, self._port),
            self._launchers,
            self._sessions,
            self._events,
            ChangesRoutes(self.store, self.log_readers),
            TreeRoutes(self.store),
            MessageRoutes(self.store),
            CallbackRoutes(self.store),
            QuestionRoutes(self.store, self.agents.needs, self.answer_readers),
            WebhookRoutes(self.store, self._targets),
            StreamRoutes(self.store, self.live),
            AgentRoutes(self.store, self.agents),
            OverviewRoutes(self.store),
            MetricRoutes(self.store, self._in_numbers),
        ):
            app.include_router(routes.router())
        return app

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        self.audit.start()
        for part in self._background:
            part.start()
        try:
            yield
        finally:
            await self.audit.stop()
            for part in reversed(self._background):
                await part.stop()


def _facts(moved: Moved) -> dict[str, object]:
    job = moved.after
    return {
        "job_id": job.id,
        "attempt": job.attempt,
        "session": job.session_name,
        "from_status": moved.before.status.value,
        "status": job.status.value,
        "reason": job.reason,
    }


def traces_if_wanted(store: Store, environment: Mapping[str, str]) -> Traces | None:
    """Build what tells a tracing system, if it was asked for.

    Errors:  UnusableSettingError, where its packages are not installed.
    """
    if not are_wanted(environment):
        return None
    try:
        from agent_runtime.traces.export import Exporter
    except ImportError as error:
        raise UnusableSettingError(
            "cannot send traces, which the OTEL_… variables ask for: the packages of OpenTelemetry are not installed "
            "(install 'ao-agents[traces]', or set OTEL_TRACES_EXPORTER=none)"
        ) from error
    return Traces(store, Exporter())


def serve(settings: Settings) -> None:
    """Run until a signal comes.

    Errors:  UnusableSettingError, before anything was started.
    """
    log_to_stderr(settings.log_level, settings.log_format)
    os.umask(_PRIVATE)
    data_dir = DataDir(settings.data_dir)
    data_dir.open()
    try:
        _serve_from(settings, data_dir)
    finally:
        data_dir.close()


def _serve_from(settings: Settings, data_dir: DataDir) -> None:
    patience = settings.request_timeout_seconds
    wire = Wire(settings.tls_cert, settings.tls_key, settings.trusted_proxies, patience)
    wire.check()
    listener = bind(settings.host, settings.port)
    port = int(listener.getsockname()[1])
    url = url_of(listener, wire.scheme)
    runtime = Runtime(settings, port, chosen(settings, data_dir), lambda: secrets_of(settings, data_dir))
    known = (KnownToken(runtime.secrets.token.encode(), Caller(Role.USER, "user")),)
    guard = Guard(
        runtime.api,
        Pages(settings.dashboard_dir),
        runtime.direct.answer,
        RuleBook(),
        Authenticator(runtime.store, known if settings.auth is AuthMode.TOKEN else None, runtime.session_tokens),
        AllowedHosts(settings.host, settings.allowed_hosts),
        AuditedRequests(runtime.audit.note),
        cookie_name(port),
        RateLimit(settings.requests_per_second),
        patience,
    )

    def say_ready() -> None:
        # What is loaded by now stays: a collection that looked through it would hold up every call meanwhile.
        gc.collect()
        gc.freeze()
        sys.stdout.write(f"agent-runtime ready at {url} (data {data_dir.path}, auth {settings.auth})\n")
        sys.stdout.flush()

    try:
        # Before anything is served, so that a disk that takes nothing ends it in order; who calls by now, waits.
        data_dir.announce(url, settings.tls_cert)
        WebServer(guard, listener, say_ready, runtime.leave, wire).serve_until_signalled()
    finally:
        runtime.close()


def openapi(settings: Settings) -> str:
    """Write the OpenAPI document, without a database or a port."""
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(settings, settings.port, unopened(Path(folder) / "runtime.db"), lambda: Secrets("", b""))
        return json.dumps(runtime.api.openapi(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"
