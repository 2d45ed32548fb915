"""Lay out the graph of a pipeline's tasks. A template draws it.

Each task is in a column to the right of all tasks that it waits for. An arrow that crosses a column has a place of
its own there, so that it runs between tasks, not over them:

    build ───▶ test ───┬─▶ deploy
      └────────────────┘
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from statistics import fmean

WIDTH, HEIGHT = 166, 54  # of a task
PASS_HEIGHT = 10  # of an arrow that crosses a column
COLUMN_GAP, ROW_GAP = 46, 18
MARGIN = 6
SWEEPS = 4  # over all columns, to untangle arrows; more would change little
MAX_PASSES = 2000  # in total; further arrows go straight across

Place = tuple[str, ...]  # a task (name,), or an arrow crossing a column (from, to, column)
Links = Mapping[Place, Sequence[Place]]


@dataclass(frozen=True, slots=True)
class Box:
    """A task, and its top left corner."""

    name: str
    x: int
    y: float


@dataclass(frozen=True, slots=True)
class Arrow:
    """A dependency. `path` starts at the task that must end first."""

    source: str
    target: str
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole graph, in drawing units."""

    boxes: list[Box]
    arrows: list[Arrow]
    width: int
    height: int


def draw(waits_for: Mapping[str, Sequence[str]]) -> Drawing:
    """Return the drawing of tasks, given what each waits for. Unknown tasks are ignored."""
    known = {name: [one for one in dict.fromkeys(names) if one in waits_for] for name, names in waits_for.items()}
    depths = measure_depths(known)
    chains = _chains(known, depths)
    columns = _columns(depths, chains)
    middles = _arrange(columns, chains)
    top = min((middles[place] - _height(place) / 2 for column in columns for place in column), default=0.0)
    bottom = max((middles[place] + _height(place) / 2 for column in columns for place in column), default=0.0)
    middles = {place: middle - top + MARGIN for place, middle in middles.items()}
    return Drawing(
        boxes=[Box(name, _left(depths[name]), middles[(name,)] - HEIGHT / 2) for name in known],
        arrows=[Arrow(chain[0][0], chain[-1][0], _path(chain, depths, middles)) for chain in chains],
        width=max(0, _left(len(columns)) - COLUMN_GAP) + MARGIN,
        height=round(bottom - top) + 2 * MARGIN,
    )


def measure_depths(waits_for: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return each task's column: 0, or one more than the rightmost task that it waits for."""
    depths: dict[str, int] = {}
    for name in TopologicalSorter(waits_for).static_order():
        depths[name] = 1 + max((depths[one] for one in waits_for[name]), default=-1)
    return depths


def _chains(waits_for: Mapping[str, Sequence[str]], depths: Mapping[str, int]) -> list[list[Place]]:
    """Return, for each arrow, the places that it passes, including its two tasks."""
    chains, passes = [], 0
    for target, sources in waits_for.items():
        for source in sources:
            passed = range(depths[source] + 1, depths[target])
            passes += len(passed)
            between = [(source, target, str(column)) for column in passed] if passes <= MAX_PASSES else []
            chains.append([(source,), *between, (target,)])
    return chains


def _columns(depths: Mapping[str, int], chains: Sequence[Sequence[Place]]) -> list[list[Place]]:
    columns: list[list[Place]] = [[] for _ in range(1 + max(depths.values(), default=-1))]
    for name, depth in sorted(depths.items(), key=lambda item: item[1]):
        columns[depth].append((name,))
    for chain in chains:
        for place in chain[1:-1]:
            columns[int(place[2])].append(place)
    return columns


def _arrange(columns: Sequence[list[Place]], chains: Sequence[Sequence[Place]]) -> dict[Place, float]:
    """Order the columns so that few arrows cross: repeatedly move each place close to the middle of its neighbours.

    Return the middle of each place; columns are centred on 0.
    """
    before, after = defaultdict(list), defaultdict(list)
    for chain in chains:
        for left, right in pairwise(chain):
            before[right].append(left)
            after[left].append(right)
    middles: dict[Place, float] = {}
    for column in columns:
        middles |= _stack(column)
    for _ in range(SWEEPS):
        for column in columns[1:]:
            _sort(column, before, middles)
        for column in reversed(columns[:-1]):
            _sort(column, after, middles)
    return middles


def _sort(column: list[Place], links: Links, middles: dict[Place, float]) -> None:
    column.sort(key=lambda place: fmean(middles[one] for one in links.get(place) or [place]))
    middles |= _stack(column)


def _stack(column: Sequence[Place]) -> dict[Place, float]:
    """Stack places."""
    y = -(sum(map(_height, column)) + ROW_GAP * (len(column) - 1)) / 2
    middles = {}
    for place in column:
        middles[place] = y + _height(place) / 2
        y += _height(place) + ROW_GAP
    return middles


def _height(place: Place) -> int:
    return HEIGHT if len(place) == 1 else PASS_HEIGHT


def _left(column: int) -> int:
    return MARGIN + column * (WIDTH + COLUMN_GAP)


def _path(chain: Sequence[Place], depths: Mapping[str, int], middles: Mapping[Place, float]) -> str:
    """Return the line between two tasks: level within a column, curved between columns."""
    x, y = _left(depths[chain[0][0]]) + WIDTH, middles[chain[0]]
    path = f"M{x} {y:g}"
    for place in chain[1:]:
        left = _left(int(place[2]) if len(place) > 1 else depths[place[0]])
        middle, bend = middles[place], COLUMN_GAP / 2
        path += f"C{x + bend:g} {y:g} {left - bend:g} {middle:g} {left} {middle:g}"
        x, y = left + WIDTH, middle
        if len(place) > 1:
            path += f"H{x}"
    return path
