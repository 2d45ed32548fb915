from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone

from eventlane.fields import IdField
from eventlane.names import MAX_NAME_LENGTH, validate_name
from projects.models.organization import Organization


class Project(models.Model):
    """The owner of keys, datasets and pipelines."""

    id = IdField()
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="projects")
    name = models.CharField(max_length=MAX_NAME_LENGTH, validators=[validate_name])
    creation_time = models.DateTimeField(default=timezone.now, editable=False)
    create_datasets = models.BooleanField(
        "create datasets on first use",
        default=False,
        help_text="Sending events to a dataset that doesn't exist creates it. If off, such requests are refused.",
    )

    events_per_month = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        help_text="How many events may be received in a calendar month (UTC); then requests are refused until the next."
        " If empty, only the server's settings limit it.",
    )
    code_header = models.TextField(
        default="#!/bin/sh\nset -eu\n",
        blank=True,
        help_text="Added before the code of every step that has no shebang of its own.",
    )
    local_runtime = models.BooleanField(
        "run tasks on the workers themselves",
        default=False,
        help_text="Tasks with the runtime local run as processes on the worker's machine. Only for people you trust.",
    )
    container_runtime = models.BooleanField(
        "run tasks in containers",
        default=False,
        db_default=False,
        help_text="Tasks with the runtime container run in containers on the worker's machine, of any image.",
    )
    max_running_tasks = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How many tasks may run at once. If empty, only the server's settings limit it.",
    )
    pipeline_retention_days = models.PositiveIntegerField(
        "days to keep pipelines",
        null=True,
        blank=True,
        validators=[MaxValueValidator(36_500)],
        help_text="Finished pipelines, platform events and command executions are deleted after this many days. "
        "0 keeps them forever. If empty, the server's setting applies. A pipeline's spec can override this.",
    )

    class Meta:
        indexes = [
            models.Index(fields=["organization", "id"], name="project_by_id"),
            models.Index(fields=["organization", "name", "id"], name="project_by_name"),
        ]
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="project_name_once")]

    def __str__(self) -> str:
        return self.name
