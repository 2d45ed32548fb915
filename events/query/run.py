"""Run a query: over a snapshot of its datasets' events, exactly if the memory does."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import duckdb
from django.conf import settings

from eventlane.wire.errors import ApiError
from events.lake.connection import Lake
from events.lake.deadline import QueryTimeout
from events.lake.noted_fields import note_asked
from events.lake.partial import read_around
from events.lake.query import event_row
from events.lake.snapshot import open_snapshot, promoted_fields
from events.models import Dataset
from events.query.answer import Answer, make_series, shown, shown_values
from events.query.body import show_place
from events.query.calculations import PERCENTILES
from events.query.compiled import (
    BUCKETED,
    FIRST,
    GROUPED,
    Relation,
    Statement,
    bucketed_statement,
    events_statement,
    first_statement,
    groups_statement,
    is_bucketed,
    json_paths,
    others_statement,
    series_statement,
)
from events.query.files import PART_EVENTS, File, files_of, newest_first
from events.query.measure import files_read, measure
from events.query.model import Place, Query
from events.query.needles import where_of
from events.query.progress import Progress, Tell
from events.query.series import Buckets, make_buckets
from events.query.times import show_time
from events.query.values import Kind

APPROXIMATE = {"count_distinct", *PERCENTILES}  # what can be had with less memory
FEW_EVENTS = 4 * PART_EVENTS  # among no more, all are looked at at once
NONE: frozenset[str] = frozenset()


class QueryTooLarge(ApiError):
    """The query needs more memory than it may have. Ask for less of the past, fewer groups, or fewer calculations."""

    status, code = 400, "query_too_large"


class Events(Relation, Protocol):
    """Events of the query's datasets at one moment, as events.lake.snapshot.Snapshot has them."""

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement."""


def ask(lake: Lake, datasets: Sequence[Dataset], query: Query, tell: Tell | None = None) -> Answer:
    """Return the answer of a lake and this node's journal, without damaged files; raise QueryTimeout, QueryTooLarge.

    `tell` is told how far it is, about once a second as far as that is known.
    """
    [answer] = ask_together(lake, datasets, [query], tell)
    return answer


def ask_together(
    lake: Lake, datasets: Sequence[Dataset], queries: Sequence[Query], tell: Tell | None = None
) -> list[Answer]:
    """Return the answers of one moment to queries with the same time frame and conditions; raise as `ask` does."""
    started = time.monotonic()
    tables = [one.table_name for one in datasets]
    try:
        answers, left_out = read_around(lake, tables, lambda lake: _ask(lake, datasets, queries, tell))
    except (QueryTimeout, QueryTooLarge) as error:
        error.data = (error.data or {}) | {"shorter": _shorter(queries[0])}
        raise
    for query, answer in zip(queries, answers, strict=True):
        answer.statistics.elapsed_ms = (time.monotonic() - started) * 1000
        answer.statistics.add_left_out(left_out)
        note_asked(datasets, json_paths(query))
    return answers


def _shorter(query: Query) -> dict[str, str]:
    """Return the last quarter of the time frame, which may be answered where all of it isn't."""
    start = query.to_us - (query.to_us - query.from_us) // 4
    return {"from": show_time(start), "to": show_time(query.to_us)}


def _ask(lake: Lake, datasets: Sequence[Dataset], queries: Sequence[Query], tell: Tell | None) -> list[Answer]:
    """Answer exactly; where the memory doesn't do, with what takes less of it."""
    try:
        return _ask_snapshot(lake, datasets, queries, NONE, tell)
    except duckdb.OutOfMemoryException:
        inexact = frozenset(one.op for query in queries for one in query.calculations) & APPROXIMATE
    if not inexact:
        raise QueryTooLarge
    try:
        return _ask_snapshot(lake, datasets, queries, inexact, tell)
    except duckdb.OutOfMemoryException:
        raise QueryTooLarge from None


def _ask_snapshot(
    lake: Lake, datasets: Sequence[Dataset], queries: Sequence[Query], approximate: frozenset[str], tell: Tell | None
) -> list[Answer]:
    whole = replace(queries[0], calculations=tuple(one for query in queries for one in query.calculations))
    with open_snapshot(lake, datasets, where_of(whole), promoted=promoted_fields(datasets)) as snapshot:
        files = files_of(snapshot, whole)
        read = files_read(snapshot, whole, files)
        statistics = measure(snapshot, whole, files, read)
        progress = Progress(whole, read, statistics.events_scanned, tell)
        if statistics.events_scanned > settings.EVENTLANE_QUERY_EXACT_VALUES:
            approximate |= PERCENTILES.keys()  # DuckDB holds their values outside of its memory limit
        left = snapshot.rows_left()
        if statistics.events_scanned <= FEW_EVENTS or (left is not None and left <= FEW_EVENTS):
            files = []
            progress.files = []
        progress.report()
        answers = [answer_query(query, snapshot, approximate, files, progress) for query in queries]
        for answer in answers:
            answer.statistics = replace(statistics, warnings=[*statistics.warnings, *answer.statistics.warnings])
        return answers


def answer_query(
    query: Query,
    events: Events,
    approximate: frozenset[str] = NONE,
    files: Sequence[File] = (),
    progress: Progress | None = None,
) -> Answer:
    """Return the answer of one snapshot; raise QueryTimeout, QueryTooLarge, or what the events' own `execute` raises.

    Calculations with an op in `approximate` take less memory, and are not exact. The newest events are looked for in
    parts that the `files` tell; events are counted in parts that `progress` tells, and reported to it.
    """
    answer, progress = Answer(query), progress or Progress(query)
    progress.since_us = None
    try:
        if query.calculations:
            _calculate(answer, events, approximate, progress)
        else:
            _find_events(answer, events, files, progress)
    except QueryTimeout:
        since = "" if progress.since_us is None else show_time(progress.since_us)
        raise QueryTimeout(progress.events, since, progress.looked_at()) from None
    return answer


def _calculate(answer: Answer, events: Events, approximate: frozenset[str], progress: Progress) -> None:
    query = answer.query
    buckets = _buckets(query)
    if buckets and is_bucketed(query):
        for number, part in enumerate(progress.parts(query, buckets.edges)):
            _run(events, bucketed_statement(part, events, buckets, more=number > 0))
    groups = groups_statement(query, events, approximate)
    _run(events, groups)
    _run(events, first_statement(query, events, groups.columns))
    _take_rows(answer, events, groups)
    if query.others and _has_others(query, events):
        others = others_statement(query, events, approximate)
        [values] = _run(events, others)
        answer.others = [None] * len(query.group_by) + shown_values(values, others.columns)
    if buckets:
        _take_series(answer, events, buckets, approximate)
    events.execute("; ".join(f"DROP TABLE IF EXISTS {table}" for table in (BUCKETED, GROUPED, FIRST)))
    if inexact := [one.name for one in query.calculations if one.op in approximate]:
        answer.statistics.warnings.append(f"{', '.join(inexact)}: approximate, exact values would take too much memory")


def _run(events: Events, statement: Statement) -> list[tuple[Any, ...]]:
    return events.execute(statement.sql, statement.parameters)


def _take_rows(answer: Answer, events: Events, groups: Statement) -> None:
    keys = len(answer.query.group_by)
    names = [*(f"s{n}" for n in range(keys)), *(f"c{n}" for n in range(len(groups.columns)))]
    for values in events.execute(f"SELECT {', '.join(names)} FROM {FIRST} ORDER BY place"):
        shown_keys = [shown(value, Kind.JSON) for value in values[:keys]]
        answer.rows.append(shown_keys + shown_values(values[keys:], groups.columns))


def _has_others(query: Query, events: Events) -> bool:
    return bool(query.group_by) and events.execute(f"SELECT count(*) FROM {GROUPED}")[0][0] > query.limit


def _buckets(query: Query) -> Buckets | None:
    if query.granularity_us is None:
        return None
    return make_buckets(query.granularity_us, query.from_us, query.to_us, query.zone)


def _take_series(answer: Answer, events: Events, buckets: Buckets, approximate: frozenset[str]) -> None:
    query = answer.query
    if len(answer.rows) * len(query.calculations) * len(buckets.starts) > settings.EVENTLANE_QUERY_VALUES:
        raise QueryTooLarge("The series has too many values. Ask for fewer groups, or a coarser granularity.")
    statement = series_statement(query, events, buckets, approximate)
    found = _run(events, statement) if answer.rows else []
    answer.series = make_series(query, buckets, len(answer.rows), found, statement.columns)


def _find_events(answer: Answer, events: Events, files: Sequence[File], progress: Progress) -> None:
    query = answer.query
    rows: list[tuple[Any, ...]] = []
    for part in newest_first(query, files):
        progress.since_us = part.to_us if part.to_us < query.to_us else None
        rows += _run(events, events_statement(replace(part, limit=query.limit - len(rows)), events))
        if len(rows) == query.limit:
            break
    answer.events = [(dataset, event_row(tuple(values))) for _, dataset, *values in rows]
    if len(rows) == query.limit and not query.order_by:
        time_us, _, id, *_ = rows[-1]
        answer.before = show_place(Place(time_us, str(id)))
