from typing import Any

from django.db import models
from django.utils import timezone

from eventlane.fields import IdField
from eventlane.names import MAX_NAME_LENGTH, validate_name
from projects.models.account import Account
from projects.models.project import Project


class Resource(models.Model):
    """Something deployed, like a trigger, a task or an alert (docs/api/v0.md, sections 2.7 and 5).

    Not to be confused with a Pipeline or a Task, which is one execution of such a definition.
    """

    class Type(models.TextChoices):
        TRIGGER = "trigger", "Trigger"
        COMMAND = "command", "Command"
        PIPELINE = "pipeline", "Pipeline"
        TASK = "task", "Task"
        QUERY = "query", "Query"
        DASHBOARD = "dashboard", "Dashboard"
        ALERT = "alert", "Alert"
        CHANNEL = "channel", "Channel"

    class Maker(models.TextChoices):
        DEPLOYMENT = "deployment", "Deployment"
        PERSON = "person", "Person"

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="resources")
    type = models.CharField(max_length=10, choices=Type)
    name = models.CharField(max_length=MAX_NAME_LENGTH, validators=[validate_name])
    disabled = models.BooleanField(default=False)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    update_time = models.DateTimeField(default=timezone.now, editable=False)
    # Deployments leave alone what a person made, unless they have a spec of the same type and name.
    made_by = models.CharField(max_length=10, choices=Maker, default=Maker.DEPLOYMENT, db_default=Maker.DEPLOYMENT)
    creator = models.ForeignKey(Account, models.SET_NULL, related_name="+", null=True, blank=True)  # the person
    creator_name = models.CharField(max_length=200, default="", db_default="", blank=True)  # as it was at that time
    spec = models.JSONField()  # type, version, name, description?, data: valid, with all defaults filled in

    class Meta:
        db_table = "projects_resource"  # made when these models were part of the app projects
        indexes = [
            models.Index(fields=["project", "id"], name="resource_by_id"),
            models.Index(fields=["project", "name", "id"], name="resource_by_name"),
            models.Index(fields=["project", "type", "id"], name="resource_by_type_id"),
        ]
        constraints = [models.UniqueConstraint(fields=["project", "type", "name"], name="resource_name_once")]

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    @property
    def starts_pipelines(self) -> bool:
        """Whether pipelines and events can be waiting because of it."""
        return self.type in (self.Type.TRIGGER, self.Type.COMMAND, self.Type.PIPELINE)

    @property
    def is_saved(self) -> bool:
        """Whether a person made it."""
        return self.made_by == self.Maker.PERSON

    @property
    def maker(self) -> str:
        """Who made it, for people: a deployment, or the e-mail address of an account."""
        return self.creator_name if self.is_saved else "deployment"

    @property
    def data(self) -> dict[str, Any]:
        """The part of the spec that depends on the type."""
        return self.spec["data"]


class Command(Resource):
    """A resource of type command, for the console's list."""

    class Meta:
        proxy = True


class Trigger(Resource):
    """A resource of type trigger, for the console's list."""

    class Meta:
        proxy = True


class Subscription(models.Model):
    """What a trigger listens to. Replaced when connector, event, parameters or identity change."""

    trigger = models.OneToOneField(Resource, models.CASCADE, related_name="subscription", primary_key=True)
    project = models.ForeignKey(Project, models.CASCADE, related_name="subscriptions")
    connector = models.CharField(max_length=100)
    event = models.CharField(max_length=200)
    parameters = models.JSONField(default=dict)
    identity = models.CharField(max_length=MAX_NAME_LENGTH, blank=True)
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    next_tick_time = models.DateTimeField(null=True, blank=True)  # of time/tick; null if there are no more
    window_start_time = models.DateTimeField(null=True, blank=True)  # of the rate limit
    window_events = models.PositiveIntegerField(default=0)  # fired in that window
    suppressed_events = models.PositiveBigIntegerField(default=0)  # matched, but over the rate limit
    dropped_events = models.PositiveBigIntegerField(default=0, db_default=0)  # matched, but dropped while waiting
    drop_time = models.DateTimeField(null=True, blank=True)  # when events were last dropped

    class Meta:
        db_table = "projects_subscription"  # made when these models were part of the app projects
        indexes = [
            models.Index(fields=["project", "connector", "event"], name="subscription_by_event"),
            models.Index(
                fields=["next_tick_time"],
                name="subscription_by_tick",
                condition=models.Q(next_tick_time__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.connector}/{self.event}"
