"""Which datasets have triggers, according to PostgreSQL."""

import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Subquery

from eventlane.times import to_microseconds
from events.clock import newest_time
from events.models import Dataset
from events.triggers.evaluate import DatasetTrigger, RateLimit, TriggersByDataset
from pipelines.models import Resource, Subscription
from pipelines.resources.filters import compile_filters

logger = logging.getLogger(__name__)

CONNECTOR = "dataset"
Row = tuple[str, datetime, datetime, str, str, dict[str, Any]]  # as in COLUMNS
COLUMNS = ("trigger_id", "trigger__update_time", "creation_time", "dataset_id", "event", "parameters")


class TriggerTable:
    """Queries the triggers repeatedly, and prepares them only if they have changed."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._triggers: dict[str, list[DatasetTrigger]] = {}

    def look(self) -> TriggersByDataset:
        """Return the currently enabled triggers. If nothing has changed, this is one small query."""
        rows = list(_rows())
        if rows != self._rows:
            self._triggers = _ready(rows)
            self._rows = rows
        return self._triggers


def _rows() -> Any:
    dataset = Dataset.objects.filter(project_id=OuterRef("project_id"), name=OuterRef("event")).values("pk")
    on_datasets = Subscription.objects.filter(connector=CONNECTOR, trigger__disabled=False)
    found = on_datasets.annotate(dataset_id=Subquery(dataset)).filter(dataset_id__isnull=False)
    return found.order_by("trigger_id").values_list(*COLUMNS)


def _ready(rows: list[Row]) -> dict[str, list[DatasetTrigger]]:
    specs = dict(Resource.objects.filter(pk__in=[row[0] for row in rows]).values_list("pk", "spec"))
    by_dataset: dict[str, list[DatasetTrigger]] = {}
    for row in rows:
        try:
            by_dataset.setdefault(row[3], []).append(_trigger(row, specs[row[0]]))
        except Exception:  # it was deleted meanwhile, or is broken: the others continue
            logger.exception("trigger %s can't be used", row[0])
    return {dataset: triggers for dataset, triggers in by_dataset.items() if triggers}


def _trigger(row: Row, spec: dict[str, Any]) -> DatasetTrigger:
    trigger_id, _, creation_time, _, name, parameters = row
    limit = parameters.get("rate_limit")
    return DatasetTrigger(
        id=trigger_id,
        dataset=name,
        since_us=began_us(creation_time),
        matches=compile_filters(spec["data"].get("filters") or []),
        rate_limit=RateLimit(limit["events"], limit["seconds"]) if limit else default_rate_limit(),
    )


def default_rate_limit() -> RateLimit | None:
    """Return the rate limit for triggers without their own."""
    limit = settings.EVENTLANE_TRIGGER_RATE_LIMIT
    return RateLimit(*limit) if limit else None


def began_us(creation_time: datetime) -> int:
    """Return since when a subscription listens; always, if the clock was fast when it was created."""
    return to_microseconds(creation_time) if creation_time <= newest_time() else 0
