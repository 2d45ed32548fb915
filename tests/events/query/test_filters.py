"""Filters: every rule of docs/query.md on events that test it."""

from typing import Any

import pytest

from tests.events.query.table import Table

BIG = 9_007_199_254_740_993  # 2^53 + 1: as a float it is 2^53

EVENTS: list[str] = [
    '{"n":1,"v":1}',
    '{"n":2,"v":1.0}',
    '{"n":3,"v":1e0}',
    '{"n":4,"v":"1"}',
    '{"n":5,"v":"1.0"}',
    '{"n":6,"v":"one"}',
    '{"n":7,"v":true}',
    '{"n":8,"v":"true"}',
    '{"n":9,"v":null}',
    '{"n":10}',
    '{"n":11,"v":{"a":1}}',
    '{"n":12,"v":[1,"two",{"a":3},[4],null]}',
    '{"n":13,"v":[]}',
    f'{{"n":14,"v":{BIG}}}',
    f'{{"n":15,"v":{BIG - 1}}}',
    f'{{"n":16,"v":"{BIG}"}}',
    '{"n":17,"v":-5}',
    '{"n":18,"v":"a%b_c"}',
    '{"n":19,"v":"line\\none"}',
    '{"n":20,"v":123456789012345678901234567890}',
    '{"n":21,"v":123456789012345678901234567891}',
]
ALL = list(range(1, len(EVENTS) + 1))
PRESENT = [n for n in ALL if n not in (9, 10)]


@pytest.fixture(scope="module", autouse=True)
def filled(table: Table) -> None:
    table.fill(EVENTS)


def negated(found: list[int]) -> list[int]:
    return [n for n in ALL if n not in found]


@pytest.mark.parametrize(
    ("op", "value", "found"),
    [
        ("=", 1, [1, 2, 3, 4, 5, 12]),
        ("=", 1.0, [1, 2, 3, 4, 5, 12]),
        ("=", "1", [1, 2, 3, 4, 12]),
        ("=", "1.0", [1, 2, 3, 5, 12]),
        ("=", "one", [6]),
        ("=", "One", []),
        ("=", True, [7, 8]),
        ("=", "true", [7, 8]),
        ("=", False, []),
        ("=", "null", []),
        ("=", "two", [12]),
        ("=", 3, []),
        ("=", 4, []),
        ("=", '{"a":1}', []),
        ("=", BIG, [14, 16]),
        ("=", str(BIG), [14, 16]),
        ("=", BIG - 1, [15]),
        ("=", 123456789012345678901234567890, [20]),
        ("in", [1, "one"], [1, 2, 3, 4, 5, 6, 12]),
        ("IN", ["two", BIG], [12, 14, 16]),
        (">", 0, [1, 2, 3, 4, 5, 12, 14, 15, 16, 20, 21]),
        (">", BIG - 1, [14, 16, 20, 21]),
        (">=", BIG, [14, 16, 20, 21]),
        ("<", BIG, [1, 2, 3, 4, 5, 12, 15, 17]),
        ("<=", BIG - 1, [1, 2, 3, 4, 5, 12, 15, 17]),
        ("<", 0, [17]),
        ("<=", 1, [1, 2, 3, 4, 5, 12, 17]),
        (">", 123456789012345678901234567890, [21]),
        (">", "one", [7, 8, 12]),
        ("<", "-6", [17]),
        ("contains", "n", [6, 19]),
        ("INCLUDES", "N", []),
        ("contains", "w", [12]),
        ("starts_with", "t", [7, 8, 12]),
        ("STARTS_WITH", "o", [6]),
        ("ends_with", "e", [6, 7, 8, 19]),
        ("like", "a%c", [18]),
        ("LIKE", "_ne", [6]),
        ("like", "%", [n for n in PRESENT if n not in (11, 13)]),
        ("like", "line_one", [19]),
        ("like", "a%__c", [18]),
        ("like", "_.%", [5]),
        ("like", "%_a" * 100 + "%", []),
        ("matches", "^t", [7, 8, 12]),
        ("MATCH_REGEX", "n$", []),
        ("matches", "(?i)ONE", [6, 19]),
        ("exists", None, PRESENT),
        ("EXISTS", None, PRESENT),
    ],
)
def test_comparison_holds(table: Table, op: str, value: Any, found: list[int]) -> None:
    assert table.found(filters=[{"path": "v", "op": op, "value": value}]) == found
    assert table.found(filters=[{"not": {"path": "v", "op": op, "value": value}}]) == negated(found)


@pytest.mark.parametrize(
    ("op", "value", "positive"),
    [
        ("!=", 1, "="),
        ("not_in", ["one", 1], "in"),
        ("NOT_IN", ["one", 1], "in"),
        ("not_contains", "n", "contains"),
        ("DOES_NOT_INCLUDE", "n", "contains"),
        ("not_like", "%e", "like"),
        ("NOT_LIKE", "%e", "like"),
        ("not_matches", "e$", "matches"),
        ("not_exists", None, "exists"),
        ("DOES_NOT_EXIST", None, "exists"),
    ],
)
def test_negated_op_is_the_negation_of_its_positive(table: Table, op: str, value: Any, positive: str) -> None:
    found = table.found(filters=[{"path": "v", "op": positive, "value": value}])
    assert found
    assert table.found(filters=[{"path": "v", "op": op, "value": value}]) == negated(found)


@pytest.mark.parametrize(
    "few", [[1, "one"], ["two", BIG], [True, "1.0"], [-5, 123456789012345678901234567890], ["nothing"]]
)
def test_many_values_are_compared_as_few_are(table: Table, few: list[Any]) -> None:
    many = [*few, *(f"none {n}" for n in range(300)), *range(10_000, 10_300), *(BIG * n for n in range(1000, 1300))]
    for op in ("in", "not_in"):
        found = [table.found(filters=[{"path": "v", "op": op, "value": values}]) for values in (few, many)]
        assert found[0] == found[1]
    assert table.found(filters=[{"path": "namespace", "op": "in", "value": many}]) == []
    assert table.found(filters=[{"path": "namespace", "op": "not_in", "value": many}]) == ALL
    assert table.found(filters=[{"path": "namespace", "op": "in", "value": [*many, "web"]}]) == ALL


def test_filters_combine(table: Table) -> None:
    one, big = {"path": "v", "op": "=", "value": "one"}, {"path": "v", "op": "=", "value": BIG}
    fourteen = {"path": "n", "op": "=", "value": 14}
    assert table.found(filters=[{"or": [one, big]}]) == [6, 14, 16]
    assert table.found(filters=[big, fourteen]) == table.found(filters=[{"and": [big, fourteen]}]) == [14]
    assert table.found(filters=[{"not": {"or": [one, {"not": big}]}}]) == [14, 16]
    assert table.found(filters=[{"or": []}]) == []
    assert table.found(filters=[{"and": []}]) == ALL
    assert table.found(filters=[fourteen], q="v:1") == []


PATHS = [
    '{"n":1,"http":{"status":500}}',
    '{"n":2,"http.status":501}',
    '{"n":3,"http.status":502,"http":{"status":503}}',
    '{"n":4,"http.status":null,"http":{"status":504}}',
    '{"n":5,"items":[{"id":"a"},{"id":"b"}]}',
    '{"n":6,"a":{"b.c":{"d":1}}}',
    '{"n":7,"level":"INFO","a/b":1,"a~b":2,"":3,"odd key":4}',
    '{"n":8,"http":{"status":1,"status":505}}',
    '{"n":9,"http":{"status":506},"http":{"status":507}}',
    '{"n":10,"http":{"st\\u0061tus":508}}',
    '{"n":11,"http":"{\\"status\\":509}"}',
    '{"n":12,"http":[{"status":510}]}',
]


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("http.status", 500, [1]),
        ("http.status", 501, [2]),
        ("http.status", 502, [3]),
        ("http.status", 503, []),
        ("http.status", 504, [4]),
        ("http.status", 1, []),
        ("http.status", 505, [8]),
        ("http.status", 506, []),
        ("http.status", 507, [9]),
        ("http.status", 508, [10]),
        ("http.status", 509, []),
        ("http.status", 510, []),
        ("http.0.status", 510, [12]),
        ("items.0.id", "a", [5]),
        ("items.1.id", "b", [5]),
        ("items.00.id", "a", []),
        ("a.b.c.d", 1, [6]),
        ("/http/status", 503, [3]),
        ("/http/status", 502, []),
        ("/http.status", 502, [3]),
        ("/a~1b", 1, [7]),
        ("/a~0b", 2, [7]),
        ("/", 3, [7]),
        ("a/b", 1, [7]),
        ("a~b", 2, [7]),
        ("odd key", 4, [7]),
    ],
)
def test_path_finds(table: Table, path: str, value: Any, found: list[int]) -> None:
    table.fill(PATHS)
    assert table.found(filters=[{"path": path, "op": "=", "value": value}]) == found
    table.fill(EVENTS)


def test_well_known_names_mean_columns(table: Table) -> None:
    table.fill(
        [
            {"n": 1, "service": "api", "level": "error", "message": "m", "duration": 5, "error": "e", "id": "x"},
            {"n": 2, "timestamp": "2026-11-27T10:00:00Z", "namespace": "own", "requestId": "r", "traceId": "t"},
        ]
    )
    for q, found in {
        "service:api": [1],
        "level:error": [1],
        "message:m": [1],
        "duration:5": [1],
        "duration>4.5": [1],
        "error:e": [1],
        "id:x": [],
        "/id:x": [1],
        "namespace:web": [1, 2],
        "/namespace:own": [2],
        "request_id:r trace_id:t": [2],
        "dataset:logs": [1, 2],
        "dataset:other": [],
        'event_time:"2026-11-27T10:00:00Z"': [2],
        "event_time<1h": [2],
        "received_time>=1h": [1, 2],
        "event_time:2026-11-27T10*": [2],
    }.items():
        assert table.found(q=q) == found, q
    [(_, first), _] = table.ask().events
    assert table.found(filters=[{"path": "id", "op": "=", "value": str(first.id)}]) == [1]
    table.fill(EVENTS)


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("level:WARN", [1, 2, 3]),
        ("level:warning", [1, 2, 3]),
        ("level:40", [1, 2, 3]),
        ("level:(Wrn OR err)", [1, 2, 3, 4]),
        ("-level:WARN", [4, 5, 6]),
        ("level!=WRN", [4, 5, 6]),
        ("level:Custom", [5]),
        ("/level:WARN", [1]),
        ("level:WARN*", []),
    ],
)
def test_level_is_found_in_any_spelling(table: Table, q: str, found: list[int]) -> None:
    levels = ["WARN", "warning", 40, "error", "custom", None]
    table.fill({"n": n, "level": level} for n, level in enumerate(levels, start=1))
    assert table.found(q=q) == found
    table.fill(EVENTS)


def test_level_as_an_earlier_version_sealed_it_is_found(table: Table) -> None:
    table.fill([{"n": 1, "level": "warn"}, {"n": 2, "level": "error"}])
    table.execute("UPDATE known SET level = 'Warning' WHERE level = 'warn'")
    assert table.found(filters=[{"path": "level", "op": "=", "value": "Warning"}]) == [1]
    assert table.found(filters=[{"path": "level", "op": "in", "value": ["ERR", "Warning"]}]) == [1, 2]
    table.fill(EVENTS)


TEXTS = [
    {"n": 1, "message": "Connection RESET by peer"},
    '{"n":2,"message":"caf\\u00e9 \\/ bar"}',
    {"n": 3, "message": 'say "hi"\nbye'},
    {"n": 4, "message": "a", "other": {"deep": "Café"}},
    {"n": 5, "message": "{DATA_PATH} stays"},
]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("reset", [1]),
        ('"connection reset"', [1]),
        ("connection peer", [1]),
        ("-reset", [2, 3, 4, 5]),
        ("café", [2, 4]),
        ("CAFÉ", [2, 4]),
        ('"é / b"', [2]),
        (r'"say \"hi\""', [3]),
        ("deep", [4]),
        ("con*peer", [1]),
        ("c*fé", [2, 4]),
        ("/RESET by/", [1]),
        ("/é (.) b/", [2]),
        (r"/u00e9/", [2, 4]),
        ("/reset/", []),
        ("/(?i)reset/", [1]),
        ("data_path", [5]),
        ('message:"{DATA_PATH} stays"', [5]),
        ("message:*stays", [5]),
        ("reset OR stays", [1, 5]),
        ("message:(a OR *stays)", [4, 5]),
        ("", [1, 2, 3, 4, 5]),
    ],
)
def test_search_line_finds(table: Table, q: str, found: list[int]) -> None:
    table.fill(TEXTS)
    assert table.found(q=q) == found
    table.fill(EVENTS)
