"""Why pipelines failed, in one line."""

from collections.abc import Collection

from eventlane.one_line import one_line
from pipelines.models import Status, Task


def failures_of(pipeline_ids: Collection[str]) -> dict[str, str]:
    """Return, for each failed pipeline, the task that failed first and the reason."""
    failed = Task.objects.filter(pipeline__in=pipeline_ids, status=Status.FAILED).order_by("-end_time", "-pk")
    rows = failed.values_list("pipeline_id", "name", "failure_message") if pipeline_ids else ()
    return {pipeline_id: f"{name}: {one_line(message)}" for pipeline_id, name, message in rows}
