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
from tests.factories import make_trigger

MakeTrigger = Callable[..., Resource]


def add_trigger(
    dataset: Dataset, *filters: dict[str, Any], name: str = "watch", pipelines: tuple[str, ...] = (), **parameters: Any
) -> Resource:
    """Create a trigger on a dataset; its subscription started a second ago."""
    trigger = make_trigger(
        dataset.project,
        name,
        connector="dataset",
        event=dataset.name,
        parameters=parameters,
        pipelines=[*pipelines],
        filters=[*filters],
    )
    Subscription.objects.filter(trigger=trigger).update(creation_time=timezone.now() - timedelta(seconds=1))
    return trigger


def fired(trigger: Resource | None = None) -> list[Any]:
    """Return the data of all platform events, in order of creation."""
    events = PlatformEvent.objects.filter(trigger_id=trigger.pk) if trigger else PlatformEvent.objects
    return [event.data for event in events.order_by("creation_time", "id")]


def batch_of(*texts: bytes, dataset: str = "a") -> Batch:
    """Return a batch like those of ingest."""
    return new_batch(dataset, "web", "", [*texts], [len(text) for text in texts])


def drain(watcher: TriggerWatcher) -> None:
    """Watch until there is nothing left to do."""
    while watcher.watch() == 0.0:
        pass


@pytest.fixture
def watcher(node: Node) -> Iterator[TriggerWatcher]:  # noqa: F811
    yield TriggerWatcher(node.journal)
