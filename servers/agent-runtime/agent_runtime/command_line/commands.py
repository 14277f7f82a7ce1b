"""The command `agent-runtime`: its flags, their environment variables, and its sub-commands."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Never

import typer

from agent_runtime.command_line.access_commands import add_access_commands
from agent_runtime.command_line.service_command import add_service_command
from agent_runtime.domain.errors import Problem, Unusable
from agent_runtime.domain.json import Json
from agent_runtime.domain.retries import retries_in
from agent_runtime.log_lines import LogFormat
from agent_runtime.settings import (
    PATIENCE_SECONDS,
    WEBHOOK_TIMEOUT_SECONDS,
    AuthMode,
    Settings,
    UnusableSettingError,
    shipped_folder,
)
from agent_runtime.version import VERSION
from settings_file.known import FOR_RUNTIME
from settings_file.reader import SettingsFileError, file_of_user, settings_in

EXIT_FAILED = 1
EXIT_USAGE = 2


def _say_version(is_asked: bool) -> None:
    if is_asked:
        sys.stdout.write(f"agent-runtime {VERSION}\n")
        raise typer.Exit


Host = Annotated[str, typer.Option(envvar="AGENT_RUNTIME_HOST", help="address to listen on")]
Port = Annotated[int, typer.Option(envvar="AGENT_RUNTIME_PORT", min=0, max=65535, help="0 takes a free one")]
DataDirectory = Annotated[
    Path | None,
    typer.Option(envvar="AGENT_RUNTIME_DATA_DIR", help="database and tokens; default: ~/.local/share/agent-runtime"),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(envvar="AGENT_RUNTIME_DATABASE_URL", help="PostgreSQL, instead of a file in the data folder"),
]
Auth = Annotated[AuthMode, typer.Option(envvar="AGENT_RUNTIME_AUTH", help="'none' is for this machine only")]
PollTimeout = Annotated[
    float, typer.Option(envvar="LAUNCHER_POLL_TIMEOUT", help="seconds that a launcher's poll waits for news")
]
HeartbeatTimeout = Annotated[
    float, typer.Option(envvar="LAUNCHER_HEARTBEAT_TIMEOUT", help="seconds until a silent launcher is lost")
]
AgentsDirectory = Annotated[Path, typer.Option(envvar="AGENT_RUNTIME_AGENTS_DIR", help="your own agent blueprints")]
ShippedAgentsDirectory = Annotated[
    Path | None,
    typer.Option(envvar="AGENT_RUNTIME_SHIPPED_AGENTS_DIR", help="the blueprints that came with this installation"),
]
DashboardDirectory = Annotated[
    Path | None, typer.Option(envvar="AGENT_RUNTIME_DASHBOARD_DIR", help="the web page's files")
]
DefaultAgent = Annotated[
    str | None, typer.Option(envvar="AGENT_RUNTIME_DEFAULT_AGENT", help="the agent of jobs that name none")
]
AllowedHostNames = Annotated[
    str, typer.Option(envvar="AGENT_RUNTIME_ALLOWED_HOSTS", help="further names of this host, with commas between")
]
KeepDays = Annotated[
    float, typer.Option(envvar="AGENT_RUNTIME_KEEP_DAYS", min=0, help="days that what is over is kept; 0: for ever")
]
KeepGigabytes = Annotated[
    float, typer.Option(envvar="AGENT_RUNTIME_KEEP_GIGABYTES", min=0, help="above it the oldest goes sooner; 0: never")
]
QueueMax = Annotated[int, typer.Option(envvar="AGENT_RUNTIME_QUEUE_MAX", min=1, help="how many jobs may wait")]
SessionQueueMax = Annotated[
    int, typer.Option(envvar="AGENT_RUNTIME_SESSION_QUEUE_MAX", min=1, help="how many jobs of one session may wait")
]
RetriesText = Annotated[
    str,
    typer.Option(
        envvar="AGENT_RUNTIME_RETRIES",
        help="further tries of jobs by class of failure, such as 'infrastructure=3,network=5,quota=until_reset'",
    ),
]
TreeDepthMax = Annotated[
    int,
    typer.Option(envvar="AGENT_RUNTIME_TREE_DEPTH_MAX", min=1, help="levels below a tree's root, if nobody says more"),
]
ChildrenMax = Annotated[
    int, typer.Option(envvar="AGENT_RUNTIME_CHILDREN_MAX", min=1, help="children of one session, in the same way")
]
TreeSessionsMax = Annotated[
    int,
    typer.Option(envvar="AGENT_RUNTIME_TREE_SESSIONS_MAX", min=1, max=5000, help="sessions of one tree, likewise"),
]
RequestsPerSecond = Annotated[
    float,
    typer.Option(envvar="AGENT_RUNTIME_REQUESTS_PER_SECOND", min=0, help="of one token; an agent's 5 %; 0: no limit"),
]
TlsCert = Annotated[
    Path | None, typer.Option(envvar="AGENT_RUNTIME_TLS_CERT", help="serve HTTPS with this certificate (PEM, chain)")
]
TlsKey = Annotated[Path | None, typer.Option(envvar="AGENT_RUNTIME_TLS_KEY", help="the certificate's key (PEM)")]
TrustedProxies = Annotated[
    str,
    typer.Option(envvar="AGENT_RUNTIME_TRUSTED_PROXIES", help="addresses whose X-Forwarded headers are believed"),
]
RequestTimeout = Annotated[
    float, typer.Option(envvar="AGENT_RUNTIME_REQUEST_TIMEOUT", help="seconds for a request's head, and for its body")
]
WebhookTargets = Annotated[
    str,
    typer.Option(envvar="AGENT_RUNTIME_WEBHOOK_TARGETS", help="hosts that webhooks may call, and networks inside"),
]
WebhookTimeout = Annotated[
    float, typer.Option(envvar="AGENT_RUNTIME_WEBHOOK_TIMEOUT", help="seconds for one attempt at a webhook")
]
PageUrl = Annotated[
    str,
    typer.Option(envvar="AGENT_RUNTIME_PAGE_URL", help="where people reach the page, for links in news"),
]
LogLevel = Annotated[str, typer.Option(envvar="AGENT_RUNTIME_LOG_LEVEL", help="DEBUG, INFO, WARNING or ERROR")]
Version = Annotated[bool, typer.Option("--version", callback=_say_version, is_eager=True, help="print it and exit")]
LogForm = Annotated[LogFormat, typer.Option("--log-format", envvar="AGENT_RUNTIME_LOG_FORMAT", help="text, or json")]


def command_line(*, serve: Callable[[Settings], None], openapi: Callable[[Settings], str]) -> Callable[[], None]:
    """Build the command out of what it can do; each part is loaded when it is needed."""
    commands = typer.Typer(
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "default_map": _from_file()},
        help="Remembers jobs, sessions and events of your agents, and hands the jobs to launchers.",
        pretty_exceptions_enable=False,
    )
    commands.callback(invoke_without_command=True)(_reading_settings(serve))

    @commands.command("openapi")
    def print_openapi(context: typer.Context) -> None:
        """Print the OpenAPI document of the HTTP interface."""
        sys.stdout.write(openapi(context.obj))

    @commands.command("backup")
    def backup_database(context: typer.Context, file: Path) -> None:
        """Copy the database to FILE, also while a runtime uses it."""
        from agent_runtime.command_line import database_tasks

        _do(lambda: database_tasks.backup(context.obj, file.absolute()))

    @commands.command("restore")
    def restore_database(context: typer.Context, file: Path) -> None:
        """Put a backup in the place of the database; the old one stays beside it."""
        from agent_runtime.command_line import database_tasks

        _do(lambda: database_tasks.restore(context.obj, file.absolute()))

    @commands.command("prune")
    def prune_database(context: typer.Context) -> None:
        """Remove now what is older or more than the settings keep; through the runtime, if one is running."""
        from agent_runtime.command_line import database_tasks

        _do(lambda: database_tasks.prune(context.obj))

    add_access_commands(commands, _do)
    add_service_command(commands, _do)
    return commands


def _from_file() -> dict[str, str]:
    """Return what the user's file says of this program; the names of its settings are those of the flags."""
    try:
        return settings_in(file_of_user(os.environ), FOR_RUNTIME).get("runtime", {})
    except SettingsFileError as error:
        sys.stderr.write(f"agent-runtime: {error}\n")
        sys.exit(EXIT_USAGE)


def _do(task: Callable[[], str]) -> None:
    try:
        sys.stdout.write(f"{task()}\n")
    except (UnusableSettingError, Problem) as error:
        _leave(error, EXIT_FAILED)


def _reading_settings(serve: Callable[[Settings], None]) -> Callable[..., None]:
    """Wrap the options of `_read_settings` into what typer calls first."""

    @wraps(_read_settings)
    def run(context: typer.Context, **given: object) -> None:
        _read_settings(context, **given)  # type: ignore[arg-type]  # typer has made them by the same signature
        if context.invoked_subcommand is None:
            _serve(serve, context.obj)

    return run


def _read_settings(
    context: typer.Context,
    host: Host = "127.0.0.1",
    port: Port = 8765,
    data_dir: DataDirectory = None,
    database_url: DatabaseUrl = None,
    auth: Auth = AuthMode.TOKEN,
    poll_timeout: PollTimeout = 30.0,
    heartbeat_timeout: HeartbeatTimeout = 120.0,
    agents_dir: AgentsDirectory = Path(".agent-orchestrator/agents"),
    shipped_agents_dir: ShippedAgentsDirectory = None,
    dashboard_dir: DashboardDirectory = None,
    default_agent: DefaultAgent = None,
    allowed_hosts: AllowedHostNames = "",
    log_level: LogLevel = "INFO",
    log_format: LogForm = LogFormat.TEXT,
    keep_days: KeepDays = 30.0,
    keep_gigabytes: KeepGigabytes = 10.0,
    queue_max: QueueMax = 200_000,
    session_queue_max: SessionQueueMax = 1_000,
    retries: RetriesText = "",
    tree_depth_max: TreeDepthMax = 8,
    children_max: ChildrenMax = 100,
    tree_sessions_max: TreeSessionsMax = 500,
    requests_per_second: RequestsPerSecond = 5_000.0,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    trusted_proxies: TrustedProxies = "",
    request_timeout: RequestTimeout = PATIENCE_SECONDS,
    webhook_targets: WebhookTargets = "",
    webhook_timeout: WebhookTimeout = WEBHOOK_TIMEOUT_SECONDS,
    page_url: PageUrl = "",
    _version: Version = False,
) -> None:
    settings = Settings(
        host=host,
        port=port,
        data_dir=(data_dir or _default_data_dir()).absolute(),
        database_url=database_url,
        auth=auth,
        poll_timeout_seconds=poll_timeout,
        heartbeat_timeout_seconds=heartbeat_timeout,
        agents_dir=agents_dir.absolute(),
        shipped_agents_dir=(shipped_agents_dir or shipped_folder() / "agents").absolute(),
        dashboard_dir=(dashboard_dir or shipped_folder() / "dashboard").absolute(),
        default_agent=default_agent,
        log_level=log_level.upper(),
        log_format=log_format,
        keep_days=keep_days,
        keep_gigabytes=keep_gigabytes,
        waiting_max=queue_max,
        waiting_of_session_max=session_queue_max,
        tree_depth_max=tree_depth_max,
        children_max=children_max,
        tree_sessions_max=tree_sessions_max,
        requests_per_second=requests_per_second,
        request_timeout_seconds=request_timeout,
    )
    own = _with_tls(settings, tls_cert, tls_key)
    context.obj = _with_others(own, trusted_proxies, allowed_hosts, retries, webhook_targets, webhook_timeout, page_url)


def _with_tls(settings: Settings, cert: Path | None, key: Path | None) -> Settings:
    return replace(
        settings,
        tls_cert=cert.absolute() if cert is not None else None,
        tls_key=key.absolute() if key is not None else None,
    )


def _with_others(
    settings: Settings,
    trusted_proxies: str,
    allowed_hosts: str,
    retries: str,
    webhook_targets: str,
    webhook_timeout: float,
    page_url: str,
) -> Settings:
    """Add whom it trusts, what is tried again, whom it may call, and where it is reached."""
    return replace(
        settings,
        trusted_proxies=_listed(trusted_proxies),
        allowed_hosts=_listed(allowed_hosts),
        retries=_retries(retries),
        webhook_targets=_listed(webhook_targets),
        webhook_timeout_seconds=webhook_timeout,
        page_url=page_url,
    )


def _retries(text: str) -> Mapping[str, Json]:
    try:
        return retries_in(text)
    except ValueError as error:
        _leave(error, EXIT_USAGE)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _default_data_dir() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "agent-runtime"


def _serve(serve: Callable[[Settings], None], settings: Settings) -> None:
    try:
        settings.check()
    except UnusableSettingError as error:
        _leave(error, EXIT_USAGE)
    if settings.auth is AuthMode.NONE:
        sys.stderr.write("agent-runtime: warning: '--auth none' lets every program of this machine run jobs\n")
    try:
        serve(settings)
    except (UnusableSettingError, Unusable) as error:
        _leave(error, EXIT_FAILED)


def _leave(error: Exception, code: int) -> Never:
    sys.stderr.write(f"agent-runtime: {error}\n")
    raise typer.Exit(code)
