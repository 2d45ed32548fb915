"""How states of pipelines and tasks look: words and kinds of labels."""

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
)  # which of several states says most


def state_label(status: str) -> SafeString:
    """Return a state as a coloured label."""
    return label(Status(status).label, LABEL_KINDS[Status(status)])


def joint_status(statuses: Iterable[str]) -> str:
    """Return the state of several instances as one."""
    present = set(statuses)
    return next((str(status) for status in TELLING if status in present), str(Status.SUCCESSFUL))
