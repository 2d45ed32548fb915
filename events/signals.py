from collections.abc import Collection

from django.db.models.signals import post_delete
from django.dispatch import receiver

from events.models import Dataset, DroppedTable
from events.triggers.drop import drop_matches, waiting_matches
from pipelines.models import Resource
from pipelines.waiting import Waiting, waiting_asked, waiting_unwanted


@receiver(post_delete, sender=Dataset)
def remember_dropped_table(instance: Dataset, **kwargs: object) -> None:
    """Leave a note for the sealer to drop the table; also when a project takes its datasets along."""
    DroppedTable.objects.create(table_name=instance.table_name)


@receiver(post_delete, sender=Resource)
def drop_matches_of_deleted_trigger(instance: Resource, **kwargs: object) -> None:
    """Drop what waits for a trigger that is deleted: it would come to nothing, a few at once, before all others."""
    if instance.type == Resource.Type.TRIGGER:
        drop_matches([instance.pk])


@receiver(waiting_asked)
def tell_waiting_matches(trigger_ids: Collection[str], **kwargs: object) -> dict[str, Waiting]:
    """Say what waits for triggers."""
    return waiting_matches(trigger_ids)


@receiver(waiting_unwanted)
def drop_unwanted_matches(trigger_ids: Collection[str], **kwargs: object) -> int:
    """Drop what waits for triggers."""
    return drop_matches(trigger_ids)
