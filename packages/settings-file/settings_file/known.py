"""Every setting that the file may hold, by the sections of our programs."""

from collections.abc import Mapping

from settings_file.key import Key, Keys, Kind

CONNECTION: Mapping[str, Key] = {
    "url": Key("AGENT_RUNTIME_URL"),
    "token": Key("AGENT_RUNTIME_TOKEN", is_secret=True),
    "ca_file": Key("AGENT_RUNTIME_CA_FILE", Kind.PATH),
}
START: Mapping[str, Key] = {
    "agent": Key("AGENT_START_AGENT"),
    "labels": Key("AGENT_START_LABELS", Kind.PAIRS),
    "limits": Key("AGENT_START_LIMITS", Kind.PAIRS),
    "timeout": Key("AGENT_START_TIMEOUT"),
}
RUNTIME: Mapping[str, Key] = {
    "host": Key("AGENT_RUNTIME_HOST"),
    "port": Key("AGENT_RUNTIME_PORT", Kind.WHOLE),
    "data_dir": Key("AGENT_RUNTIME_DATA_DIR", Kind.PATH),
    "database_url": Key("AGENT_RUNTIME_DATABASE_URL", is_secret=True),
    "auth": Key("AGENT_RUNTIME_AUTH"),
    "poll_timeout": Key("LAUNCHER_POLL_TIMEOUT", Kind.NUMBER),
    "heartbeat_timeout": Key("LAUNCHER_HEARTBEAT_TIMEOUT", Kind.NUMBER),
    "agents_dir": Key("AGENT_RUNTIME_AGENTS_DIR", Kind.PATH),
    "shipped_agents_dir": Key("AGENT_RUNTIME_SHIPPED_AGENTS_DIR", Kind.PATH),
    "dashboard_dir": Key("AGENT_RUNTIME_DASHBOARD_DIR", Kind.PATH),
    "default_agent": Key("AGENT_RUNTIME_DEFAULT_AGENT"),
    "allowed_hosts": Key("AGENT_RUNTIME_ALLOWED_HOSTS", Kind.TEXTS),
    "log_level": Key("AGENT_RUNTIME_LOG_LEVEL"),
    "log_format": Key("AGENT_RUNTIME_LOG_FORMAT"),
    "keep_days": Key("AGENT_RUNTIME_KEEP_DAYS", Kind.NUMBER),
    "keep_gigabytes": Key("AGENT_RUNTIME_KEEP_GIGABYTES", Kind.NUMBER),
    "queue_max": Key("AGENT_RUNTIME_QUEUE_MAX", Kind.WHOLE),
    "session_queue_max": Key("AGENT_RUNTIME_SESSION_QUEUE_MAX", Kind.WHOLE),
    "retries": Key("AGENT_RUNTIME_RETRIES", Kind.PAIRS),
    "tree_depth_max": Key("AGENT_RUNTIME_TREE_DEPTH_MAX", Kind.WHOLE),
    "children_max": Key("AGENT_RUNTIME_CHILDREN_MAX", Kind.WHOLE),
    "tree_sessions_max": Key("AGENT_RUNTIME_TREE_SESSIONS_MAX", Kind.WHOLE),
    "requests_per_second": Key("AGENT_RUNTIME_REQUESTS_PER_SECOND", Kind.NUMBER),
    "tls_cert": Key("AGENT_RUNTIME_TLS_CERT", Kind.PATH),
    "tls_key": Key("AGENT_RUNTIME_TLS_KEY", Kind.PATH),
    "trusted_proxies": Key("AGENT_RUNTIME_TRUSTED_PROXIES", Kind.TEXTS),
    "request_timeout": Key("AGENT_RUNTIME_REQUEST_TIMEOUT", Kind.NUMBER),
    "webhook_targets": Key("AGENT_RUNTIME_WEBHOOK_TARGETS", Kind.TEXTS),
    "webhook_timeout": Key("AGENT_RUNTIME_WEBHOOK_TIMEOUT", Kind.NUMBER),
    "page_url": Key("AGENT_RUNTIME_PAGE_URL"),
}
LAUNCHER: Mapping[str, Key] = {
    "name": Key("AGENT_LAUNCHER_NAME"),
    "labels": Key("AGENT_LAUNCHER_LABELS", Kind.PAIRS),
    "project_dir": Key("PROJECT_DIR", Kind.PATH),
    "poll_timeout": Key("POLL_TIMEOUT", Kind.NUMBER),
    "heartbeat_interval": Key("HEARTBEAT_INTERVAL", Kind.NUMBER),
    "max_jobs": Key("AGENT_LAUNCHER_MAX_JOBS", Kind.WHOLE),
    "memory_floor_mib": Key("AGENT_LAUNCHER_MEMORY_FLOOR_MIB", Kind.NUMBER),
    "memory_pressure_max": Key("AGENT_LAUNCHER_MEMORY_PRESSURE_MAX", Kind.NUMBER),
    "cpu_pressure_max": Key("AGENT_LAUNCHER_CPU_PRESSURE_MAX", Kind.NUMBER),
    "output_limit_mib": Key("AGENT_LAUNCHER_OUTPUT_LIMIT_MIB", Kind.NUMBER),
    "project_roots": Key("AGENT_LAUNCHER_PROJECT_ROOTS", Kind.PATHS, ":"),
    "env_allow": Key("AGENT_LAUNCHER_ENV_ALLOW", Kind.TEXTS),
    "env_deny": Key("AGENT_LAUNCHER_ENV_DENY", Kind.TEXTS),
    "drain_within": Key("AGENT_LAUNCHER_DRAIN_WITHIN"),
    "after_drain": Key("AGENT_LAUNCHER_AFTER_DRAIN"),
    "log_format": Key("AGENT_LAUNCHER_LOG_FORMAT"),
    "containment": Key("AGENT_LAUNCHER_CONTAINMENT"),
    "warm_starts": Key("AGENT_LAUNCHER_WARM_STARTS"),
}
FOR_CLIENTS: Keys = {"connection": CONNECTION}
FOR_STARTS: Keys = {"start": START}
FOR_RUNTIME: Keys = {"runtime": RUNTIME}
FOR_LAUNCHER: Keys = {"connection": CONNECTION, "launcher": LAUNCHER}
ALL: Keys = {"connection": CONNECTION, "start": START, "runtime": RUNTIME, "launcher": LAUNCHER}
