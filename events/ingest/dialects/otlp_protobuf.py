"""Decode OTLP's protobuf. Importing this takes a third of a second."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from events.ingest.dialects import Malformed
from events.ingest.dialects.otlp_events import Reader, Resource, events_of

REQUESTS: dict[str, Any] = {
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def decode(signal: str, body: bytes) -> Iterator[Resource]:
    """Return the resources of a body with their events. Raises Malformed."""
    try:
        request = REQUESTS[signal].FromString(body)
    except DecodeError as error:
        raise Malformed(f"the body is not OTLP: {error}") from None
    return events_of(signal, request, READER)


def _value(value: Any) -> Any:
    """Return an AnyValue as JSON has it. What is empty is null."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode()
    return getattr(value, kind) if kind else None


def _data(metric: Any) -> tuple[str, Any]:
    kind = metric.WhichOneof("data") or ""
    return kind, getattr(metric, kind) if kind else None


def _optional(message: Any, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


def _point_value(point: Any) -> Any:
    kind = point.WhichOneof("value")
    return getattr(point, kind) if kind else None


READER = Reader(_value, bytes.hex, int, _data, _optional, _point_value)
