from django.db import models
from django.utils import timezone

from eventlane.exact_numbers import ExactDecoder, ExactEncoder
from eventlane.fields import IdField
from eventlane.ids import LENGTH
from projects.models.account import Account
from projects.models.project import Project


class PlatformEvent(models.Model):
    """An event of the v0 platform API, created for a trigger or a command (docs/api/v0.md, section 2.8).

    The ids of both are plain columns: they outlive what they refer to.
    """

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="platform_events", db_index=False)
    trigger_id = models.CharField(max_length=LENGTH, null=True, db_collation="C")
    command_id = models.CharField(max_length=LENGTH, null=True, db_collation="C")
    creation_time = models.DateTimeField(default=timezone.now)
    event_time = models.DateTimeField()
    connector = models.CharField(max_length=100)
    name = models.CharField(max_length=200)
    data = models.JSONField(encoder=ExactEncoder, decoder=ExactDecoder)
    processed = models.BooleanField(default=False)
    original_event_id = models.CharField(max_length=LENGTH, null=True, db_collation="C")

    class Meta:
        db_table = "projects_platformevent"  # made when these models were part of the app projects
        indexes = [
            models.Index(fields=["project", "id"], name="platform_event_by_id"),
            models.Index(fields=["project", "event_time", "id"], name="platform_event_by_time"),
            models.Index(fields=["project", "trigger_id", "id"], name="platform_event_by_trigger"),
            # One for each filter and sort of GET /v0/events. With both filters, the one with the name is used.
            models.Index(fields=["project", "connector", "id"], name="platform_event_of_connector"),
            models.Index(fields=["project", "connector", "event_time", "id"], name="platform_event_of_connector_t"),
            models.Index(fields=["project", "name", "id"], name="platform_event_of_name", include=["connector"]),
            models.Index(
                fields=["project", "name", "event_time", "id"], name="platform_event_of_name_t", include=["connector"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connector}/{self.name} {self.id}"


class CommandExecution(models.Model):
    """One execution of a command (docs/api/v0.md, section 2.12)."""

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="command_executions", db_index=False)
    executor = models.ForeignKey(Account, models.SET_NULL, related_name="+", null=True)
    executor_name = models.CharField(max_length=200, default="", db_default="")  # as it was at that time
    execution_time = models.DateTimeField(default=timezone.now)
    command_id = models.CharField(max_length=LENGTH, db_collation="C")
    parameters = models.JSONField()
    event = models.ForeignKey(PlatformEvent, models.CASCADE, related_name="+")
    pipeline_ids = models.JSONField(default=list)  # in the order of the command's pipelines

    class Meta:
        db_table = "projects_commandexecution"  # made when these models were part of the app projects
        indexes = [
            models.Index(fields=["project", "id"], name="execution_by_id"),
            models.Index(fields=["project", "execution_time", "id"], name="execution_by_time"),
            models.Index(fields=["project", "command_id", "id"], name="execution_by_command"),
            models.Index(fields=["project", "command_id", "execution_time", "id"], name="execution_by_command_t"),
        ]

    def __str__(self) -> str:
        return self.id
