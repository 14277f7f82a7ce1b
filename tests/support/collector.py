"""A small collector: a real server that takes what OpenTelemetry sends over HTTP, and keeps the spans."""

import gzip
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue


@dataclass(frozen=True)
class Told:
    """One span as it arrived; ids are hexadecimal, `parent` empty for a root.

    Units:   nanoseconds.
    """

    name: str
    trace: str
    span: str
    parent: str
    began: int
    ended: int
    facts: dict[str, object]
    links: tuple[str, ...]
    is_error: bool
    service: object


class Collector:
    """Answers at `/v1/traces`."""

    def __init__(self) -> None:
        self.spans: list[Told] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *one: _Taker(self, *one))

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is to say."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of_trace(self, trace: str) -> dict[str, Told]:
        """The spans of one trace by their names; of several with one name the last."""
        return {one.name: one for one in list(self.spans) if one.trace == trace}

    def take(self, body: bytes) -> None:
        """Read what was sent."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _facts(list(resource.resource.attributes)).get("service.name")
            for scope in resource.scope_spans:
                self.spans += [
                    Told(
                        one.name,
                        one.trace_id.hex(),
                        one.span_id.hex(),
                        one.parent_span_id.hex(),
                        one.start_time_unix_nano,
                        one.end_time_unix_nano,
                        _facts(list(one.attributes)),
                        tuple(f"{link.trace_id.hex()}-{link.span_id.hex()}" for link in one.links),
                        one.status.code == 2,
                        service,
                    )
                    for one in scope.spans
                ]


class _Taker(BaseHTTPRequestHandler):
    def __init__(self, collector: Collector, *one: object) -> None:
        self._collector = collector
        super().__init__(*one)  # type: ignore[arg-type]  # the server's own arguments

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        is_ours = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
        if is_ours:
            self._collector.take(body)
        self.send_response(200 if is_ours else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _facts(given: list[KeyValue]) -> dict[str, object]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value") for one in given}
