"""What the home page asks of the events of several datasets at once: how many there are by level, and which errors."""

from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from time import time_ns
from typing import Any

from django.urls import reverse

from eventlane.patterns import expression_of, pattern_of
from eventlane.times import from_microseconds
from events.console.explore.bars import StackedChart, kind_of, stack
from events.console.explore.event import short
from events.console.explore.question import Question, explore_address
from events.console.explore.stack_traces import telling_line
from events.console.explore.terms import group_term
from events.console.home.datasets import ERRORS
from events.lake.lines import visible
from events.lake.slots import slots
from events.models import Dataset
from events.query.answer import Answer, Series
from events.query.body import MAX_ROWS, read_query
from events.query.run import ask
from events.query.times import read_time

MOST_DATASETS = 50
MOST_MESSAGES = 5000  # different ones, the newest
SHOWN_PATTERNS = 10
ERROR_KINDS = ("error", "fatal")
SOME = "some"  # stands for the dataset in the addresses of a chart, until it is known which one each leads to


@dataclass(frozen=True, slots=True)
class Levels:
    """The chart of events by level, and the number of errors of each dataset by its id."""

    chart: StackedChart
    total: int
    errors: dict[str, int]
    asked: int  # datasets
    is_cut: bool  # there may be events of other datasets
    warnings: list[str]


@dataclass(slots=True)
class Pattern:
    """Error messages of a dataset that differ in numbers, ids and quoted texts only; a single one as it is.

    Of stack traces, the telling line is compared.
    """

    dataset: Dataset
    text: str
    message: str | None  # the newest
    count: int
    first: datetime
    last: datetime
    messages: int = 0  # different ones
    address: str = ""


def ask_levels(datasets: Sequence[Dataset], last: str, owner: str) -> Levels:
    """Count the events of a time frame up to now by level; raise ApiError."""
    asked = datasets[:MOST_DATASETS]
    body = {"calculations": [{"op": "count"}], "group_by": ["dataset", "level"], "granularity": "auto"}
    answer = _ask(asked, {"from": last, **body}, MAX_ROWS, owner)
    chart = stack(_of_all_datasets(answer), Question(SOME, from_time=last), "")
    errors: Counter[str] = Counter()
    for dataset_id, level, count in answer.rows:
        errors[dataset_id] += count if kind_of(level) in ERROR_KINDS else 0
    return Levels(
        chart=_leading_to_datasets(chart, answer),
        total=sum(count for *_, count in answer.rows),
        errors=dict(errors),
        asked=len(asked),
        is_cut=len(datasets) > len(asked),
        warnings=answer.statistics.warnings,
    )


def ask_errors(datasets: Sequence[Dataset], last: str, owner: str) -> tuple[list[Pattern], int]:
    """Return the patterns of a time frame's errors, the newest first, and how many errors there are besides.

    Raise ApiError. Of more than MOST_MESSAGES different messages, only the newest are looked at.
    """
    asked = datasets[:MOST_DATASETS]
    calculations = [{"op": "count"}, *({"op": op, "path": "event_time"} for op in ("min", "max"))]
    order = [{"by": "max(event_time)", "order": "desc"}]
    body = {"q": ERRORS, "calculations": calculations, "group_by": ["dataset", "message"], "order_by": order}
    answer = _ask(asked, {"from": last, **body}, MOST_MESSAGES, owner)
    by_id = {dataset.pk: dataset for dataset in asked}
    found: dict[tuple[str, str], Pattern] = {}
    for dataset_id, message, count, first, latest in answer.rows:
        text = pattern_of(telling_line(str(message or "")))
        new = Pattern(by_id[dataset_id], text, message, 0, _time(first), _time(latest))
        pattern = found.setdefault((dataset_id, text), new)
        pattern.count += count
        pattern.messages += 1
        pattern.first = min(pattern.first, new.first)
    shown = list(found.values())[:SHOWN_PATTERNS]
    for pattern in shown:
        if pattern.messages == 1:
            pattern.text = short(visible(telling_line(pattern.message or "")))
        pattern.address = explore_address(pattern.dataset.pk, q=_search_of(pattern), from_time=last)
    unlisted = sum(pattern.count for pattern in list(found.values())[SHOWN_PATTERNS:])
    return shown, unlisted + (answer.others[2] if answer.others else 0)


def _time(text: str) -> datetime:
    return from_microseconds(read_time(text, now_us=0))


def _search_of(pattern: Pattern) -> str:
    """Return the search line that finds the messages of a pattern."""
    term = group_term("message", pattern.message) if pattern.messages == 1 else None
    if not term and pattern.message:
        line = telling_line(pattern.message)
        term = f"message:{expression_of(pattern_of(line), any_line=line != pattern.message)}"
    return f"{ERRORS} {term}" if term else ERRORS


def _ask(datasets: Sequence[Dataset], body: dict[str, Any], limit: int, owner: str) -> Answer:
    """Ask events of datasets, each by its id: two projects may have datasets of the same name."""
    named = [copy(dataset) for dataset in datasets]
    for one in named:
        one.name = one.pk
    query = read_query({"datasets": ["any"], **body}, now_us=time_ns() // 1000)
    query = replace(query, datasets=tuple(one.pk for one in named), limit=limit)
    return slots.run(lambda lake: ask(lake, named, query), owner)


def _of_all_datasets(answer: Answer) -> Answer:
    """Return the answer to the same question without the datasets."""
    assert answer.series is not None
    by_level: dict[Any, list[int]] = {}
    for (_, level, _), [counts] in zip(answer.rows, answer.series.values, strict=True):
        sums = by_level.setdefault(level, [0] * len(counts))
        sums[:] = [one + other for one, other in zip(sums, counts, strict=True)]
    rows = [[level, sum(counts)] for level, counts in by_level.items()]
    series = Series(answer.series.buckets, [[counts] for counts in by_level.values()])
    return Answer(answer.query, rows=rows, series=series)


def _leading_to_datasets(chart: StackedChart, answer: Answer) -> StackedChart:
    """Let each bar lead to the dataset that has most of it, and each level of the legend as well."""
    assert answer.series is not None
    by_bucket: list[Counter[str]] = [Counter() for _ in chart.bars]
    by_kind: dict[str, Counter[str]] = {}
    for (dataset_id, level, count), [counts] in zip(answer.rows, answer.series.values, strict=True):
        by_kind.setdefault(kind_of(level), Counter())[dataset_id] += count
        for bucket, events in zip(by_bucket, counts, strict=True):
            bucket[dataset_id] += events
    bars = [
        replace(bar, address=_leading(bar.address, found)) for bar, found in zip(chart.bars, by_bucket, strict=True)
    ]
    legend = [replace(one, address=_leading(one.address, by_kind[one.kind])) for one in chart.legend]
    return replace(chart, bars=bars, legend=legend)


def _leading(address: str, found: Counter[str]) -> str:
    """Return the address of Explore for the dataset with most of the events; `address` has SOME in its place."""
    [(dataset_id, _)] = found.most_common(1) or [("", 0)]
    return reverse("console-explore") + address.replace(SOME, dataset_id, 1) if address else ""
