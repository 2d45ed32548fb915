"""What our management commands about pipelines share."""

from collections.abc import Sequence

from django.core.management.base import CommandError

from pipelines.models import Pipeline


def find_pipelines(ids: Sequence[str]) -> list[Pipeline]:
    """Return the pipelines with these ids, in this order; raise CommandError for an unknown one."""
    found = Pipeline.objects.select_related("project").in_bulk(list(ids))
    for pipeline_id in ids:
        if pipeline_id not in found:
            raise CommandError(f"there is no pipeline {pipeline_id!r}; `manage.py pipelines` lists them")
    return [found[pipeline_id] for pipeline_id in dict.fromkeys(ids)]
