"""How many events a project may have received in a month."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.ingest.quotas import Quotas, received_this_month, seconds_to_next_month, used_up
from events.models import AcceptedCount, Dataset, ReceivedCount
from projects.models import Project
from tests.console import logged_in
from tests.events.ingest.conftest import Entrance
from tests.factories import make_house

MONTH = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def counted(entrance: Entrance) -> Entrance:
    """An entrance whose project has received 100 events this month, and many before."""
    dataset = entrance.house.dataset.pk
    old = MONTH - timedelta(hours=1)
    ReceivedCount.objects.create(file_name="a", dataset_id=dataset, minute=MONTH, events=30)
    AcceptedCount.objects.create(dataset_id=dataset, hour=MONTH, key_id="x", events=70)
    ReceivedCount.objects.create(file_name="b", dataset_id=dataset, minute=old, events=1000)
    AcceptedCount.objects.create(dataset_id=dataset, hour=old, key_id="x", events=1000)
    return entrance


@pytest.fixture
def reviewed(counted: Entrance, monkeypatch: pytest.MonkeyPatch) -> Entrance:
    """An entrance whose project has just used up its quota."""
    Project.objects.filter(pk=counted.house.project.pk).update(events_per_month=100)
    fresh = Quotas()
    fresh.review()
    monkeypatch.setattr("events.ingest.throttle.quotas", fresh)
    return counted


def test_project_that_used_up_its_month_is_told_so_and_others_go_on(reviewed: Entrance) -> None:
    answer = reviewed.post("/v1/acme-logs/web", [{}])
    assert (answer.status, answer.body) == (429, b'{"message": "Too Many Requests"}')
    assert answer.headers["x-error-reason"] == "this project has used up its 100 events of this month"
    assert int(answer.headers["retry-after"]) <= 3600
    assert answer.headers["ratelimit"].startswith('"project-month";r=0;t=')
    answer = reviewed.post("/loki/api/v1/push", b'{"streams":[]}', content_type="application/json")
    assert (answer.status, answer.body[:30]) == (429, b"this project has used up its 1")
    umbrella = make_house("umbrella", "charlie")
    assert umbrella.project.pk not in used_up(Project.objects.all())
    page = logged_in(reviewed.house.admin).get("/console/system/").content.decode()
    assert "Project acme-project has used up its events of this month" in page
    page = logged_in(reviewed.house.admin).get(f"/console/projects/project/{reviewed.house.project.pk}/change/")
    assert "100 events of 100" in page.content.decode()


def test_smaller_of_both_numbers_counts_and_0_is_none(counted: Entrance, settings: Any) -> None:
    project = counted.house.project
    for own, of_all, is_used_up in (
        *((None, 0, False), (101, 0, False), (100, 0, True), (0, 100, True)),
        *((1000, 100, True), (100, 1000, True), (None, 101, False)),
    ):
        project.events_per_month, settings.EVENTLANE_PROJECT_EVENTS_PER_MONTH = own, of_all
        assert (project.pk in used_up([project])) == is_used_up, (own, of_all)


def test_who_used_up_a_month_is_let_in_when_the_next_one_begins(counted: Entrance, monkeypatch: Any) -> None:
    fresh = Quotas()
    monkeypatch.setattr("events.ingest.quotas.seconds_to_next_month", lambda: 1)
    fresh.review()
    assert fresh._next_review <= time.monotonic() + 1


def test_events_of_deleted_datasets_do_not_count(counted: Entrance) -> None:
    assert received_this_month([counted.house.project.pk]) == {counted.house.project.pk: 100}
    Dataset.objects.all().delete()
    assert received_this_month([counted.house.project.pk]) == {}


def test_without_a_quota_nothing_is_counted(counted: Entrance, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        Quotas().review()
    fresh = Quotas()
    fresh.review()
    with django_assert_num_queries(0):
        fresh.review()


def test_month_lasts_until_the_first_of_the_next() -> None:
    end = timezone.now() + timedelta(seconds=seconds_to_next_month())
    assert (end.day, end.hour, end.minute) == (1, 0, 0)
