"""Make events of OTLP's log records, spans and data points, whichever encoding they came in."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from events.ingest.dialects.times import moment

Event = dict[str, Any]
Resource = tuple[Event, Iterator[Event | None]]  # the attributes of a resource, and its events
Part = tuple[Any, Iterable[Any]]  # a scope, and its items
Maker = Callable[[Any, "Reader"], Iterator[Event]]
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")  # each has four severity numbers, from 1 on
SPAN_KINDS = ("", "internal", "server", "client", "producer", "consumer")
STATUSES = ("unset", "ok", "error")
TEMPORALITIES = ("", "delta", "cumulative")
METRIC_TYPES = {"exponential_histogram": "exponentialHistogram"}


@dataclass(frozen=True, slots=True)
class Reader:
    """What differs between protobuf and JSON. Both have the same fields."""

    value: Callable[[Any], Any]  # of an AnyValue
    id: Callable[[Any], str]  # in hexadecimal
    whole: Callable[[Any], int]
    data: Callable[[Any], tuple[str, Any]]  # the kind of a metric, and its points
    optional: Callable[[Any, str], Any]  # a field, or None if it isn't set
    point_value: Callable[[Any], Any]
    spend: Callable[[int], None]  # counts values, unless that was done before; raises Malformed


def events_of(signal: str, resources: Iterable[tuple[Any, Iterable[Part]]], read: Reader) -> Iterator[Resource]:
    """Yield the attributes of resources, and their events. Raises Malformed if a number isn't one."""
    for resource, parts in resources:
        attributes = _attributes(resource.attributes, read)
        yield attributes, _events(parts, MAKERS[signal], attributes, read)


def _events(parts: Iterable[Part], make: Maker, resource: Event, read: Reader) -> Iterator[Event | None]:
    """Yield the events of one resource, None for an item that was too large. What they share is encoded once."""
    service = resource.get("service.name")
    shared = {"resource": msgspec.Raw(msgspec.json.encode(resource))} if resource else {}
    for part, items in parts:
        scope = _scope(part, read)
        origin = {"scope": msgspec.Raw(msgspec.json.encode(scope)), **shared} if scope else shared
        for item in items:
            if item is None:
                yield None
                continue
            for event in make(item, read):
                if service:
                    event["service"] = service
                event.update(origin)
                yield event


def _scope(scope: Any, read: Reader) -> Event:
    parts = {"name": scope.name, "version": scope.version, "attributes": _attributes(scope.attributes, read)}
    return _set(parts)


def _attributes(pairs: Any, read: Reader) -> Event:
    value = read.value
    read.spend(len(pairs))
    return {pair.key: value(pair.value) for pair in pairs}


def _set(members: Event) -> Event:
    """Return the members that say something: neither null nor empty."""
    return {name: value for name, value in members.items() if value not in (None, "", {}, [])}


def _log_record(record: Any, read: Reader) -> Iterator[Event]:
    number = read.whole(record.severity_number)
    attributes = _attributes(record.attributes, read)
    body = read.value(record.body)
    is_message = isinstance(body, (str, int, float))
    yield _set(
        {
            "timestamp": moment(read.whole(record.time_unix_nano) or read.whole(record.observed_time_unix_nano)),
            "level": LEVELS[(number - 1) // 4] if 1 <= number <= 24 else (record.severity_text or "").lower(),
            "severityText": record.severity_text,
            "severityNumber": number or None,
            "message": body if is_message else None,
            "body": None if is_message else body,
            "eventName": record.event_name,
            "traceId": read.id(record.trace_id),
            "spanId": read.id(record.span_id),
            "error": attributes.get("exception.message"),
            "attributes": attributes,
        }
    )


def _span(span: Any, read: Reader) -> Iterator[Event]:
    start, end = read.whole(span.start_time_unix_nano), read.whole(span.end_time_unix_nano)
    code = read.whole(span.status.code)
    read.spend(len(span.events) + len(span.links))
    happened = [_span_event(event, read) for event in span.events]
    yield _set(
        {
            "timestamp": moment(start),
            "duration": (end - start) / 1_000_000 if end >= start > 0 else None,
            "level": "error" if code == STATUSES.index("error") else None,
            "message": span.name,
            "traceId": read.id(span.trace_id),
            "spanId": read.id(span.span_id),
            "parentSpanId": read.id(span.parent_span_id),
            "kind": _word(SPAN_KINDS, read.whole(span.kind)),
            "status": _word(STATUSES, code),
            "error": _error(happened) or span.status.message,
            "events": happened,
            "links": [_span_link(link, read) for link in span.links],
            "attributes": _attributes(span.attributes, read),
        }
    )


def _span_event(event: Any, read: Reader) -> Event:
    attributes = _attributes(event.attributes, read)
    return _set({"timestamp": moment(read.whole(event.time_unix_nano)), "name": event.name, "attributes": attributes})


def _span_link(link: Any, read: Reader) -> Event:
    attributes = _attributes(link.attributes, read)
    return _set({"traceId": read.id(link.trace_id), "spanId": read.id(link.span_id), "attributes": attributes})


def _error(happened: list[Event]) -> Any:
    """Return the message of the last exception among a span's events."""
    messages = (event.get("attributes", {}).get("exception.message") for event in reversed(happened))
    return next(filter(None, messages), None)


def _word(words: tuple[str, ...], number: int) -> str:
    return words[number] if 0 <= number < len(words) else str(number)


def _data_points(metric: Any, read: Reader) -> Iterator[Event]:
    kind, data = read.data(metric)
    if not kind:
        return
    head = {"message": metric.name, "unit": metric.unit, "type": METRIC_TYPES.get(kind, kind)}
    if kind in ("sum", "histogram", "exponential_histogram"):
        head["temporality"] = _word(TEMPORALITIES, read.whole(data.aggregation_temporality))
    if kind == "sum":
        head["monotonic"] = data.is_monotonic
    read.spend(len(data.data_points))
    for point in data.data_points:
        times = {
            "timestamp": moment(read.whole(point.time_unix_nano)),
            "startTime": moment(read.whole(point.start_time_unix_nano)),
        }
        attributes = _attributes(point.attributes, read)
        yield _set({**times, **head, **VALUES[kind](point, read), "attributes": attributes})


def _simple(point: Any, read: Reader) -> Event:
    return {"value": read.point_value(point)}


def _figures(point: Any, read: Reader, *names: str) -> Event:
    return {"count": read.whole(point.count), **{name: read.optional(point, name) for name in names}}


def _histogram(point: Any, read: Reader) -> Event:
    counts = [read.whole(count) for count in point.bucket_counts]
    buckets = {"bounds": list(point.explicit_bounds), "counts": counts} if counts else {}
    return {**_figures(point, read, "sum", "min", "max"), "buckets": buckets}


def _exponential_histogram(point: Any, read: Reader) -> Event:
    sides = {name: _side(getattr(point, name), read) for name in ("positive", "negative")}
    buckets = {"scale": read.whole(point.scale), "zeroCount": read.whole(point.zero_count), **_set(sides)}
    return {**_figures(point, read, "sum", "min", "max"), "buckets": buckets}


def _side(side: Any, read: Reader) -> Event:
    counts = [read.whole(count) for count in side.bucket_counts]
    return {"offset": read.whole(side.offset), "counts": counts} if counts else {}


def _summary(point: Any, read: Reader) -> Event:
    quantiles = [{"quantile": one.quantile, "value": one.value} for one in point.quantile_values]
    return {"count": read.whole(point.count), "sum": point.sum, "quantiles": quantiles}


VALUES: dict[str, Callable[[Any, Reader], Event]] = {
    "gauge": _simple,
    "sum": _simple,
    "histogram": _histogram,
    "exponential_histogram": _exponential_histogram,
    "summary": _summary,
}
MAKERS: dict[str, Maker] = {"logs": _log_record, "traces": _span, "metrics": _data_points}
