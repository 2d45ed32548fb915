from django.db import models
from django.db.models import Q
from django.utils import timezone

from eventlane.fields import IdField
from eventlane.ids import LENGTH
from eventlane.names import MAX_NAME_LENGTH
from pipelines.models.platform_event import PlatformEvent
from pipelines.models.resource import Resource
from projects.models.project import Project


class Status(models.TextChoices):
    """The states of pipelines and tasks (docs/api/v0.md, section 6.1)."""

    CREATED = "created", "Waiting"
    STARTED = "started", "Running"
    SUCCESSFUL = "successful", "Successful"
    FAILED = "failed", "Failed"
    ABORTED = "aborted", "Aborted"


UNFINISHED = (Status.CREATED, Status.STARTED)


class Pipeline(models.Model):
    """One execution of a pipeline resource (docs/api/v0.md, section 2.10). pipelines/execution/ changes its state."""

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="pipelines", db_index=False)
    definition = models.ForeignKey(  # pipeline_id on the wire
        Resource, models.SET_NULL, related_name="+", null=True, db_index=False
    )
    name = models.CharField(max_length=MAX_NAME_LENGTH)
    spec = models.JSONField()  # of the resource at creation; a restart runs the same
    trigger_id = models.CharField(max_length=LENGTH, null=True, db_collation="C")
    command_id = models.CharField(max_length=LENGTH, null=True, db_collation="C")
    command_environment = models.JSONField(default=dict)  # variables for the command's parameters
    event = models.ForeignKey(PlatformEvent, models.CASCADE, related_name="pipelines", db_index=False)
    event_time = models.DateTimeField()
    creation_time = models.DateTimeField(default=timezone.now)
    concurrent = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATED)
    start_time = models.DateTimeField(null=True)
    end_time = models.DateTimeField(null=True)
    # It has the slot of its definition, or needs none: its tasks may run.
    admitted = models.BooleanField(default=False, db_column="released")
    aborted = models.BooleanField(default=False)  # a user asked for it
    retention = models.DurationField(null=True)  # from the definition
    delete_time = models.DateTimeField(null=True)  # when that time after its end has passed

    class Meta:
        db_table = "projects_pipeline"  # made when these models were part of the app projects
        indexes = [
            models.Index(fields=["project", "id"], name="pipeline_by_id"),
            models.Index(fields=["project", "event_time", "id"], name="pipeline_by_time"),
            models.Index(fields=["event"], name="pipeline_by_event"),
            models.Index(fields=["definition", "event_time", "id"], name="pipeline_by_definition"),
            models.Index(fields=["delete_time"], name="pipeline_by_delete", condition=Q(delete_time__isnull=False)),
            # What the console queries every few seconds: what runs now, and recent failures.
            models.Index(fields=["project", "id"], name="pipeline_unfinished", condition=Q(status__in=UNFINISHED)),
            models.Index(fields=["project", "end_time"], name="pipeline_failed", condition=Q(status=Status.FAILED)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["definition"],
                condition=Q(concurrent=False, admitted=True, status__in=UNFINISHED),
                name="pipeline_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    @property
    def is_finished(self) -> bool:
        """Whether it has ended. It can only continue after a restart."""
        return self.status not in UNFINISHED


class ScratchpadEntry(models.Model):
    """A text that the tasks of a pipeline share (docs/api/v0.md, section 6.9)."""

    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="scratchpad")
    key = models.CharField(max_length=255)
    value = models.TextField(blank=True)

    class Meta:
        db_table = "projects_scratchpadentry"  # made when these models were part of the app projects
        constraints = [models.UniqueConstraint(fields=["pipeline", "key"], name="scratchpad_key_once")]

    def __str__(self) -> str:
        return self.key
