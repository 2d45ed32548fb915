"""Answers as lines of text: tables, CSV, bars and small curves."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from events.lake.lines import visible
from events.query.answer import Answer, Row
from events.query.times import show_time

BLOCKS = " ▁▂▃▄▅▆▇█"
BAR_WIDTH = 40
MAX_WIDTH = 60  # of a cell in a table
OTHERS = "others"


def table_of(answer: Answer) -> tuple[list[str], list[Row]]:
    """Return an answer as one table: a row for each group, or for each bucket of each group."""
    names = [column["name"] for column in answer.columns()]
    if answer.series is None:
        return names, answer.rows
    return ["time", *names], list(_bucket_rows(answer))


def _bucket_rows(answer: Answer) -> Iterator[Row]:
    assert answer.series is not None
    groups = len(answer.query.group_by)
    for index, start in enumerate(answer.series.buckets.starts):
        for row, values in zip(answer.rows, answer.series.values, strict=True):
            yield [show_time(start), *row[:groups], *(calculation[index] for calculation in values)]


def text_table(names: Sequence[str], rows: Iterable[Row], numbers_from: int) -> Iterator[str]:
    """Yield the lines of a table; columns from `numbers_from` on stand to the right."""
    cells = [[visible(name) for name in names], *([_cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        aligned = (
            cell.rjust(width) if number >= numbers_from else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(aligned).rstrip()


def csv_lines(names: Sequence[str], rows: Iterable[Row], *, safe: bool = False) -> Iterator[str]:
    """Yield the lines of CSV; what isn't there is empty, lists and objects are JSON.

    With `safe`, characters that a terminal would obey are made visible.
    """
    for row in [list(names), *rows]:
        line = io.StringIO()
        cells = map(_plain, row)
        csv.writer(line, lineterminator="").writerow(map(visible, cells) if safe else cells)
        yield line.getvalue()


def chart(answer: Answer) -> Iterator[str]:
    """Yield the lines of a chart of the first calculation: a bar for each row, or a curve where there is a series."""
    groups = len(answer.query.group_by)
    names = [" ".join(map(_cell, row[:groups])) or answer.query.calculations[0].name for row in answer.rows]
    width = max(map(len, names), default=0)
    if answer.series is None:
        values = [row[groups] for row in answer.rows]
        top = _top(values)
        for name, value in zip(names, values, strict=True):
            yield f"{name.ljust(width)}  {_bar(value, top)} {_cell(value)}".rstrip()
        return
    curves = [values[0] for values in answer.series.values]
    top = _top([value for curve in curves for value in curve])
    for name, curve in zip(names, curves, strict=True):
        yield f"{name.ljust(width)}  {''.join(_block(value, top) for value in curve)}  up to {_cell(_top(curve))}"
    starts = answer.series.buckets.starts
    yield f"{' ' * width}  {show_time(starts[0])} to {show_time(starts[-1])}"


def _cell(value: Any) -> str:
    text = "-" if value is None else visible(_plain(value))
    return text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 1] + "…"


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else str(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> float:
    """Return what a bar is as long as; nothing for what is no number above 0."""
    return max(float(value), 0.0) if isinstance(value, int | float) else 0.0


def _top(values: Sequence[Any]) -> float:
    return max(map(_number, values), default=0.0)


def _bar(value: Any, top: float) -> str:
    eighths = round(BAR_WIDTH * 8 * _number(value) / top) if top else 0
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _block(value: Any, top: float) -> str:
    """Return a block as high as the value; a value above 0 is always to be seen."""
    number = _number(value)
    return BLOCKS[max(1, round(8 * number / top))] if number else BLOCKS[0]
