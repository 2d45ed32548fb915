import secrets

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from eventlane.fields import IdField
from eventlane.names import MAX_NAME_LENGTH, validate_name
from projects.models import Project


def default_retention_days() -> int:
    """The retention a new dataset starts with."""
    return settings.EVENTLANE_RETENTION_DAYS


def new_table_name() -> str:
    """Return a lake table name that no dataset ever had: a dataset made again must not find old events."""
    return f"events_{secrets.token_hex(8)}"


class Dataset(models.Model):
    """A named stream of events in a project; its events lie in one table of the lake."""

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=MAX_NAME_LENGTH, validators=[validate_name])
    retention_days = models.PositiveIntegerField(
        default=default_retention_days,
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Events are deleted this many days after they were received. Empty: they are kept for ever.",
    )
    default_namespace = models.CharField(
        max_length=200,
        blank=True,
        help_text="Namespace of events sent to /v1/DATASET without one. Empty: such a request is refused.",
    )
    table_name = models.CharField(max_length=40, default=new_table_name, unique=True, editable=False)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="dataset_name_once")]

    def __str__(self) -> str:
        return self.name


class Namespace(models.Model):
    """A source within a dataset, made when its first event is accepted."""

    id = IdField()
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="namespaces")
    name = models.CharField(max_length=200)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "name"], name="namespace_name_once")]

    def __str__(self) -> str:
        return self.name


class DroppedTable(models.Model):
    """A lake table whose dataset is gone; written in the transaction that deletes the dataset.

    The sealer drops the table and then this row, so a deletion is finished even when the process that
    began it is killed right after its commit.
    """

    table_name = models.CharField(max_length=40, unique=True)
    creation_time = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.table_name
