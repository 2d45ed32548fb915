"""Decode OTLP's protobuf. Importing this takes a third of a second."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from events.ingest.dialects import Malformed
from events.ingest.dialects.otlp_events import Part, Reader, Resource, events_of
from events.ingest.dialects.wire import MAX_ITEM_BYTES, Walk

ITEMS: dict[str, Any] = {"logs": LogRecord, "traces": Span, "metrics": Metric}
# The same in all signals: a request has resources, these their own message and scopes, these theirs and items.
RESOURCES, OWN, INNER = 1, 1, 2


def decode(signal: str, body: bytes) -> Iterator[Resource]:
    """Yield the resources of a body with their events. Raises Malformed."""
    walk = Walk()
    spend = walk.spend
    read = Reader(lambda value: _value(value, spend), bytes.hex, int, _data, _optional, _point_value, spend)
    return events_of(signal, _resources(walk, ITEMS[signal], memoryview(body)), read)


def _resources(walk: Walk, item: Any, body: memoryview) -> Iterator[tuple[Any, Iterator[Part]]]:
    for part in walk.parts_of(body, RESOURCES):
        yield _decoded(ResourceMessage, walk.last_of(part, OWN)), _scopes(walk, item, part)


def _scopes(walk: Walk, item: Any, resource: memoryview) -> Iterator[Part]:
    for part in walk.parts_of(resource, INNER):
        scope = _decoded(InstrumentationScope, walk.last_of(part, OWN))
        yield scope, (_decoded(item, content) for content in walk.parts_of(part, INNER))


def _decoded(kind: Any, content: memoryview) -> Any:
    """Return a message, or None if it is too large."""
    if len(content) > MAX_ITEM_BYTES:
        return None
    try:
        return kind.FromString(bytes(content))
    except DecodeError as error:
        raise Malformed(f"the body is not OTLP: {error}") from None


def _value(value: Any, spend: Callable[[int], None]) -> Any:
    """Return an AnyValue as JSON has it. What is empty is null."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        spend(len(value.array_value.values))
        return [_value(one, spend) for one in value.array_value.values]
    if kind == "kvlist_value":
        spend(len(value.kvlist_value.values))
        return {pair.key: _value(pair.value, spend) for pair in value.kvlist_value.values}
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
