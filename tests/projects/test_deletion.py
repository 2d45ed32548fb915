"""Deleting a project."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from eventlane.wire.errors import UnknownObject
from pipelines.models import Pipeline, PlatformEvent, Task
from pipelines.platform_events import create_events
from projects.deletion import delete_project
from projects.models import Project
from tests.factories import make_definition, make_project, make_trigger

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def events_sent_to(project: Project, stored: int) -> Iterator[None]:
    """Send events until the project is gone; begin when some are stored."""
    began = threading.Event()

    def send() -> None:
        try:
            while True:
                create_events(project, "custom", "hello", {})
                if PlatformEvent.objects.count() >= stored:
                    began.set()
        except UnknownObject:
            pass  # it was deleted
        finally:
            began.set()
            connection.close()

    senders = [threading.Thread(target=send) for _ in range(3)]
    for sender in senders:
        sender.start()
    assert began.wait(30)
    yield
    for sender in senders:
        sender.join(30)
    assert not any(sender.is_alive() for sender in senders)


def test_project_is_deleted_while_events_start_pipelines_in_it():
    project = make_project()
    make_definition(project, concurrent=True)
    make_trigger(project)
    other = make_project("other")

    with events_sent_to(project, stored=30):
        delete_project(project)

    assert [*Project.objects.all()] == [other]
    assert (PlatformEvent.objects.count(), Pipeline.objects.count(), Task.objects.count()) == (0, 0, 0)


def test_second_deletion_finds_it_gone():
    project = make_project()
    delete_project(project)
    with pytest.raises(UnknownObject):
        delete_project(project)
