from collections.abc import Collection

from django.db.models.signals import post_delete
from django.dispatch import receiver

from events.models import Dataset, DeletedDataset, DroppedTable
from events.triggers.drop import drop_matches, waiting_matches
from pipelines.models import Resource
from pipelines.waiting import Waiting, waiting_asked, waiting_unwanted


@receiver(post_delete, sender=Dataset)
def remember_dropped_table(instance: Dataset, **kwargs: object) -> None:
    """Record that the sealer must drop the table, also if a project is deleted with its datasets."""
    DroppedTable.objects.create(table_name=instance.table_name)
    DeletedDataset.objects.create(
        id=instance.pk,
        project_id=instance.project_id,
        name=instance.name,
        table_name=instance.table_name,
        counted_from=instance.counted_from,
    )


@receiver(post_delete, sender=Resource)
def drop_matches_of_deleted_trigger(instance: Resource, **kwargs: object) -> None:
    """Drop the waiting matches of a deleted trigger: they would be tried, a few at a time, before all others."""
    if instance.type == Resource.Type.TRIGGER:
        drop_matches([instance.pk])


@receiver(waiting_asked)
def tell_waiting_matches(trigger_ids: Collection[str], **kwargs: object) -> dict[str, Waiting]:
    """Return what is waiting for triggers."""
    return waiting_matches(trigger_ids)


@receiver(waiting_unwanted)
def drop_unwanted_matches(trigger_ids: Collection[str], **kwargs: object) -> int:
    """Drop what is waiting for triggers."""
    return drop_matches(trigger_ids)
