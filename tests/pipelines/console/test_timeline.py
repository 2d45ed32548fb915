"""The timeline of runs above the list of pipelines."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from pipelines.console.timeline import LANE, LEAST_WIDTH, MOST_LANES, WIDTH, make_timeline
from pipelines.models import Pipeline, Status
from tests.factories import House
from tests.pipelines.console.deployed import address, deploy_all, run, text

NOW = datetime(2026, 11, 27, 20, tzinfo=UTC)


def a_run(name: str, start: float, end: float | None, status: str = Status.SUCCESSFUL) -> Pipeline:
    """Return a run from so many minutes ago until so many minutes ago."""
    times: dict[str, Any] = {"start_time": NOW - timedelta(minutes=start)}
    times |= {"end_time": NOW - timedelta(minutes=end)} if end is not None else {}
    return Pipeline(name=name, status=status, **times)


def test_bars_show_start_and_duration() -> None:
    waiting = Pipeline(name="later", status=Status.CREATED)
    runs = [a_run("hello", 100, 50), a_run("hello", 25, 20, Status.FAILED), a_run("backup", 10, None, Status.STARTED)]
    timeline = make_timeline([waiting, *runs], NOW)
    assert (
        timeline and timeline.times == ("18:20", "19:10", "20:00 UTC") and timeline.summary.startswith("3 runs since")
    )
    backup, hello = timeline.rows
    assert (backup.name, hello.name) == ("backup", "hello")
    assert [(bar.x, bar.width, bar.y, bar.status) for bar in hello.bars] == [
        (0, WIDTH / 2, 0, "successful"),
        (WIDTH * 0.75, WIDTH * 0.05, 0, "failed"),
    ]
    assert backup.bars[0].x + backup.bars[0].width == WIDTH
    assert hello.bars[1].title == "hello: failed, 2026-11-27 19:35:00 UTC, 5 min 0 s"
    assert make_timeline([waiting], NOW) is None


def test_runs_at_the_same_time_are_below_each_other() -> None:
    timeline = make_timeline([a_run("hello", 100, 10), a_run("hello", 90, 20), a_run("hello", 5, 4)], NOW)
    assert timeline and [bar.y for bar in timeline.rows[0].bars] == [0, LANE, 0]
    crowd = make_timeline([a_run("hello", 100 - n / 10, 0) for n in range(20)], NOW)
    assert crowd and crowd.rows[0].height == MOST_LANES * LANE
    short = make_timeline([a_run("hello", 6000, 0), a_run("quick", 0.01, 0)], NOW)
    assert short and {bar.x + bar.width for row in short.rows for bar in row.bars} == {WIDTH}
    assert short.rows[0].bars[0].width == LEAST_WIDTH


def test_list_shows_the_runs_of_its_page(alice: Client, acme: House) -> None:
    deploy_all(acme.project)
    path = "/console/pipelines/pipeline/"
    assert "ev-timeline-row" not in text(alice, path)
    started, waiting = run(acme.project), run(acme.project)
    Pipeline.objects.filter(pk=started.pk).update(start_time=datetime.now(UTC), status=Status.STARTED)
    [timeline] = re.findall(r'id="timeline".*?</section>', text(alice, path), re.DOTALL)
    assert address(started) in timeline and address(waiting) not in timeline and "ev-run-started" in timeline
    assert "ev-timeline-row" not in text(alice, f"{path}?status__exact=failed")
