"""Tasks of pipelines, and their steps. A task's state is five fields; those not named are empty or false.

    created                      waits for its dependencies, and for its pipeline to be admitted
       │ dispatch    ▲
       ▼             │ retry (due_time: not before then)
    created, queued ─┼────────── limits reached ──▶ created, throttled ── wake_throttled ──▶ created, queued
       │ claim       │
       ▼             │
    started, worker ─┴─ finish ──▶ successful or failed
       │ abort
       ▼
    aborted, worker ── release_worker ──▶ aborted
       │ restart                             │ restart (of successful and failed, too)
       ▼                                     ▼
    created, worker ── release_worker ──▶ created

Aborting a task that isn't started ends it at once. `worker` stays until the task has no process left.
"""

from django.db import models
from django.db.models import Q

from eventlane.fields import IdField
from pipelines.models.pipeline import UNFINISHED, Pipeline, Status
from pipelines.models.resource import Resource
from projects.models.project import Project


class Task(models.Model):
    """One instance of a pipeline's task (docs/api/v0.md, section 2.11). pipelines/execution/ changes its state.

    `attempt` counts how often it was dispatched: a job or worker with an older number is too late and changes nothing.
    """

    id = IdField()
    project = models.ForeignKey(Project, models.CASCADE, related_name="tasks", db_index=False)
    pipeline = models.ForeignKey(Pipeline, models.CASCADE, related_name="tasks", db_index=False)
    definition = models.ForeignKey(  # task_id on the wire
        Resource, models.SET_NULL, related_name="+", null=True, db_index=False
    )
    name = models.CharField(max_length=250)  # of the pipeline's task; given or generated, unique in the pipeline
    pipeline_task = models.JSONField()  # the entry of spec.data.tasks, with all defaults filled in
    spec = models.JSONField()  # of the task resource
    command_parameters = models.JSONField(null=True)
    dependencies = models.JSONField(default=list)  # names of other tasks of the pipeline
    instance_id = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATED)
    start_time = models.DateTimeField(null=True)
    end_time = models.DateTimeField(null=True)
    failure_message = models.TextField(blank=True)
    retry = models.PositiveIntegerField(default=0)  # number of retries so far
    attempt = models.PositiveBigIntegerField(default=0, db_column="run")
    queued = models.BooleanField(default=False)  # a job for this attempt exists
    throttled = models.BooleanField(
        default=False, db_column="parked"
    )  # ready, but as many are running as the limits allow
    due_time = models.DateTimeField(null=True)  # not before: the delay of a retry
    heartbeat_time = models.DateTimeField(null=True)  # of the worker that runs it
    worker = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "projects_task"  # made when these models were part of the app projects
        indexes = [
            models.Index(fields=["project", "id"], name="task_by_id"),
            models.Index(fields=["pipeline", "id"], name="task_by_pipeline"),
            models.Index(fields=["definition"], name="task_by_definition"),
            models.Index(fields=["heartbeat_time"], name="task_running", condition=~Q(worker="")),
            models.Index(fields=["project", "id"], name="task_parked", condition=Q(throttled=True)),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"

    @property
    def is_finished(self) -> bool:
        """Whether it has ended. It can only continue after a restart."""
        return self.status not in UNFINISHED


class TaskStep(models.Model):
    """A step that has started, with its output. A retry or a restart begins without any."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()  # in the spec's steps, from 0
    label = models.CharField(max_length=100, blank=True)
    start_time = models.DateTimeField()
    end_time = models.DateTimeField(null=True)
    exit_code = models.IntegerField(null=True)
    output = models.TextField(blank=True)  # both streams, interleaved, with secrets masked
    output_bytes = models.PositiveBigIntegerField(default=0)  # total number written
    truncated = models.BooleanField(default=False)  # more was written than is kept

    class Meta:
        db_table = "projects_taskstep"  # made when these models were part of the app projects
        constraints = [models.UniqueConstraint(fields=["task", "position"], name="task_step_once")]

    def __str__(self) -> str:
        return f"step {self.position} of {self.task_id}"
