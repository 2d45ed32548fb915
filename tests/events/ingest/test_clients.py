"""Published clients, as docs/clients.md sets them up, against a running server."""

import gc
import json
import logging
import os
import re
import subprocess
import time
from collections.abc import Iterator
from logging.handlers import HTTPHandler
from typing import Any

import axiom_py
import libhoney
import logging_loki
import posthog
import pytest
import sentry_sdk
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

from tests.server import ROOT, Server

# Some of them leave their sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collect what a client left behind in its own test."""
    yield
    gc.collect()


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


def test_axiom(server: Server) -> None:
    client = axiom_py.Client(server.keys["ingest"], "org", url=server.url)
    status = client.ingest_events("logs", [{"message": "low stock"}, {"message": "x" * 40_000}])
    assert (status.ingested, status.failed, status.failures[0].error) == (1, 1, "larger than 32768 bytes")


def test_honeycomb(server: Server, namespace: str) -> None:
    client = libhoney.Client(server.keys["ingest"], dataset="logs", api_host=server.url, block_on_response=True)
    event = client.new_event({"message": "low stock", "run": namespace})
    event.send()
    client.flush()
    response = client.responses().get(timeout=20)
    client.close()
    assert (response["status_code"], response["error"]) == (202, None)
    assert [event["message"] for event in stored(server, "logs", "default") if event.get("run") == namespace] == [
        "low stock"
    ]


def test_posthog(server: Server, namespace: str) -> None:
    errors: list[Exception] = []
    client = posthog.Posthog(
        server.keys["ingest"], host=server.url, sync_mode=True, on_error=lambda error, batch: errors.append(error)
    )
    client.capture("paid", distinct_id="u", properties={"run": namespace})
    client.shutdown()
    assert errors == []
    events = stored(server, "logs", "default")
    assert [event["event"] for event in events if event.get("properties", {}).get("run") == namespace] == ["paid"]


def test_sentry(server: Server, namespace: str) -> None:
    dsn = server.url.replace("://", f"://{server.keys['ingest']}@") + "/1"
    client = sentry_sdk.Client(dsn, default_integrations=False, release=namespace, traces_sample_rate=1.0)
    with sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        try:
            raise ValueError("no stock")
        except ValueError as error:
            sentry_sdk.capture_exception(error)
        client.flush(timeout=20)
    client.close()
    [event] = [event for event in stored(server, "logs", "default") if event.get("release") == namespace]
    assert (event["message"], event["error"], event["level"]) == ("no stock", "no stock", "error")


def test_http_handler_of_python(server: Server, namespace: str) -> None:
    logger = logging.Logger("shop")
    place, key = server.url.removeprefix("http://"), server.keys["ingest"]
    logger.addHandler(HTTPHandler(place, f"/v1/logs/{namespace}", method="POST", credentials=("any", key)))
    logger.warning("low stock")
    [event] = stored(server, "logs", namespace)
    assert (event["msg"], event["levelname"], event["name"]) == ("low stock", "WARNING", "shop")


def test_curl_lines_of_the_document(server: Server) -> None:
    lines = re.findall(r"^    (curl .+)$", (ROOT / "docs" / "clients.md").read_text(), re.MULTILINE)
    assert len(lines) == 4
    script = "set -e\n" + "\n".join(line.replace("http://127.0.0.1:8000", server.url) for line in lines)
    environment = {**os.environ, "KEY": server.keys["ingest"]}
    words = ["bash", "-c", script.replace("curl ", "curl -sS --fail-with-body -o /dev/stderr -w '%{http_code} ' ")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout.split(), done.returncode) == (["200", "200", "202", "202"], 0), done.stderr
    assert '"errors":false' in done.stderr
