"""Calculations, groups, what lies beyond the limit, and the series."""

import json
import math
import statistics
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from eventlane.wire.errors import InvalidRequestBody
from events.query.run import QueryTooLarge
from events.query.series import auto_granularity, make_buckets
from events.query.times import EARLIEST, LATEST, SECOND
from tests.events.query.table import NOW_US, Table

VALUES = [3, "5", 4.5, "x", None, True, {"a": 1}, [1], 5, "y"]
EVENTS: list[Any] = [
    {"n": n, "timestamp": 1_795_780_000 + n, "v": value, "g": "ab"[n % 2]} for n, value in enumerate(VALUES)
]
NUMBERS = [3, 5, 4.5, 5]


@pytest.fixture(autouse=True)
def filled(table: Table) -> None:
    table.fill([*EVENTS, {"n": 10, "timestamp": 1_795_780_010}])


def calculated(table: Table, op: str, path: str | None = "v", **body: Any) -> Any:
    [row] = table.ask(calculations=[{"op": op, "path": path}], **body).rows
    return row[-1]


@pytest.mark.parametrize("groups", [[], ["level"], ["service", "level"]])
def test_counts_by_bucket_are_those_of_other_calculations(table: Table, groups: list[str]) -> None:
    levels = ["error", "info", None]
    table.fill(
        {"timestamp": 1_795_780_000 + 7 * n, "service": f"s{n % 4}", "duration": n, "level": levels[n % 3]}
        for n in range(200)
    )
    counts = [{"op": "count"}, {"op": "rate"}, {"op": "count", "path": "level", "alias": "with level"}]
    body: dict[str, Any] = {
        "group_by": groups,
        "granularity": "5m",
        "limit": 2,
        "from_": "2026-11-27T00:00:00Z",
        "to": "2026-11-28T00:00:00Z",
    }
    if groups:
        body |= {
            "having": [{"path": "count", "op": ">", "value": 5}],
            "order_by": [{"by": "rate"}, *({"by": one} for one in groups)],
        }
    alone = table.ask(calculations=counts, **body)
    beside = table.ask(calculations=[*counts, {"op": "max", "path": "duration"}], **body)
    assert alone.rows == [row[:-1] for row in beside.rows]
    assert len(alone.rows) == (2 if groups else 1)
    assert alone.others == (beside.others and pytest.approx(beside.others[:-1]))
    assert alone.series and beside.series
    assert alone.series.values == [row[:-1] for row in beside.series.values]


@pytest.mark.parametrize(
    ("op", "value"),
    [
        ("count", 9),
        ("count_distinct", 8),
        ("sum", 17.5),
        ("avg", 4.375),
        ("min", 3),
        ("max", 5),
        ("median", 4.75),
        ("p50", 4.75),
        ("p25", 4.125),
        ("p75", 5),
        ("stddev", statistics.stdev(NUMBERS)),
        ("variance", statistics.variance(NUMBERS)),
        ("first", 3),
        ("last", "y"),
    ],
)
def test_calculation(table: Table, op: str, value: Any) -> None:
    found = calculated(table, op)
    assert found == (pytest.approx(value) if isinstance(value, float) else value)
    assert calculated(table, op.upper()) == found


def test_percentiles_lie_between_values(table: Table) -> None:
    table.fill([{"v": n} for n in range(1001)])
    for op, value in {
        "p001": 1,
        "p01": 10,
        "p05": 50,
        "p10": 100,
        "p90": 900,
        "p95": 950,
        "p99": 990,
        "p999": 999,
    }.items():
        assert calculated(table, op) == value


def test_calculation_over_nothing_is_null(table: Table) -> None:
    for op in ("sum", "avg", "min", "max", "median", "p95", "stddev", "variance", "first", "last"):
        assert calculated(table, op, "nowhere") is None
    assert [calculated(table, op, "nowhere") for op in ("count", "count_distinct", "rate")] == [0, 0, 0]
    assert calculated(table, "count", None, q="nowhere:5") == 0


def test_extremes_of_text_are_by_text(table: Table) -> None:
    assert (calculated(table, "min", "g"), calculated(table, "max", "g")) == ("a", "b")
    assert (calculated(table, "min", q="v:(x OR y)"), calculated(table, "max", q="v:(x OR y)")) == ("x", "y")
    assert calculated(table, "max", "namespace") == "web"


def test_extremes_are_exact(table: Table) -> None:
    table.fill([{"v": 2**60 + n} for n in range(5)] + [{"v": str(2**60 + 5)}, {"v": 2**60 - 1}])
    assert (calculated(table, "min"), calculated(table, "max")) == (2**60 - 1, 2**60 + 5)


def test_numbers_too_large_are_no_error(table: Table) -> None:
    table.fill(['{"v":1e308}', '{"v":-1e308}', '{"v":1e308}', '{"v":1e400}', '{"v":"1e999"}'])
    for op in ("sum", "avg", "stddev", "variance", "median", "min", "max", "p99"):
        found = calculated(table, op)
        assert found is None or math.isfinite(found)


def test_rate_is_per_second_of_the_time_frame(table: Table) -> None:
    table.fill([{"n": n} for n in range(30)])
    assert calculated(table, "rate", None, from_="1m", to="now") == 0.5


def test_columns_are_calculated(table: Table) -> None:
    table.fill([{"duration": 5, "level": "info"}, {"duration": 7.5, "level": "error"}, {"level": "error"}])
    assert calculated(table, "p50", "duration") == 6.25
    assert (calculated(table, "max", "duration"), calculated(table, "last", "level")) == (7.5, "error")
    assert calculated(table, "count_distinct", "level") == 2
    assert calculated(table, "max", "received_time") == "2026-11-27T11:59:59.999999Z"
    assert calculated(table, "count_distinct", "id") == 3


def test_groups_come_by_the_first_calculation(table: Table) -> None:
    table.fill([{"g": g} for g in "aabbbc"] + [{}, {"g": None}, {}, {}])
    answer = table.ask(calculations=[{"op": "count"}], group_by=["g"])
    assert answer.columns() == [{"name": "g", "kind": "group"}, {"name": "count", "kind": "calculation"}]
    assert (answer.rows, answer.others) == ([[None, 4], ["b", 3], ["a", 2], ["c", 1]], None)
    answer = table.ask(calculations=[{"op": "count"}], group_by=["g"], order_by=[{"by": "g"}], limit=2)
    assert (answer.rows, answer.others) == ([["a", 2], ["b", 3]], [None, 5])
    answer = table.ask(calculations=[{"op": "count"}], group_by=["g"], limit=2, others=False)
    assert (answer.rows, answer.others) == ([[None, 4], ["b", 3]], None)


def test_equal_values_are_one_group(table: Table) -> None:
    table.fill(
        ['{"g":1}', '{"g":1.0}', '{"g":"1"}', '{"g":1e0}', '{"g":true}', '{"g":"true"}', '{"g":[1]}', '{"g":[1]}']
    )
    answer = table.ask(calculations=[{"op": "count"}], group_by=["g"])
    assert answer.rows == [[1, 4], [[1], 2], [True, 2]]
    answer = table.ask(calculations=[{"op": "count"}], group_by=["g"], order_by=[{"by": "g"}])
    assert answer.rows[0] == [1, 4]


def test_others_sum_up_everything_beyond_the_limit(table: Table) -> None:
    table.fill([{"g": n % 20, "v": n} for n in range(200)])
    answer = table.ask(
        calculations=[{"op": "count"}, {"op": "max", "path": "v"}, {"op": "median", "path": "v"}],
        group_by=["g"],
        order_by=[{"by": "g"}],
        limit=5,
    )
    rest = [n for n in range(200) if n % 20 >= 5]
    assert answer.others == [None, 150, 199, statistics.median(rest)]
    assert sum(row[1] for row in answer.rows) + answer.others[1] == 200


def test_having_filters_groups(table: Table) -> None:
    table.fill([{"g": g, "h": 1, "v": g} for g in "aabbbc"])
    body = {"calculations": [{"op": "count"}, {"op": "max", "path": "v", "alias": "top"}], "group_by": ["g", "h"]}
    assert table.ask(**body, having=[{"path": "count", "op": ">=", "value": 2}]).rows == [
        ["b", 1, 3, "b"],
        ["a", 1, 2, "a"],
    ]
    assert table.ask(**body, having=[{"path": "top", "op": "in", "value": ["c", "a"]}]).rows == [
        ["a", 1, 2, "a"],
        ["c", 1, 1, "c"],
    ]
    answer = table.ask(**body, having=[{"path": "count", "op": ">=", "value": 2}], limit=1)
    assert answer.others == [None, None, 2, "a"]


# Series


def minutes(*events: tuple[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events so many minutes after 10:00."""
    return [event | {"timestamp": 1_795_773_600 + 60 * minute} for minute, event in events]


def test_series_has_every_bucket_of_every_row(table: Table) -> None:
    table.fill(minutes((0, {"g": "a", "v": 5}), (0, {"g": "a"}), (2, {"g": "b", "v": 1}), (3, {"g": "c"})))
    answer = table.ask(
        from_="2026-11-27T10:00:00Z",
        to="2026-11-27T10:04:00Z",
        calculations=[{"op": "count"}, {"op": "max", "path": "v"}, {"op": "rate"}, {"op": "sum", "path": "v"}],
        group_by=["g"],
        order_by=[{"by": "g"}],
        limit=2,
        granularity="1m",
    )
    assert answer.series and answer.series.show() == {
        "granularity_seconds": 60,
        "times": [f"2026-11-27T10:0{minute}:00Z" for minute in range(4)],
        "values": [
            [[2, 0, 0, 0], [5, None, None, None], [2 / 60, 0, 0, 0], [5, 0, 0, 0]],
            [[0, 0, 1, 0], [None, None, 1, None], [0, 0, 1 / 60, 0], [0, 0, 1, 0]],
        ],
    }
    assert [row[:2] for row in answer.rows] == [["a", 2], ["b", 1]]


def test_series_of_no_group(table: Table) -> None:
    table.fill(minutes((1, {}), (1, {}), (3, {})))
    body = {"from_": "2026-11-27T10:00:30Z", "to": "2026-11-27T10:03:30Z", "granularity": "1m"}
    answer = table.ask(**body, calculations=[{"op": "count"}, {"op": "rate"}])
    assert answer.series and answer.series.values == [[[0, 2, 0, 1], [0, 2 / 60, 0, 1 / 30]]]
    assert answer.series.show()["times"][0] == "2026-11-27T10:00:00Z"
    assert answer.rows == [[3, 3 / 180]]
    answer = table.ask(**body, calculations=[{"op": "count"}], q="nothing")
    assert (answer.rows, answer.series and answer.series.values) == ([[0]], [[[0, 0, 0, 0]]])
    answer = table.ask(**body, calculations=[{"op": "count"}], group_by=["g"], q="nothing")
    assert (answer.rows, answer.series and answer.series.values) == ([], [])


def test_days_begin_at_midnight_of_the_time_zone(table: Table) -> None:
    hours = [datetime(2026, 10, 24, 12, tzinfo=UTC).timestamp() + 3600 * hour for hour in range(72)]
    table.fill([{"timestamp": at} for at in hours])
    answer = table.ask(
        from_="2026-10-24", to="2026-10-28", time_zone="Europe/Berlin", granularity="1d", calculations=[{"op": "count"}]
    )
    assert answer.series and answer.series.show() == {
        "granularity_seconds": 86400,
        "times": ["2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"],
        "values": [[[10, 25, 24, 13]]],
    }


def test_weeks_begin_on_monday(table: Table) -> None:
    answer = table.ask(from_="2026-11-25", to="2026-12-01", granularity="1w", calculations=[{"op": "count"}])
    assert answer.series and answer.series.show()["times"] == ["2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"]


@pytest.mark.parametrize(
    ("span", "seconds"), [("1m", 1), ("1h", 60), ("6h", 300), ("24h", 1800), ("7d", 3 * 3600), ("365d", 7 * 86400)]
)
def test_auto_makes_about_sixty_buckets(table: Table, span: str, seconds: int) -> None:
    answer = table.ask(from_=span, to="now", granularity="auto", calculations=[{"op": "count"}])
    assert answer.series and answer.series.show()["granularity_seconds"] == seconds
    assert 30 <= len(answer.series.buckets.starts) <= 90


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_auto_makes_about_sixty_buckets_of_any_time(zone: str) -> None:
    span = 60 * SECOND
    while span < LATEST - EARLIEST:
        width = auto_granularity(LATEST - span, LATEST)
        assert 35 <= len(make_buckets(width, LATEST - span, LATEST, ZoneInfo(zone)).starts) <= 100, span // SECOND
        span = span * 11 // 10


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Kiritimati"])
@pytest.mark.parametrize("granularity", ["1s", "1d", "1w"])
def test_first_and_last_second_have_a_bucket(table: Table, zone: str, granularity: str) -> None:
    table.fill([{"timestamp": "0001-01-01T00:00:00Z"}, {"timestamp": "9999-12-31T23:59:59.5Z"}])
    for frame in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:01Z"), ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.9Z"):
        answer = table.ask(
            from_=frame[0], to=frame[1], time_zone=zone, granularity=granularity, calculations=[{"op": "count"}]
        )
        assert answer.series and answer.series.values == [[[1]]]


def test_all_of_time_has_buckets(table: Table) -> None:
    answer = table.ask(
        from_="0001-01-03", to="9999-12-31", granularity="auto", calculations=[{"op": "count"}], time_zone="Asia/Tokyo"
    )
    assert answer.series and 30 <= len(answer.series.buckets.starts) <= 90


def test_two_thousand_buckets_are_enough(table: Table) -> None:
    body: dict[str, Any] = {"to": "2026-11-27T10:00:00Z", "granularity": "1s", "calculations": [{"op": "count"}]}
    answer = table.ask(from_="2026-11-27T09:26:40Z", **body)
    assert answer.series and len(answer.series.buckets.starts) == 2000
    with pytest.raises(InvalidRequestBody):
        table.ask(from_="2026-11-27T09:26:39Z", **body)


def test_series_of_too_many_values_is_refused(table: Table) -> None:
    table.fill([{"g": n} for n in range(600)])
    calculations = [{"op": "max", "path": f"v{n}"} for n in range(2)]
    with pytest.raises(QueryTooLarge):
        table.ask(
            from_="now-2000s",
            to="now",
            granularity="1s",
            limit=600,
            group_by=["g"],
            calculations=calculations,
        )


# Events


def test_events_come_newest_first_and_go_on(table: Table) -> None:
    table.fill([{"n": n, "timestamp": 1_795_773_600 + n // 3} for n in range(10)])
    seen, before = [], None
    for _ in range(4):
        answer = table.ask(limit=3, before=before, from_="2026-11-01", to="now")
        seen += [row.event for _, row in answer.events]
        before = answer.before
    assert [text[6] for text in seen] == list("9876543210")
    assert before is None
    [(_, first), *_] = table.ask(order_by=[{"by": "n"}], limit=3).events
    assert '"n": 0' in first.event


def test_newest_events_are_found_wherever_they_lie(table: Table) -> None:
    """The time frame is looked through in parts: each event is found once, also at their seams and in the future."""
    day, now = 86_400, NOW_US // 1_000_000
    ago = [-3 * day, 0, 1, day // 256, day // 256 + 1, day // 16, day // 2, day - 1]
    table.fill([{"n": n, "timestamp": now - seconds} for n, seconds in enumerate(ago)])
    assert numbers_of(table.ask(from_="1d", to="now+7d")) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert numbers_of(table.ask(from_="1d", to="now")) == [2, 3, 4, 5, 6, 7]
    for limit in range(1, 9):
        assert numbers_of(table.ask(from_="1d", to="now+7d", limit=limit)) == list(range(limit))
    before = table.ask(from_="1d", to="now+7d", limit=3).before
    assert numbers_of(table.ask(from_="1d", to="now+7d", before=before)) == [3, 4, 5, 6, 7]


def numbers_of(answer: Any) -> list[int]:
    return [json.loads(row.event)["n"] for _, row in answer.events]


def test_time_frame_is_half_open(table: Table) -> None:
    table.fill([{"n": n, "timestamp": 1_795_773_600 + n} for n in range(3)])
    assert table.found(from_="2026-11-27T10:00:00Z", to="2026-11-27T10:00:02Z") == [0, 1]
    assert table.found(from_="2026-11-27T10:00:00Z", to="2026-11-27T10:00:02Z", time="received") == []
    assert table.found(from_=NOW_US - 1, to=NOW_US, time="received") == [0, 1, 2]


def test_datasets_are_asked_together(table: Table) -> None:
    table.fill([{"n": 1}], dataset="logs")
    table.add([{"n": 2}], dataset="audit")
    assert [dataset for dataset, _ in table.ask(datasets=["logs", "audit"]).events] == ["audit", "logs"]
    assert table.ask(calculations=[{"op": "count"}], group_by=["dataset"], order_by=[{"by": "dataset"}]).rows == [
        ["audit", 1],
        ["logs", 1],
    ]
