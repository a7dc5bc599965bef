"""Logs, traces, metrics: what an operator sees. Ids only: no payload, token, query string or personal data."""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TextIO

import aiohttp
import structlog
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from libs.common.settings import Settings
from libs.common.tracing import current_traceparent

__all__ = [
    "Request",
    "client_tracing",
    "current_traceparent",
    "server_request",
    "setup",
    "setup_logs",
    "setup_traces",
    "shutdown",
]

_tracer = trace.get_tracer("halles.http")
disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter and histogram, which nobody asks for
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)

REQUESTS = Counter("halles_http_requests", "Answers sent", ["method", "route", "status"])
DURATION = Histogram("halles_http_request_seconds", "Until the answer was ready", ["method", "route"], buckets=_SECONDS)
IN_PROGRESS = Gauge("halles_http_requests_in_progress", "Requests being answered")

_FRAMES = 12
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger(__name__)


def setup(settings: Settings, service: str, *, output: TextIO | None = None) -> None:
    """Set up logs and traces of a process, once."""
    setup_logs(service, output or sys.stdout)
    setup_traces(settings, service)


def setup_traces(settings: Settings, service: str) -> None:
    """Trace what this process does, as much as the settings say; sent to the collector where there is one."""
    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(
        resource=Resource.create({"service.name": f"halles-{service}", "deployment.environment": settings.environment}),
        sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)),
    )
    collector = settings.otlp_url or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if collector:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  # slow to load
            OTLPSpanExporter,
        )

        exporter = OTLPSpanExporter(endpoint=collector.rstrip("/") + "/v1/traces", timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def shutdown() -> None:
    """Send what is left to send."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def setup_logs(service: str, output: TextIO) -> None:
    """Write logs as JSON lines: ours from `info` on, libraries' from `warning` on."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_trace,
        _tell_where,
    ]
    structlog.configure(
        processors=[*shared, _Named(service), structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=output),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _Named(service),
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class _Named:
    """Writes the service on each line."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        line.setdefault("service", self._service)
        return line


def _add_trace(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        line["trace_id"] = format(context.trace_id, "032x")
        line["span_id"] = format(context.span_id, "016x")
    return line


def _tell_where(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Write where an exception came from: types and places; never its message nor variables, which may hold data."""
    info = line.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        line["exceptions"] = [type(part).__name__ for part in _causes(error)]
        frames = traceback.extract_tb(_first(error).__traceback__)[-_FRAMES:]
        line["places"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return line


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or error.__context__


def _first(error: BaseException) -> BaseException:
    """Give what a group of tasks failed of: the place of the group tells nothing."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class Request:
    """One request being answered: give it its status before the block ends."""

    def __init__(self, method: str, route: str, span: Span) -> None:
        self.method = method
        self.route = route
        self.status = 500
        self._span = span
        self._began = time.perf_counter()

    def done(self) -> None:
        """Count it and close its span's account."""
        seconds = time.perf_counter() - self._began
        REQUESTS.labels(self.method, self.route, str(self.status)).inc()
        DURATION.labels(self.method, self.route).observe(seconds)
        if self._span.is_recording():
            self._span.set_attribute("http.response.status_code", self.status)
            if self.status >= 500:
                self._span.set_status(Status(StatusCode.ERROR))
        if self.status >= 400:
            _log.info(
                "request_refused",
                method=self.method,
                route=self.route,
                status=self.status,
                milliseconds=round(seconds * 1000, 1),
            )


@contextmanager
def server_request(method: str, route: str, headers: Mapping[str, str]) -> Iterator[Request]:
    """Account for one request under its route's template, in the caller's trace if it came with one (W3C)."""
    known = method if method in _METHODS else "_OTHER"
    context = propagate.extract({"traceparent": headers["traceparent"]}) if "traceparent" in headers else None
    attributes = {"http.request.method": known, "http.route": route}
    IN_PROGRESS.inc()
    try:
        with _tracer.start_as_current_span(
            f"{known} {route}",
            context=context,
            kind=SpanKind.SERVER,
            attributes=attributes,
            record_exception=False,  # messages may hold data
        ) as span:
            request = Request(known, route, span)
            try:
                yield request
            finally:
                request.done()
    finally:
        IN_PROGRESS.dec()


def client_tracing() -> aiohttp.TraceConfig:
    """Give what makes an HTTP client continue the trace: a span per call, `traceparent` sent."""
    config = aiohttp.TraceConfig()
    config.on_request_start.append(_on_start)
    config.on_request_end.append(_on_end)
    config.on_request_exception.append(_on_failure)
    return config


async def _on_start(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams) -> None:
    attributes = {"http.request.method": params.method, "server.address": params.url.host or ""}
    context.span = _tracer.start_span(f"{params.method}", kind=SpanKind.CLIENT, attributes=attributes)
    carrier: dict[str, str] = {}
    propagate.inject(carrier, trace.set_span_in_context(context.span))
    params.headers.update(carrier)


async def _on_end(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams) -> None:
    context.span.set_attribute("http.response.status_code", params.response.status)
    context.span.end()


async def _on_failure(_: object, context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams) -> None:
    context.span.set_status(Status(StatusCode.ERROR, type(params.exception).__name__))
    context.span.end()
