"""Well-known fields, rule by rule, and events that are hard on parsers: sealed and unsealed alike."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from events.lake.query import EventRow
from tests.events.lake.conftest import Node

JULY = datetime(2026, 7, 1, 12, 30, 15, tzinfo=UTC)
JULY_S = 1782909015
MILLIS = JULY.replace(microsecond=250_000)
MICROS = JULY.replace(microsecond=250_125)
RECEIVED = object()  # the event time is the time of receipt

TIMES = [
    (f'{{"timestamp":1,"timestamp":{JULY_S}}}', JULY),
    (f'{{"timestamp":{JULY_S}}}', JULY),
    (f'{{"timestamp":{JULY_S}.25}}', MILLIS),
    (f'{{"timestamp":{JULY_S}250}}', MILLIS),
    (f'{{"timestamp":{JULY_S}250.125}}', MICROS),
    (f'{{"timestamp":{JULY_S}250125}}', MICROS),
    (f'{{"timestamp":{JULY_S}250125999}}', MICROS),
    (f'{{"timestamp":"{JULY_S}"}}', JULY),
    (f'{{"timestamp":"{JULY_S}250"}}', MILLIS),
    (f'{{"timestamp":{JULY_S}e0}}', JULY),
    (f'{{"timestamp":{JULY_S / 1e9!r}E9}}', JULY),
    ('{"timestamp":0}', datetime(1970, 1, 1, tzinfo=UTC)),
    ('{"timestamp":-1}', datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ('{"timestamp":"2026-07-01T12:30:15Z"}', JULY),
    ('{"timestamp":"2026-07-01t12:30:15z"}', JULY),
    ('{"timestamp":"2026-07-01 12:30:15Z"}', JULY),
    ('{"timestamp":"2026-07-01T12:30:15.25Z"}', MILLIS),
    ('{"timestamp":"2026-07-01T12:30:15.250125999Z"}', MICROS),
    ('{"timestamp":"2026-07-01T14:30:15+02:00"}', JULY),
    ('{"timestamp":"2026-07-01T07:00:15-05:30"}', JULY),
    ('{"timestamp":"2016-12-31T23:59:60Z"}', datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ('{"timestamp":"9999-12-31T23:59:59.999999Z"}', datetime.max.replace(tzinfo=UTC)),
    ('{"timestamp":"0001-01-01T00:00:00Z"}', datetime.min.replace(tzinfo=UTC)),
    (f'{{"@timestamp":{JULY_S}}}', JULY),
    ('{"time":"2026-07-01T12:30:15Z"}', JULY),
    (f'{{"time":1,"@timestamp":2,"timestamp":{JULY_S}}}', JULY),
    (f'{{"time":1,"@timestamp":{JULY_S}}}', JULY),
    (f'{{"timestamp":"soon","@timestamp":null,"time":{JULY_S}}}', JULY),
    ('{"timestamp":null}', RECEIVED),
    ('{"timestamp":""}', RECEIVED),
    ('{"timestamp":true}', RECEIVED),
    ('{"timestamp":"yesterday"}', RECEIVED),
    ('{"timestamp":"infinity"}', RECEIVED),
    ('{"timestamp":"epoch"}', RECEIVED),
    ('{"timestamp":"NaN"}', RECEIVED),
    ('{"timestamp":"0x10"}', RECEIVED),
    ('{"timestamp":"1_0"}', RECEIVED),
    ('{"timestamp":" 10"}', RECEIVED),
    ('{"timestamp":"2026-07-01"}', RECEIVED),
    ('{"timestamp":"2026-07-01T12:30:15"}', JULY),
    ('{"timestamp":"2026-07-01 12:30:15"}', JULY),
    ('{"timestamp":"2026-07-01 12:30:15,250"}', MILLIS),
    ('{"timestamp":"2026-07-01T12:30:15,250125999Z"}', MICROS),
    ('{"timestamp":"2026-07-01 14:30:15 +0200"}', JULY),
    ('{"timestamp":"2026-07-01 14:30:15.25+02"}', MILLIS),
    ('{"timestamp":"2026-07-01 07:00:15,25 -0530"}', MILLIS),
    ('{"timestamp":"2026-07-01 12:30:15 UTC"}', JULY),
    ('{"timestamp":"01/Jul/2026:14:30:15 +0200"}', JULY),
    ('{"timestamp":"1/Jul/2026:14:30:15 +0200"}', RECEIVED),
    ('{"timestamp":"31/Feb/2026:14:30:15 +0200"}', RECEIVED),
    ('{"timestamp":"Wed, 01 Jul 2026 14:30:15 +0200"}', JULY),
    ('{"timestamp":"1 Jul 2026 12:30:15 GMT"}', JULY),
    ('{"timestamp":"Wed, 1 Jul 2026 12:30 -0000"}', JULY.replace(second=0)),
    ('{"timestamp":"Wed, 31 Jun 2026 12:30:15 GMT"}', RECEIVED),
    (f'{{"timestamp":{{"seconds":{JULY_S},"nanos":250125999}}}}', MICROS),
    (f'{{"timestamp":{{"nanos":250000000,"seconds":"{JULY_S}"}}}}', MILLIS),
    (f'{{"timestamp":{{"seconds":1,"seconds":{JULY_S}}}}}', JULY),
    ('{"timestamp":{"nanos":1}}', RECEIVED),
    ('{"timestamp":{"seconds":"x"}}', RECEIVED),
    ('{"timestamp":{"seconds":9223372036854775807}}', RECEIVED),
    ('{"timestamp":"{x"}', RECEIVED),
    (f'{{"timestamp":"{{x","ts":{JULY_S}}}', JULY),
    (f'{{"timestamp":{{}},"ts":{JULY_S}}}', JULY),
    ('{"timestamp":"2026-07-01T12:60:15Z"}', RECEIVED),
    ('{"timestamp":"2026-07-01T12:30:15 Europe/Berlin"}', RECEIVED),
    ('{"timestamp":"2026-02-30T12:30:15Z"}', RECEIVED),
    ('{"timestamp":"2026-07-01T25:30:15Z"}', RECEIVED),
    ('{"timestamp":"2026-07-01T12:30:15+24:00"}', RECEIVED),
    ('{"timestamp":"0000-01-01T00:00:00Z"}', RECEIVED),
    ('{"timestamp":"0001-01-01T00:00:00+01:00"}', RECEIVED),
    ('{"timestamp":"9999-12-31T23:59:59-01:00"}', RECEIVED),
    ('{"timestamp":{"seconds":1}}', datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)),
    ('{"timestamp":[1782909015]}', RECEIVED),
    ('{"timestamp":9223372036854775807}', datetime(2262, 4, 11, 23, 47, 16, 854775, tzinfo=UTC)),
    ('{"timestamp":-9223372036854775808}', datetime(1677, 9, 21, 0, 12, 43, 145225, tzinfo=UTC)),
    ('{"timestamp":9223372036854775808}', RECEIVED),
    ('{"timestamp":99999999999999999999}', RECEIVED),
    ('{"timestamp":-10000000000000000000}', RECEIVED),
    ('{"timestamp":"12345678901234567890"}', RECEIVED),
    ('{"timestamp":"12345678901234567890.5"}', RECEIVED),
    ('{"timestamp":1e20}', RECEIVED),
    ('{"timestamp":' + "9" * 400 + "}", RECEIVED),
    ('{"timestamp":1e999}', RECEIVED),
    ('{"timestamp":-1e999}', RECEIVED),
    ('{"timestamp":1e300}', RECEIVED),
    ('{"timestamp":1e-300}', datetime(1970, 1, 1, tzinfo=UTC)),
    ('{"TimeStamp":1}', RECEIVED),
    (f'{{"Timestamp":{JULY_S},"TIMESTAMP":1}}', JULY),
]

FIELDS = [
    ('{"level":"error"}', {"level": "error"}),
    ('{"level":30}', {"level": "info"}),
    ('{"level":null}', {"level": None}),
    ('{"level":""}', {"level": None}),
    ('{"level":["a", 1]}', {"level": None}),
    ('{"level":[],"severity":"notice"}', {"level": "info"}),
    ('{"level":"","Level":"WRN","LEVEL":"x"}', {"level": "warn"}),
    ('{"status":"warn"}', {"level": None}),
    ('{"log":{"level":"a"},"log.level":"error"}', {"level": "error"}),
    ('{"log":{"level":"e"},"message":"m"}', {"level": "error"}),
    ('{"log":{"level":{"a":1}},"lvl":"e"}', {"level": "error"}),
    ('{"log":{"level":"a","x":{"b":1,"b":2},"level":"e"}}', {"level": "error"}),
    ('{"message":"a\\u0000b\\n\\"c\\""}', {"message": 'a\0b\n"c"'}),
    ('{"message":"\\ud83d\\ude00 é"}', {"message": "😀 é"}),
    ('{"message":{"a": [null, true]}}', {"message": None}),
    ('{"message":{"a":1},"msg":"text"}', {"message": "text"}),
    ('{"message":"{\\"a\\":1}","msg":"text"}', {"message": '{"a":1}'}),
    ('{"message":"{a","msg":"text"}', {"message": "{a"}),
    ('{"message":"","msg":"text"}', {"message": "text"}),
    ('{"event":"text"}', {"message": "text"}),
    ('{"event":"7"}', {"message": "7"}),
    ('{"event":7}', {"message": None}),
    ('{"event":true}', {"message": None}),
    ('{"log":"text","event":"other"}', {"message": "text"}),
    ('{"log":{"level":"i"},"event":"text"}', {"message": "text", "level": "info"}),
    ('{"MESSAGE":[104,105]}', {"message": None}),
    ('{"message":false}', {"message": "false"}),
    ('{"message":12345678901234567890123}', {"message": "12345678901234567890123"}),
    ('{"message":1e999}', {"message": "1e999"}),
    ('{"requestId":"r-1","traceId":"t-1"}', {"request_id": "r-1", "trace_id": "t-1"}),
    ('{"request_id":"r-1","trace_id":"t-1"}', {"request_id": "r-1", "trace_id": "t-1"}),
    ('{"request_id":12345678901234567890123}', {"request_id": "12345678901234567890123"}),
    ('{"request_id":{"a":1},"reqId":"{r}"}', {"request_id": "{r}"}),
    ('{"http":{"request":{"id":"a"},"request.id":"b"}}', {"request_id": "b"}),
    ('{"http":{"request":{"id":"a"},"request":{"id":"b"}}}', {"request_id": "b"}),
    ('{"http":{"request":{"id":"a","id":"b"}}}', {"request_id": "b"}),
    ('{"http":"text","x_request_id":"a"}', {"request_id": "a"}),
    ('{"http":[1],"req":{"id":7}}', {"request_id": "7"}),
    ('{"traceId":null,"trace.id":"a"}', {"trace_id": "a"}),
    ('{"traceId":"a/b"}', {"trace_id": "a/b"}),
    ('{"trace":{"id":"a"},"trace.trace_id":"b"}', {"trace_id": "a"}),
    ('{"trace":{"i\\u0064":"a","id":"b"}}', {"trace_id": "b"}),
    ('{"duration":12}', {"duration": 12.0}),
    ('{"duration":12.5e1}', {"duration": 125.0}),
    ('{"duration":-0}', {"duration": 0.0}),
    ('{"duration":"12"}', {"duration": None}),
    ('{"duration":"12","elapsed_ms":7}', {"duration": 7.0}),
    ('{"event":{"duration":1500000}}', {"duration": 1.5}),
    ('{"request_time":0.25}', {"duration": 250.0}),
    ('{"record":{"metrics":{"durationMs":3}}}', {"duration": 3.0}),
    ('{"duration":true}', {"duration": None}),
    ('{"duration":null}', {"duration": None}),
    ('{"duration":{"ms":1}}', {"duration": None}),
    ('{"duration":1e999}', {"duration": None}),
    ('{"duration":' + "9" * 400 + "}", {"duration": None}),
    ('{"error":"boom"}', {"error": "boom"}),
    ('{"error":{"code":1}}', {"error": None}),
    ('{"error":{}}', {"error": None}),
    ('{"error":[]}', {"error": None}),
    ('{"error":true}', {"error": None}),
    ('{"error":404}', {"error": None}),
    ('{"error":"404"}', {"error": "404"}),
    ('{"error":"true"}', {"error": "true"}),
    ('{"error":""}', {"error": None}),
    ('{"error":{"type":"E"}}', {"error": "E"}),
    ('{"error":{"type":"E"},"err":{"message":"boom"}}', {"error": "boom"}),
    ('{"error":{"type":"E","message":"boom"}}', {"error": "boom"}),
    ('{"error":{"message":{"a":1},"type":"E"}}', {"error": "E"}),
    ('{"error":{"message":7,"type":"E"}}', {"error": "E"}),
    ('{"error":{"message":"boom\\n\\"b\\""}}', {"error": 'boom\n"b"'}),
    ('{"error":{"message":"first","message":"second"}}', {"error": "second"}),
    ('{"error":{"message":"first"},"error":{"message":"second"}}', {"error": "second"}),
    ('{"exception":"Traceback"}', {"error": "Traceback"}),
    ('{"exception":["E","boom"]}', {"error": None}),
    ('{"service":"own"}', {"service": "own"}),
    ('{"service":null}', {"service": "route"}),
    ('{"service":""}', {"service": "route"}),
    ('{"service":{"name":"own"}}', {"service": "own"}),
    ('{"service":{"version":1},"app":"own"}', {"service": "own"}),
    ('{"service":{"name":"a","name":"own"}}', {"service": "own"}),
    ('{"resource":{"service.name":"own"}}', {"service": "own"}),
    ('{"resource":{"service":{"name":"own"}}}', {"service": "own"}),
    ('{"service":7}', {"service": "7"}),
    ("{}", {"service": "route", "namespace": "web", "level": None, "message": None, "duration": None}),
    ('{"namespace":"mine"}', {"namespace": "web"}),
    ('{"level":"first","level":"second"}', {"level": "second"}),
    ('{"level":"first","message":"m","\\u006cevel" : "second"}', {"level": "second", "message": "m"}),
    ('{"level":"first","level":null,"a":"\\"","a":{}}', {"level": None}),
    ('{"error":{"message":"inner"},"message":"outer"}', {"message": "outer", "error": "inner"}),
    ('{"data":{"level":"deep"}}', {"level": None}),
]

NASTY = {
    "control escapes": '{"a":"\\u0001\\u001f\\u007f\\b\\f\\n\\r\\t"}',
    "NUL escapes": '{"a":"\\u0000","\\u0000":1,"message":"\\u0000"}',
    "duplicate keys": '{"a":1,"a":2,"level":"x","level":null}',
    "line separators": '{"a":"\u2028\u2029\x85"}',
    "too large for a double": '{"a":1e999,"b":-1e999,"duration":1e400}',
    "400 digits": '{"a":' + "1234567890" * 40 + ',"duration":' + "1234567890" * 40 + "}",
    "keys with dots": '{"a.b":1,"a":{"b":2,"c.d":3},"":4,".":5}',
    "line ends between tokens": '{\r\n  "a" :\t1 ,\r\n"b":\n[ ]\r\n}',
    "surrogate pairs": '{"\\ud83d\\ude00":"\\ud83d\\ude00😀"}',
    "escaped slashes": '{"a":"\\/","b":"/"}',
    "number text": '{"a":1.0,"b":1.10e+2,"c":-0,"d":0.1e-7,"e":-0.0}',
    "deep": '{"message":' + '{"a":[' * 49 + "1" + "]}" * 49 + "}",
    "DEL and C1": '{"a":"\x7f\x80\x9b\x9f"}',
    "quotes for SQL": """{"a'b\\"c":"';DROP TABLE x;--"}""",
    "not characters": '{"a":"\ufffe\uffff\U0010ffff"}',
    "spaces around": '  {"a":1}\n',
    "long": '{"a":"' + "é" * 16_000 + '"}',
    "empty": "{}",
}


def found_twice(node: Node) -> list[list[EventRow]]:
    """Find all events before and after they are sealed."""
    unsealed = node.rows()
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (len(unsealed), 0)
    return [unsealed, node.rows()]


def test_event_time(node: Node) -> None:
    node.write(*[text for text, _ in TIMES])
    for rows in found_twice(node):
        got = [(row.event, RECEIVED if row.event_time == row.received_time else row.event_time) for row in rows]
        assert got == TIMES


def test_fields(node: Node) -> None:
    node.write(*[text for text, _ in FIELDS], service="route")
    for rows in found_twice(node):
        for (text, expected), row in zip(FIELDS, rows, strict=True):
            assert {name: getattr(row, name) for name in expected} == expected, text


def test_events_stay_as_they_were_sent(node: Node) -> None:
    node.write(*NASTY.values(), namespace="n\u00e9 'ast\"y", service="s\\")
    for rows in found_twice(node):
        assert dict(zip(NASTY, [row.event for row in rows], strict=True)) == NASTY
        assert {(row.namespace, row.service) for row in rows} == {("n\u00e9 'ast\"y", "s\\")}


@pytest.mark.parametrize("copies", [1, 200], ids=["in PostgreSQL", "in a file"])
def test_ids_and_times_are_the_journals(node: Node, copies: int) -> None:
    for number in range(3):
        node.write(*[json.dumps({"n": number, "k": k}) for k in range(copies)])
    unsealed, sealed = found_twice(node)
    assert sealed == unsealed
    assert [row.id for row in sealed] == sorted({row.id for row in sealed})
    assert [json.loads(row.event) for row in sealed] == [{"n": n, "k": k} for n in range(3) for k in range(copies)]
    assert len({row.received_time for row in sealed}) == 3


def test_service_of_route_may_be_missing(node: Node) -> None:
    node.write("{}", service="")
    rows: list[list[Any]] = [[row.service for row in rows] for rows in found_twice(node)]
    assert rows == [[None], [None]]
