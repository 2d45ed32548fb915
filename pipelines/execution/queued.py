"""Abort queued pipelines, selected by origin or name, however many there are."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from pipelines.access import pipelines_of
from pipelines.execution.dispatch import QUEUE, admit_next, end_times
from pipelines.execution.pipelines import abort_tasks
from pipelines.models import Pipeline, Resource, Status
from pipelines.waiting import drop_waiting
from projects.models import Project

ABORTED_AT_ONCE = 1000  # per transaction
# Jobs of aborted tasks do nothing, but each would be fetched before the jobs of others.
FORGET_JOBS = """
    DELETE FROM procrastinate_jobs AS job USING projects_task AS task
    WHERE job.queue_name = %s AND job.status = 'todo' AND task.id = job.args->>'task' AND task.status = 'aborted'"""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What was prevented from running."""

    pipelines: int
    events: int  # that matched a trigger and were waiting

    def __str__(self) -> str:
        pipelines = f"{self.pipelines:,} queued pipeline{'s' * (self.pipelines != 1)} aborted"
        dropped = f", {self.events:,} waiting event{'s' * (self.events != 1)} dropped"
        return pipelines + (dropped if self.events else "")


def queued_pipelines(project: Project, **of: str) -> QuerySet[Pipeline]:
    """Return the project's pipelines that haven't started, by `trigger_id`, `command_id` or `name`."""
    return pipelines_of(project).filter(status=Status.CREATED, **of)


def abort_queued(project: Project, **of: str) -> Stopped:
    """Abort queued pipelines, selected as in `queued_pipelines`; what has started continues.

    Events waiting for the trigger are dropped first. Large numbers take several transactions, oldest pipelines first:
    they would start next.
    """
    events = drop_waiting(_triggers(project, **of))
    last, total, definitions = "", 0, set()
    while aborted := _abort_some(queued_pipelines(project, **of).filter(pk__gt=last)):
        last, total = aborted[-1].pk, total + len(aborted)
        definitions |= {one.definition_id for one in aborted if one.definition_id and not one.concurrent}
    for definition_id in sorted(definitions):
        admit_next(definition_id)
    if total:
        _forget_jobs()
    return Stopped(total, events)


def _triggers(project: Project, **of: str) -> list[str]:
    """Return the selected trigger if it belongs to the project and all that it started is selected."""
    triggers = Resource.objects.filter(project=project, type=Resource.Type.TRIGGER, pk=of.get("trigger_id"))
    return list(triggers.values_list("pk", flat=True)) if of.keys() == {"trigger_id"} else []


@transaction.atomic
def _abort_some(queued: QuerySet[Pipeline]) -> Sequence[Pipeline]:
    """Abort the first of these pipelines and return them."""
    rows = queued.order_by("pk").select_for_update(of=("self",)).defer("spec")
    pipelines = list(rows[:ABORTED_AT_ONCE])
    abort_tasks(pipelines)
    now = timezone.now()
    for pipeline in pipelines:
        pipeline.aborted, pipeline.status = True, Status.ABORTED
        pipeline.end_time, pipeline.delete_time = end_times(pipeline, now)
    Pipeline.objects.bulk_update(pipelines, ["aborted", "status", "end_time", "delete_time"])
    return pipelines


def _forget_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FORGET_JOBS, [QUEUE])
