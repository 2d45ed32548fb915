"""How the console shows states of pipelines and tasks."""

from collections.abc import Iterable
from typing import Any

from django.utils.safestring import SafeString

from eventlane.console import label
from pipelines.models import Status

LABEL_KINDS = {
    Status.CREATED: "default",
    Status.STARTED: "info",
    Status.SUCCESSFUL: "success",
    Status.FAILED: "danger",
    Status.ABORTED: "warning",
}
TELLING: tuple[Any, ...] = (
    Status.FAILED,
    Status.STARTED,
    Status.ABORTED,
    Status.CREATED,
)  # the most significant state of several comes first


def state_label(status: str) -> SafeString:
    """Return a state as a coloured label."""
    return label(Status(status).label, LABEL_KINDS[Status(status)])


def joint_status(statuses: Iterable[str]) -> str:
    """Return a single state for several instances."""
    present = set(statuses)
    return next((str(status) for status in TELLING if status in present), str(Status.SUCCESSFUL))
