"""What our management commands about pipelines have in common."""

from collections.abc import Sequence

from django.core.management.base import CommandError

from pipelines.models import Pipeline


def find_pipelines(ids: Sequence[str]) -> list[Pipeline]:
    """Return the pipelines of these ids, in their order; raise CommandError that names one that isn't there."""
    found = Pipeline.objects.select_related("project").in_bulk(list(ids))
    for pipeline_id in ids:
        if pipeline_id not in found:
            raise CommandError(f"there is no pipeline {pipeline_id!r}; `manage.py pipelines` lists them")
    return [found[pipeline_id] for pipeline_id in dict.fromkeys(ids)]
