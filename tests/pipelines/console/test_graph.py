"""The drawing of a pipeline: whatever the graph, it can be read."""

import re
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.console import graph
from pipelines.console.graph import HEIGHT, WIDTH, Drawing, draw, measure_depths
from tests.examples import examples


@st.composite
def waits(draw: st.DrawFn) -> dict[str, list[str]]:
    """Any tasks, each waiting for some of those before it."""
    count = draw(st.integers(1, 12))
    names = [f"t{number}" for number in range(count)]
    return {name: draw(st.lists(st.sampled_from(names[:n] or [""]), max_size=4)) for n, name in enumerate(names)}


def test_tasks_stand_right_of_all_they_wait_for() -> None:
    depths = measure_depths({"deploy": ["test", "build"], "test": ["build"], "build": [], "lint": []})
    assert depths == {"build": 0, "lint": 0, "test": 1, "deploy": 2}


def test_one_task_is_a_box_that_fills_the_drawing() -> None:
    drawing = draw({"only": []})
    [box] = drawing.boxes
    assert (box.x, box.y) == (graph.MARGIN, graph.MARGIN) and not drawing.arrows
    assert (drawing.width, drawing.height) == (WIDTH + 2 * graph.MARGIN, HEIGHT + 2 * graph.MARGIN)


def test_a_fork_is_symmetric() -> None:
    drawing = draw({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})
    y = {box.name: box.y for box in drawing.boxes}
    assert y["a"] == y["d"] == pytest.approx((y["b"] + y["c"]) / 2)
    assert y["c"] - y["b"] == HEIGHT + graph.ROW_GAP


def test_an_arrow_goes_around_the_tasks_between() -> None:
    drawing = draw({"a": [], "b": ["a"], "c": ["b", "a"]})
    [long] = [arrow for arrow in drawing.arrows if (arrow.source, arrow.target) == ("a", "c")]
    [level] = [float(y) for y in re.findall(r"([\d.]+)H", long.path)]
    [between] = [box for box in drawing.boxes if box.name == "b"]
    assert not between.y <= level <= between.y + HEIGHT


def test_untangled_rows_follow_what_they_wait_for() -> None:
    drawing = draw({"a": [], "b": [], "c": [], "for-c": ["c"], "for-b": ["b"], "for-a": ["a"]})
    y = {box.name: box.y for box in drawing.boxes}
    assert y["a"] == y["for-a"] and y["b"] == y["for-b"] and y["c"] == y["for-c"]


def test_unknown_and_repeated_names_are_left_out() -> None:
    drawing = draw({"a": [], "b": ["a", "a", "gone"]})
    assert [(arrow.source, arrow.target) for arrow in drawing.arrows] == [("a", "b")]


def test_no_tasks_are_no_drawing() -> None:
    assert draw({}).boxes == []


def test_the_largest_pipeline_is_drawn_in_time() -> None:
    names = [f"t{number}" for number in range(1000)]
    waits_for = {name: names[max(0, n - 5) : n] for n, name in enumerate(names)}
    drawing = draw(waits_for)
    assert len(drawing.boxes) == 1000 and drawing.width > 200_000
    assert_arrows_point_right(drawing)


@settings(max_examples=examples(60), deadline=None)
@given(waits())
def test_any_graph_can_be_read(waits_for: dict[str, list[str]]) -> None:
    drawing = draw(waits_for)
    assert [box.name for box in drawing.boxes] == list(waits_for)
    wanted = {(source, name) for name, sources in waits_for.items() for source in sources if source in waits_for}
    assert {(arrow.source, arrow.target) for arrow in drawing.arrows} == wanted
    assert_nothing_overlaps(drawing)
    assert_arrows_point_right(drawing)


def assert_nothing_overlaps(drawing: Drawing) -> None:
    for one, other in combinations(drawing.boxes, 2):
        assert one.x != other.x or abs(one.y - other.y) >= HEIGHT
    for box in drawing.boxes:
        assert box.x >= 0 and box.y >= 0
        assert box.x + WIDTH <= drawing.width and box.y + HEIGHT <= drawing.height
    for arrow in drawing.arrows:
        for y, end in re.findall(r"([\d.]+)H([\d.]+)", arrow.path):
            passed = [box for box in drawing.boxes if box.x + WIDTH == float(end)]
            assert not any(box.y <= float(y) <= box.y + HEIGHT for box in passed)


def assert_arrows_point_right(drawing: Drawing) -> None:
    boxes = {box.name: box for box in drawing.boxes}
    for arrow in drawing.arrows:
        numbers = [float(number) for number in re.findall(r"[\d.]+", arrow.path)]
        source, target = boxes[arrow.source], boxes[arrow.target]
        assert source.x < target.x
        assert numbers[:2] == pytest.approx([source.x + WIDTH, source.y + HEIGHT / 2], rel=1e-4)
        assert numbers[-2:] == pytest.approx([target.x, target.y + HEIGHT / 2], rel=1e-4)
