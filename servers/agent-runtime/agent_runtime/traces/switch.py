"""Whether traces were asked for, by the variables that OpenTelemetry has for it; nothing of it is loaded here."""

from collections.abc import Mapping

from agent_runtime.settings import UnusableSettingError

PROTOCOL = "http/protobuf"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def are_wanted(environment: Mapping[str, str]) -> bool:
    """Tell whether traces are to be sent: an endpoint or the exporter is named, and nothing says no.

    Errors:  UnusableSettingError, for a way of sending that we do not have.
    """

    def said(name: str) -> str:
        return environment.get(name, "").strip()

    exporter = said("OTEL_TRACES_EXPORTER").lower()
    if said("OTEL_SDK_DISABLED").lower() == "true" or exporter == "none":
        return False
    if not exporter and not any(said(name) for name in _ENDPOINTS):
        return False
    if exporter not in ("", "otlp"):
        raise UnusableSettingError(f"cannot send traces by OTEL_TRACES_EXPORTER={exporter!r}: it is 'otlp' or 'none'")
    protocol = next((said(name) for name in _PROTOCOLS if said(name)), PROTOCOL)
    if protocol != PROTOCOL:
        raise UnusableSettingError(
            f"cannot send traces by OTEL_EXPORTER_OTLP_PROTOCOL={protocol!r}: only {PROTOCOL!r} is known "
            "(an OpenTelemetry collector takes it at port 4318)"
        )
    return True
