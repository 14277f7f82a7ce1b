"""What of the settings the user's file may say; the names are those of the flags."""

from collections.abc import Mapping

from agent_runtime.config_file import Key, Kind

KEYS: Mapping[str, Key] = {
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
}
