from django.db.models.signals import post_delete
from django.dispatch import receiver

from events.models import Dataset, DroppedTable


@receiver(post_delete, sender=Dataset)
def remember_dropped_table(instance: Dataset, **kwargs: object) -> None:
    """Leave a note for the sealer to drop the table; also when a project takes its datasets along."""
    DroppedTable.objects.create(table_name=instance.table_name)
