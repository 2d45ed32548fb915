from django.db import models
from django.utils import timezone

from eventlane.fields import IdField
from projects.models.project import Project


class Hook(models.Model):
    """A project's secret address for other services. Its token is found by digest and stored encrypted."""

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="hooks")
    connector = models.CharField(max_length=100)  # webhook or github
    digest = models.CharField(max_length=64, unique=True, editable=False)
    encrypted_token = models.BinaryField(editable=False)
    encrypted_secret = models.BinaryField(null=True, editable=False)  # what senders sign with
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    last_use_time = models.DateTimeField(null=True, editable=False)
    window_start_time = models.DateTimeField(null=True, editable=False)  # of the rate limit
    window_deliveries = models.PositiveIntegerField(default=0, db_default=0, editable=False)  # accepted in that window

    class Meta:
        db_table = "projects_hook"  # made when these models were part of the app projects
        constraints = [models.UniqueConstraint(fields=["project", "connector"], name="hook_once")]

    def __str__(self) -> str:
        return f"{self.connector} hook"


class HookDelivery(models.Model):
    """A delivery that a hook accepted: repeating it starts nothing. Kept for longer than GitHub can redeliver."""

    hook = models.ForeignKey(Hook, models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=100)
    creation_time = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "projects_hookdelivery"  # made when these models were part of the app projects
        verbose_name_plural = "hook deliveries"
        indexes = [models.Index(fields=["hook", "creation_time"], name="delivery_by_time")]
        constraints = [models.UniqueConstraint(fields=["hook", "delivery_id"], name="delivery_once")]

    def __str__(self) -> str:
        return self.delivery_id
