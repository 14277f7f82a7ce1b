"""What each setting is where nobody says anything; the programs have them for themselves, and a test compares."""

from collections.abc import Mapping

DEFAULTS: Mapping[str, str] = {
    "connection.url": "http://localhost:8765",
    "runtime.host": "127.0.0.1",
    "runtime.port": "8765",
    "runtime.auth": "token",
    "runtime.poll_timeout": "30.0",
    "runtime.heartbeat_timeout": "120.0",
    "runtime.agents_dir": ".agent-orchestrator/agents",
    "runtime.log_level": "INFO",
    "runtime.log_format": "text",
    "runtime.keep_days": "30.0",
    "runtime.keep_gigabytes": "10.0",
    "runtime.queue_max": "200000",
    "runtime.session_queue_max": "1000",
    "runtime.tree_depth_max": "8",
    "runtime.children_max": "100",
    "runtime.tree_sessions_max": "500",
    "runtime.requests_per_second": "5000.0",
    "runtime.request_timeout": "30.0",
    "launcher.poll_timeout": "30.0",
    "launcher.heartbeat_interval": "60.0",
    "launcher.memory_floor_mib": "512.0",
    "launcher.memory_pressure_max": "20.0",
    "launcher.cpu_pressure_max": "0.0",
    "launcher.output_limit_mib": "1024.0",
    "launcher.after_drain": "leave",
    "launcher.log_format": "text",
    "launcher.containment": "auto",
    "launcher.warm_starts": "on",
}
