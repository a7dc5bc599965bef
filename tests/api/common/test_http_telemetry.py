"""What an operator sees of a request, and what it never sees."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from libs.common import telemetry
from libs.common.http import serve
from libs.common.settings import Settings
from libs.common.testing.harness import Harness
from libs.common.testing.plugin import HarnessFactory
from tests.api.common.sample import SERVICE
from tests.api.common.test_http_routes import BUYER, create

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    telemetry.setup_traces(Settings(environment="test", trace_ratio=1), "tests")
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    try:
        yield exporter
    finally:
        provider._active_span_processor._span_processors = tuple(
            known for known in provider._active_span_processor._span_processors if known is not processor
        )


@pytest.fixture
async def h(service_harness: HarnessFactory) -> Harness:
    return await service_harness(SERVICE)


async def test_one_trace_follows_from_the_call_to_the_event(h: Harness, spans: InMemorySpanExporter) -> None:
    headers = h.headers(BUYER) | PARENT
    async with h.client.post("/sample/v1/notes", json={"title": "Voirie"}, headers=headers) as answer:
        assert answer.status == 201
    await h.settle()
    [event] = h.events()
    assert event.traceparent is not None
    assert event.traceparent.split("-")[1] == TRACE
    served = [span for span in spans.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert [span.name for span in served] == ["POST /sample/v1/notes"]
    context = served[0].get_span_context()
    assert context is not None
    assert event.traceparent.split("-")[2] == format(context.span_id, "016x"), "the event is a child of the request"
    assert served[0].parent is not None
    assert format(served[0].parent.span_id, "016x") == "00f067aa0ba902b7"


async def test_a_span_names_the_route_and_tells_no_value(h: Harness, spans: InMemorySpanExporter) -> None:
    note = await create(h)
    async with h.client.get("/sample/v1/notes", params={"q": "mot-cherche"}, headers=h.headers(BUYER)) as answer:
        assert answer.status == 200
    async with h.client.get(f"/sample/v1/notes/{note['note_id']}") as answer:
        assert answer.status == 200
    async with h.client.get("/sample/v1/notes?secret=1") as answer:
        refused = await answer.json()
    told = " ".join(span.to_json() for span in spans.get_finished_spans())
    assert '"http.route": "/sample/v1/notes/{note_id}"' in told
    for value in ("mot-cherche", note["note_id"], "secret", "Bearer", BUYER):
        assert value not in told
    traces = {format(span.context.trace_id, "032x") for span in spans.get_finished_spans() if span.context}
    assert refused["instance"].removeprefix("urn:halles:trace:") in traces, "a problem leads to its trace"


async def test_a_broken_trace_header_starts_a_new_trace(h: Harness, spans: InMemorySpanExporter) -> None:
    for broken in ("", "00-xyz", f"00-{'0' * 32}-{'0' * 16}-01", "ff" * 40):
        async with h.client.get("/sample/v1/notes", headers={"traceparent": broken}) as answer:
            assert answer.status == 200
    assert len({span.context.trace_id for span in spans.get_finished_spans() if span.context}) == 4


async def test_calls_to_others_continue_the_trace(h: Harness, spans: InMemorySpanExporter) -> None:
    received: list[str] = []

    async def partner(request: web.Request) -> web.Response:
        received.append(request.headers["traceparent"])
        return web.Response()

    app = web.Application()
    app.router.add_get("/", partner)
    async with serve(app, "127.0.0.1", 0) as url:
        with trace.get_tracer("test").start_as_current_span("outer") as outer:
            async with h.runtime.http.get(url / "", params={"q": "mot-cherche"}) as answer:
                assert answer.status == 200
    assert received[0].split("-")[1] == format(outer.get_span_context().trace_id, "032x")
    called = next(span for span in spans.get_finished_spans() if span.kind is SpanKind.CLIENT)
    assert "mot-cherche" not in called.to_json()


SCRIPT = """
import logging, sys
import structlog
from opentelemetry import trace
from libs.common import telemetry
from libs.common.settings import Settings

telemetry.setup(Settings(environment="test", trace_ratio=1), "sample", output=sys.stdout)
log = structlog.get_logger("x")
log.debug("not_written")
with trace.get_tracer("t").start_as_current_span("s"):
    log.info("bid_sealed", bid_id="7")
    logging.getLogger("library").warning("it %s", "happened")
    try:
        password = "secret-local"
        raise ValueError("secret-message")
    except ValueError as error:
        log.error("request_failed", exc_info=error)
logging.getLogger("library").info("not written either")
log.info("outside")
telemetry.shutdown()
"""


def test_logs_are_json_lines_with_the_trace_and_without_secrets() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["bid_sealed", "it happened", "request_failed", "outside"]
    assert all(line["service"] == "sample" and line["level"] and line["timestamp"] for line in lines)
    assert len({line["trace_id"] for line in lines[:3]}) == 1
    assert all(len(line["span_id"]) == 16 for line in lines[:3])
    assert "trace_id" not in lines[3]
    assert lines[2]["exceptions"] == ["ValueError"]
    assert "secret" not in done.stdout
    assert done.stderr == ""


EXPORT = """
from opentelemetry import trace
from libs.common import telemetry
from libs.common.settings import Settings

telemetry.setup(Settings(environment="test", trace_ratio=1), "sample")
with trace.get_tracer("t").start_as_current_span("exported_span"):
    pass
telemetry.shutdown()
"""


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "HALLES_OTLP_URL"])
async def test_traces_go_to_the_collector_where_there_is_one(variable: str) -> None:
    received: list[bytes] = []

    async def collect(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", collect)
    async with serve(app, "127.0.0.1", 0) as url:
        environment = {**os.environ, variable: str(url).rstrip("/")}
        run = await asyncio.create_subprocess_exec(sys.executable, "-c", EXPORT, env=environment)
        assert await run.wait() == 0
    [sent] = received
    assert b"exported_span" in (gzip.decompress(sent) if sent.startswith(b"\x1f\x8b") else sent)
    assert b"halles-sample" in (gzip.decompress(sent) if sent.startswith(b"\x1f\x8b") else sent)


async def test_a_refused_request_is_logged_without_its_query(h: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    async with h.client.get("/sample/v1/notes?token=secret-token", headers=h.headers(BUYER)) as answer:
        assert answer.status == 422
    written = capsys.readouterr().out
    assert "request_refused" in written
    assert "secret-token" not in written


async def test_metrics_have_one_line_a_route_whatever_callers_ask(h: Harness) -> None:
    for name in range(3):
        async with h.client.get(f"/sample/v1/unknown-{name}") as answer:
            assert answer.status == 404
    async with h.client.request("PROPFIND", "/sample/v1/notes") as answer:
        assert answer.status == 405
    async with h.client.get("/metrics") as answer:
        text = await answer.text()
    assert "unknown-" not in text
    assert "PROPFIND" not in text
    assert 'route="(none)",status="404"' in text
