"""Published clients, as docs/clients.md sets them up, against a running server."""

import json
import logging
import time
from typing import Any

import logging_loki
import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.server import Server


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test uses."""
    return f"clients-{time.time_ns()}"


def stored(server: Server, dataset: str, namespace: str) -> list[Any]:
    done = server.manage("tail", dataset, "--namespace", namespace, "--from", "1h", "--json")
    return [json.loads(line)["event"] for line in done.stdout.splitlines()]


@pytest.fixture
def otlp(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of docs/clients.md."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"x-api-key={server.keys['ingest']}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")


def test_opentelemetry(server: Server, otlp: None, namespace: str) -> None:
    resource = Resource({"service.name": "shop", "service.namespace": namespace})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
    meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource)
    with tracers.get_tracer("t").start_as_current_span("checkout") as span:
        record = LogRecord(body="low stock", severity_number=SeverityNumber.WARN, attributes={"left": 3})
        loggers.get_logger("shop").emit(record)
    meters.get_meter("m").create_counter("orders").add(2, {"kind": "gift"})
    for provider in (tracers, loggers, meters):
        provider.shutdown()
    trace_id = f"{span.get_span_context().trace_id:032x}"
    [record], [trace], [point] = (stored(server, name, namespace) for name in ("logs", "traces", "metrics"))
    assert (record["message"], record["level"], record["attributes"]["left"]) == ("low stock", "warn", 3)
    assert (trace["message"], trace["traceId"], record["traceId"]) == ("checkout", trace_id, trace_id)
    assert (point["message"], point["value"], point["attributes"]) == ("orders", 2, {"kind": "gift"})


def test_opentelemetry_with_a_wrong_key_fails(server: Server, otlp: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=evl_wrong")
    with TracerProvider().get_tracer("t").start_as_current_span("x") as span:
        pass
    assert OTLPSpanExporter().export([span]).name == "FAILURE"


def test_loki(server: Server, namespace: str) -> None:
    logger = logging.Logger("shop")
    address, key = f"{server.url}/loki/api/v1/push", server.keys["ingest"]
    tags = {"service": "shop", "namespace": namespace}
    logger.addHandler(logging_loki.LokiHandler(address, tags, auth=("any", key), version="1"))
    logger.warning("low stock", extra={"tags": {"left": "3"}})
    [event] = stored(server, "logs", namespace)
    assert (event["message"], event["service"], event["labels"]["left"]) == ("low stock", "shop", "3")
