"""Changes that are begun anew when others come between."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection

from eventlane.transactions import ATTEMPTS, retry
from pipelines.models import PlatformEvent
from projects.models import Project
from tests.factories import make_event, make_project

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_that_wait_for_each_other_both_come_to_their_end():
    project = make_project()
    one, other = make_event(project, name="one"), make_event(project, name="other")
    both_hold_one = threading.Barrier(2)
    begun: list[str] = []

    def change(first: PlatformEvent, second: PlatformEvent) -> None:
        begun.append(first.name)
        PlatformEvent.objects.filter(pk=first.pk).update(data={"by": first.name})
        if len(begun) <= 2:
            both_hold_one.wait(10)
        PlatformEvent.objects.filter(pk=second.pk).update(data={"by": first.name})

    def in_thread(first: PlatformEvent, second: PlatformEvent) -> None:
        try:
            retry(lambda: change(first, second))
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(in_thread, one, other), pool.submit(in_thread, other, one)]:
            done.result(30)
    assert len(begun) > 2  # PostgreSQL stopped one of them, or both if they looked at the same moment
    [first, second] = PlatformEvent.objects.all()
    assert first.data == second.data and first.data["by"] in begun


def test_change_that_never_works_fails_at_last():
    begun = []

    def take_the_name() -> None:
        begun.append(make_project())
        Project.objects.create(organization=begun[-1].organization, name=begun[-1].name)

    with pytest.raises(IntegrityError):
        retry(take_the_name)
    assert len(begun) == ATTEMPTS and not Project.objects.exists()


def test_other_failures_are_not_tried_again():
    begun = []

    def fail() -> None:
        begun.append(make_project())
        raise ValueError

    with pytest.raises(ValueError):
        retry(fail)
    assert len(begun) == 1 and not Project.objects.exists()
