"""Triggers on the dataset of a node."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.journal import Batch, new_batch
from events.models import Dataset
from events.triggers.watcher import TriggerWatcher
from pipelines.models import PlatformEvent, Resource, Subscription
from tests.events.lake.conftest import Node, node, other_node, project  # noqa: F401  (fixtures)

MakeTrigger = Callable[..., Resource]


def make_resource(project: Any, type: str, name: str, data: dict[str, Any]) -> Resource:  # noqa: F811
    spec = {"type": type, "version": 1, "name": name, "data": data}
    return Resource.objects.create(project=project, type=type, name=name, spec=spec)


def add_trigger(
    dataset: Dataset, *filters: dict[str, Any], name: str = "watch", pipelines: tuple[str, ...] = (), **parameters: Any
) -> Resource:
    """Make a trigger on a dataset, as a deployment does; its subscription began a second ago."""
    data = {"connector": "dataset", "event": dataset.name, "filters": [*filters], "pipelines": [*pipelines]}
    trigger = make_resource(dataset.project, "trigger", name, data | {"parameters": parameters})
    Subscription.objects.create(
        trigger=trigger,
        project=dataset.project,
        connector="dataset",
        event=dataset.name,
        parameters=parameters,
        creation_time=timezone.now() - timedelta(seconds=1),
    )
    return trigger


def fired(trigger: Resource | None = None) -> list[Any]:
    """Return the data of the platform events there are, in the order they were made."""
    events = PlatformEvent.objects.filter(trigger_id=trigger.pk) if trigger else PlatformEvent.objects
    return [event.data for event in events.order_by("creation_time", "id")]


def batch_of(*texts: bytes, dataset: str = "a") -> Batch:
    """Return a batch as ingest makes it."""
    return new_batch(dataset, "web", "", [*texts], [len(text) for text in texts])


def drain(watcher: TriggerWatcher) -> None:
    """Watch until there is nothing left to do."""
    while watcher.watch() == 0.0:
        pass


@pytest.fixture
def watcher(node: Node) -> Iterator[TriggerWatcher]:  # noqa: F811
    yield TriggerWatcher(node.journal)
