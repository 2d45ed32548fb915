"""Decode OTLP's JSON: names in camel case, ids in hexadecimal, 64-bit numbers as numbers or text."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.json import Decoder

from events.ingest.dialects import Malformed
from events.ingest.dialects.otlp_events import Part, Reader, Resource, events_of
from events.ingest.dialects.wire import MAX_ITEM_BYTES

Number = int | str | None
Real = float | str | None  # NaN and the infinities are text
KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
LARGEST = 2**64


class AnyValue(Struct, rename="camel"):
    """A value of any type: at most one member is set."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Number = None
    double_value: Real = None
    array_value: "Values | None" = None
    kvlist_value: "Pairs | None" = None
    bytes_value: str | None = None


class Values(Struct):
    """A list."""

    values: list[AnyValue] = []


class KeyValue(Struct):
    """An attribute."""

    key: str = ""
    value: AnyValue | None = None


class Pairs(Struct):
    """An object."""

    values: list[KeyValue] = []


class ResourceMessage(Struct):
    """What events come from."""

    attributes: list[KeyValue] = []


class Scope(Struct):
    """The library that made the events."""

    name: str | None = ""
    version: str | None = ""
    attributes: list[KeyValue] = []


class LogRecord(Struct, rename="camel"):
    """A log record."""

    time_unix_nano: Number = 0
    observed_time_unix_nano: Number = 0
    severity_number: Number = 0
    severity_text: str | None = ""
    body: AnyValue | None = None
    attributes: list[KeyValue] = []
    trace_id: str | None = ""
    span_id: str | None = ""
    event_name: str | None = ""


class Status(Struct):
    """How a span ended."""

    code: Number = 0
    message: str | None = ""


class SpanEvent(Struct, rename="camel"):
    """Something that happened during a span."""

    time_unix_nano: Number = 0
    name: str | None = ""
    attributes: list[KeyValue] = []


class SpanLink(Struct, rename="camel"):
    """Another span that a span has to do with."""

    trace_id: str | None = ""
    span_id: str | None = ""
    attributes: list[KeyValue] = []


class Span(Struct, rename="camel"):
    """A span."""

    trace_id: str | None = ""
    span_id: str | None = ""
    parent_span_id: str | None = ""
    name: str | None = ""
    kind: Number = 0
    start_time_unix_nano: Number = 0
    end_time_unix_nano: Number = 0
    attributes: list[KeyValue] = []
    events: list[SpanEvent] = []
    links: list[SpanLink] = []
    status: Status = msgspec.field(default_factory=Status)


class Buckets(Struct, rename="camel"):
    """One side of an exponential histogram."""

    offset: Number = 0
    bucket_counts: list[Number] = []


class Quantile(Struct):
    """A quantile of a summary."""

    quantile: Real = 0.0
    value: Real = 0.0


class Point(Struct, rename="camel"):
    """A data point of any kind of metric."""

    attributes: list[KeyValue] = []
    start_time_unix_nano: Number = 0
    time_unix_nano: Number = 0
    as_double: Real = None
    as_int: Number = None
    count: Number = 0
    sum: Real = None
    min: Real = None
    max: Real = None
    bucket_counts: list[Number] = []
    explicit_bounds: list[Real] = []
    scale: Number = 0
    zero_count: Number = 0
    positive: Buckets = msgspec.field(default_factory=Buckets)
    negative: Buckets = msgspec.field(default_factory=Buckets)
    quantile_values: list[Quantile] = []


class Points(Struct, rename="camel"):
    """The data points of a metric."""

    data_points: list[Point] = []
    aggregation_temporality: Number = 0
    is_monotonic: bool = False


class Metric(Struct, rename="camel"):
    """A metric: one of the last five is set."""

    name: str | None = ""
    unit: str | None = ""
    gauge: Points | None = None
    sum: Points | None = None
    histogram: Points | None = None
    exponential_histogram: Points | None = None
    summary: Points | None = None


# Items are left as they are, and decoded one by one: decoded, they take many times the memory of their texts.
class ScopeLogs(Struct, rename="camel"):
    """The log records of a scope."""

    scope: Scope | None = None
    log_records: list[Raw] | None = None


class ScopeSpans(Struct):
    """The spans of a scope."""

    scope: Scope | None = None
    spans: list[Raw] | None = None


class ScopeMetrics(Struct):
    """The metrics of a scope."""

    scope: Scope | None = None
    metrics: list[Raw] | None = None


class ResourceLogs(Struct, rename="camel"):
    """The log records of a resource."""

    resource: ResourceMessage | None = None
    scope_logs: list[ScopeLogs] | None = None


class ResourceSpans(Struct, rename="camel"):
    """The spans of a resource."""

    resource: ResourceMessage | None = None
    scope_spans: list[ScopeSpans] | None = None


class ResourceMetrics(Struct, rename="camel"):
    """The metrics of a resource."""

    resource: ResourceMessage | None = None
    scope_metrics: list[ScopeMetrics] | None = None


class Logs(Struct, rename="camel"):
    """A body of log records."""

    resource_logs: list[ResourceLogs] | None = None


class Traces(Struct, rename="camel"):
    """A body of spans."""

    resource_spans: list[ResourceSpans] | None = None


class Metrics(Struct, rename="camel"):
    """A body of metrics."""

    resource_metrics: list[ResourceMetrics] | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """How the body of a signal is decoded, and the fields in it that lead to its items."""

    body: Any
    item: Any
    resources: str
    scopes: str
    items: str


SIGNALS = {
    "logs": Signal(Decoder(Logs), Decoder(LogRecord), "resource_logs", "scope_logs", "log_records"),
    "traces": Signal(Decoder(Traces), Decoder(Span), "resource_spans", "scope_spans", "spans"),
    "metrics": Signal(Decoder(Metrics), Decoder(Metric), "resource_metrics", "scope_metrics", "metrics"),
}


def decode(signal: str, body: bytes) -> Iterator[Resource]:
    """Return the resources of a body with their events. Raises Malformed."""
    kind = SIGNALS[signal]
    return events_of(signal, _resources(kind, _decoded(kind.body, body)), READER)


def _resources(kind: Signal, request: Any) -> Iterator[tuple[Any, Iterator[Part]]]:
    for resource in getattr(request, kind.resources) or ():
        yield resource.resource or ResourceMessage(), _scopes(kind, getattr(resource, kind.scopes) or ())


def _scopes(kind: Signal, scopes: Iterable[Any]) -> Iterator[Part]:
    for part in scopes:
        yield part.scope or Scope(), (_item(kind, raw) for raw in getattr(part, kind.items) or ())


def _item(kind: Signal, raw: Raw) -> Any:
    """Return a decoded item, or None if it is too large."""
    return None if len(memoryview(raw)) > MAX_ITEM_BYTES else _decoded(kind.item, raw)


def _decoded(decoder: Any, text: Any) -> Any:
    try:
        return decoder.decode(text)
    except msgspec.DecodeError as error:
        raise Malformed(f"the body is not OTLP: {error}") from None


def _value(value: AnyValue | None) -> Any:
    """Return an AnyValue as JSON has it. What is empty is null."""
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return _whole(value.int_value)
    if value.array_value is not None:
        return [_value(one) for one in value.array_value.values]
    if value.kvlist_value is not None:
        return {pair.key: _value(pair.value) for pair in value.kvlist_value.values}
    if value.double_value is not None:
        return value.double_value
    return value.bytes_value if value.bool_value is None else value.bool_value


def _whole(number: Number) -> int:
    """Return a whole number. Raises Malformed."""
    try:
        whole = int(number or 0) if not isinstance(number, str) or len(number) <= 20 else LARGEST
    except ValueError:
        raise Malformed(f"{str(number)[:40]!a} is not a whole number") from None
    if abs(whole) >= LARGEST:
        raise Malformed("a whole number has more than 64 bits")
    return whole


def _id(text: str | None) -> str:
    return (text or "").lower()


def _data(metric: Metric) -> tuple[str, Points | None]:
    return next(((kind, points) for kind in KINDS if (points := getattr(metric, kind)) is not None), ("", None))


def _point_value(point: Point) -> Any:
    return point.as_double if point.as_int is None else _whole(point.as_int)


READER = Reader(_value, _id, _whole, _data, getattr, _point_value, lambda count: None)
