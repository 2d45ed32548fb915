"""Rows for namespaces that events were sent to."""

import threading

import pytest
from django.db import connection, transaction

from eventlane.ids import new_id
from events.ingest.lookup import NewNamespaces
from events.models import Dataset, Namespace
from events.namespaces import create_namespaces
from tests.factories import make_project


@pytest.fixture
def dataset(transactional_db):
    return Dataset.objects.create(project=make_project("main"), name="logs")


def names():
    return sorted(Namespace.objects.values_list("name", flat=True))


def test_missing_ones_are_created_and_others_kept(dataset):
    create_namespaces([(dataset.id, "web")])
    create_namespaces([(dataset.id, "web"), (dataset.id, "api"), (new_id(), "of nobody")])
    assert names() == ["api", "web"]


def test_dataset_deleted_at_the_same_time_does_not_fail_the_others(dataset):
    other = Dataset.objects.create(project=dataset.project, name="other")
    failed = []

    def create():
        try:
            create_namespaces([(dataset.id, "web"), (other.id, "api")])
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        dataset.delete()
        thread = threading.Thread(target=create)
        thread.start()
        thread.join(0.5)
    thread.join(10)
    assert failed == []
    assert names() == ["api"]


def test_only_so_many_wait_for_the_database_and_the_others_have_another_chance(dataset):
    new = NewNamespaces(most=2)
    for name in ("a", "b", "c", "a"):
        new.note(dataset.id, name)
    new.write()
    assert names() == ["a", "b"]
    new.note(dataset.id, "c")
    new.write()
    assert names() == ["a", "b", "c"]
