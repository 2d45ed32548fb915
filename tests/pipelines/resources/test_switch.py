"""Disabling and enabling what is deployed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines.models import PlatformEvent, Resource, Subscription
from pipelines.resources.switch import switch
from pipelines.timers import emit_due_ticks
from tests.factories import disable, make_project, make_trigger

pytestmark = pytest.mark.django_db

PERIOD = 300


@pytest.fixture
def timer() -> Resource:
    """A timer that was due while it was disabled and no worker looked."""
    due = (timezone.now() - timedelta(hours=5)).replace(microsecond=0)
    timing = {"connector": "time", "event": "tick", "parameters": {"periodic": PERIOD}, "pipelines": []}
    timer = make_trigger(make_project(), next_tick_time=due, **timing)
    disable(timer)
    return timer


def listening(timer: Resource) -> Subscription:
    return Subscription.objects.get(pk=timer.pk)


def test_enabled_timer_goes_on_with_its_next_tick(timer):
    due = listening(timer).next_tick_time
    switch(Resource.objects.filter(pk=timer.pk), disabled=False)

    assert emit_due_ticks(timezone.now()) == 0 and not PlatformEvent.objects.exists()
    following = listening(timer).next_tick_time
    assert following > timezone.now() and (following - due) % timedelta(seconds=PERIOD) == timedelta(0)
    assert emit_due_ticks(following) == 1


def test_trigger_that_is_enabled_already_is_left_alone(timer):
    Resource.objects.update(disabled=False)
    before = listening(timer)
    switch(Resource.objects.filter(pk=timer.pk), disabled=False)

    after = listening(timer)
    assert (after.creation_time, after.next_tick_time) == (before.creation_time, before.next_tick_time)
    assert emit_due_ticks(timezone.now()) == 1
