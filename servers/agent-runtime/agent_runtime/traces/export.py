"""Hands spans to OpenTelemetry, which sends them. The only file that needs its packages, and loaded only when asked."""

import re
from collections.abc import Mapping
from datetime import datetime
from threading import Thread

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from agent_runtime.traces.span import Span
from agent_runtime.version import VERSION

KINDS: Mapping[str, SpanKind] = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
LEAVES_WITHIN_SECONDS = 5.0
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Exporter:
    """Sends spans in batches from a thread of its own; what cannot be sent is lost, and holds nobody up."""

    def __init__(self) -> None:
        """Build it as the `OTEL_*` variables say."""
        provider = TracerProvider(shutdown_on_exit=False)
        self._sampler = provider.sampler
        self._resource = _named(provider.resource)
        self._scope = InstrumentationScope("agent-runtime", VERSION)
        self._processor = BatchSpanProcessor(OTLPSpanExporter())

    def is_sampled(self, trace: str) -> bool:
        """Tell whether a trace is one of those that are sent: all of it is, or nothing."""
        decision = self._sampler.should_sample(None, int(trace, 16), "job").decision
        return decision is Decision.RECORD_AND_SAMPLE

    def send(self, span: Span) -> None:
        """Take one span; it is sent soon."""
        if self.is_sampled(span.trace):
            self._processor.on_end(self._readable(span))

    def close(self) -> None:
        """Send what is left, but wait no longer than a moment for a collector that does not answer."""
        last = Thread(target=self._processor.shutdown, name="last traces", daemon=True)
        last.start()
        last.join(LEAVES_WITHIN_SECONDS)

    def _readable(self, span: Span) -> ReadableSpan:
        link = _context_in(span.link) if span.link is not None else None
        facts = {name: fact for name, fact in span.facts.items() if fact is not None}
        return ReadableSpan(
            span.name,
            context=_context(span.trace, span.span),
            parent=_context(span.trace, span.parent) if span.parent is not None else None,
            resource=self._resource,
            attributes=facts if span.error is None else {**facts, "error.type": span.error},
            links=[Link(link)] if link is not None else [],
            kind=KINDS[span.kind],
            status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error),
            start_time=_nanoseconds(span.began),
            # Two machines' clocks may differ: nothing ends before it began.
            end_time=_nanoseconds(max(span.began, span.ended)),
            instrumentation_scope=self._scope,
        )


def _named(resource: Resource) -> Resource:
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: "agent-runtime"}))
    return Resource({SERVICE_VERSION: VERSION}).merge(resource)


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _context_in(traceparent: str) -> SpanContext | None:
    found = _TRACEPARENT.fullmatch(traceparent.strip().lower())
    if found is None:
        return None
    context = SpanContext(
        int(found[1], 16), int(found[2], 16), is_remote=True, trace_flags=TraceFlags(int(found[3], 16))
    )
    return context if context.is_valid else None


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
