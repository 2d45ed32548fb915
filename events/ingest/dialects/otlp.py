"""OTLP over HTTP: logs, traces and metrics of OpenTelemetry, as protobuf or JSON (opentelemetry.io/docs/specs/otlp)."""

import re
from typing import Any

import msgspec

from eventlane.door.reply import Reply, headers_of
from eventlane.door.request import Request
from eventlane.wire.body import BadBody
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming, Malformed, NoDialect, is_shared
from events.ingest.dialects.wire import MAX_ITEM_BYTES
from events.ingest.keys import header_of
from events.ingest.views import CORS, unauthorised

MAKES_DATASETS = True
PROTOBUF, JSON = "application/x-protobuf", "application/json"
REJECTED = {"logs": "rejectedLogRecords", "traces": "rejectedSpans", "metrics": "rejectedDataPoints"}
SIGNALS = {"resource_logs": "logs", "resource_spans": "traces", "resource_metrics": "metrics"}
CODES = {400: 3, 401: 16, 413: 3, 429: 8, 500: 13, 503: 14}  # of google.rpc
NAMESPACE_KEYS = ("service.namespace", "deployment.environment.name")
secret_of = keys.secret_of
NOTHING = msgspec.Raw(b"")


class Members(msgspec.Struct, rename="camel"):
    """What tells a body of OTLP from any other object."""

    resource_logs: msgspec.Raw = NOTHING
    resource_spans: msgspec.Raw = NOTHING
    resource_metrics: msgspec.Raw = NOTHING


_decode_members = msgspec.json.Decoder(Members).decode
_empty = re.compile(rb"\s*\{\s*\}\s*")


def is_protobuf(request: Request) -> bool:
    """Return whether a body is protobuf, by its Content-Type."""
    return request.header(b"content-type").partition(";")[0].strip().lower() in (PROTOBUF, "application/protobuf")


def signal_of(incoming: Incoming) -> str:
    """Return the signal that the path names: logs, traces or metrics; or an empty text."""
    return (incoming.path["signal"] or b"").decode()


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the records, spans or data points of a body. Raises NoDialect for what the Events API takes."""
    if is_protobuf(incoming.request):
        from events.ingest.dialects.otlp_protobuf import decode  # only when needed: 0.3 s

        signal, decoded = signal_of(incoming) or "traces", incoming.inflate(body)
        _add(incoming, signal, decode(signal, decoded))
        return
    signal, decoded = _json_signal(incoming, body)
    if signal:
        from events.ingest.dialects.otlp_json import decode as decode_json

        _add(incoming, signal, decode_json(signal, decoded))


def _json_signal(incoming: Incoming, body: bytes) -> tuple[str, bytes]:
    """Return the signal of a body in JSON and its text. An empty object holds nothing."""
    try:
        decoded = incoming.inflate_values(body)
        members = _decode_members(decoded)
    except (BadBody, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if is_shared(incoming.request.path):
            raise NoDialect from None
        raise error if isinstance(error, BadBody) else Malformed(str(error)) from None
    if _empty.fullmatch(decoded):
        return "", decoded
    found = next((signal for member, signal in SIGNALS.items() if len(memoryview(getattr(members, member)))), "")
    if not found and is_shared(incoming.request.path):
        raise NoDialect
    if not found:
        raise Malformed("the body has neither resourceLogs nor resourceSpans nor resourceMetrics")
    return found, decoded


def _add(incoming: Incoming, signal: str, resources: Any) -> None:
    """Add all events of a decoded body to the dataset of its signal, each resource to its namespace."""
    incoming.kind = signal
    dataset = header_of(incoming.request, b"x-dataset") or signal
    namespace = header_of(incoming.request, b"x-namespace")
    for resource, events in resources:
        own = namespace or next((str(resource[key]) for key in NAMESPACE_KEYS if resource.get(key)), "")
        for event in events:
            refusal = "" if event else f"takes more than {MAX_ITEM_BYTES} bytes"
            incoming.add(Entry(dataset, own, msgspec.json.encode(event) if event else b"", refusal=refusal))


def reply(incoming: Incoming) -> Reply:
    """Say how many events are refused, in the request's content type; nothing if none is."""
    refused = incoming.refused()
    if not refused:
        return _reply(incoming, 200, b"", {})
    count, reason = len(refused), refused[0].refusal
    partial = {REJECTED[incoming.kind]: str(count), "errorMessage": reason}
    return _reply(incoming, 200, _field(1, _number(1, count) + _field(2, reason.encode())), {"partialSuccess": partial})


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Reply with a google.rpc.Status. On a path that is the Events API's, too, 401 is as there."""
    if status == 401 and is_shared(incoming.request.path) and not is_protobuf(incoming.request):
        return unauthorised()
    code = CODES[status]
    return _reply(incoming, status, _number(1, code) + _field(2, reason.encode()), {"code": code, "message": reason})


def _reply(incoming: Incoming, status: int, message: bytes, content: dict[str, Any]) -> Reply:
    if is_protobuf(incoming.request):
        return Reply(status, headers_of({"Content-Type": PROTOBUF, **CORS}), message)
    return Reply(status, headers_of({"Content-Type": JSON, **CORS}), msgspec.json.encode(content))


def _number(number: int, value: int) -> bytes:
    """Return a field of a protobuf message that holds a whole number."""
    return bytes([number << 3]) + _varint(value)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protobuf message that holds text or a message."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
