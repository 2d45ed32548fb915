"""Why something ran: its trigger or command, the event, and who executed it."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from pipelines.models import CommandExecution, PlatformEvent, Resource

PAGES = {Resource.Type.TRIGGER: "trigger", Resource.Type.COMMAND: "command"}


@dataclass(frozen=True, slots=True)
class Cause:
    """The origin of an event. `url` is empty if the origin is no longer deployed."""

    kind: str
    name: str
    url: str
    executor: str
    event: PlatformEvent

    @property
    def event_url(self) -> str:
        """The address of the event's page."""
        return reverse("admin:pipelines_platformevent_change", args=[self.event.pk])

    @property
    def is_replay(self) -> bool:
        """Whether the event is a copy of an earlier one."""
        return self.event.original_event_id is not None


def causes_of(events: Iterable[PlatformEvent]) -> dict[str, Cause]:
    """Return the cause of each event by its id, with two queries for all of them."""
    by_id = {event.pk: event for event in events}
    origins = {event.command_id or event.trigger_id for event in by_id.values()} - {None}
    resources = {resource.pk: resource for resource in Resource.objects.filter(pk__in=origins).defer("spec")}
    executions = CommandExecution.objects.filter(event__in=by_id)
    executors = dict(executions.values_list("event_id", "executor_name"))
    return {
        event_id: _cause(event, resources.get(event.command_id or event.trigger_id or ""), executors.get(event_id, ""))
        for event_id, event in by_id.items()
    }


def resource_url(resource: Resource) -> str:
    """Return the address of a resource's page. Triggers and commands have pages of their own."""
    page = PAGES.get(Resource.Type(resource.type), "resource")
    return reverse(f"admin:pipelines_{page}_change", args=[resource.pk])


def _cause(event: PlatformEvent, origin: Resource | None, executor: str) -> Cause:
    kind = "command" if event.command_id else "alert" if event.connector == "alert" else "trigger"
    if origin is None:
        return Cause(kind, f"a deleted {kind}", "", executor, event)
    return Cause(kind, origin.name, resource_url(origin), executor, event)
