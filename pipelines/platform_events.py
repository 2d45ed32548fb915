"""Platform events: stored for the triggers that listen, and what they start (docs/api/v0.md, sections 6.2 and 6.8).

    an event happens ─▶ every enabled trigger on its connector and name ─▶ one PlatformEvent each
                                                                              │ the trigger's filters match
                                                                              ▼
                                                          one Pipeline for each pipeline of the trigger

Storing and processing are one transaction: an event that exists has started what it starts. Deployments of the
project wait for this transaction and it waits for them, so that what it finds stays in place.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from eventlane.lookup import get_or_unknown
from eventlane.wire.errors import UnknownObject
from pipelines.connectors import concerns
from pipelines.execution.pipelines import start_pipelines
from pipelines.jsonb import made_to_fit
from pipelines.models import Pipeline, PlatformEvent, Resource, Subscription
from pipelines.resources.filters import compile_filters
from projects.models import Project


def platform_events_of(project: Project) -> QuerySet[PlatformEvent]:
    """Return the project's events, each with its project."""
    return PlatformEvent.objects.filter(project=project).select_related("project")


def get_platform_event(project: Project, event_id: str) -> PlatformEvent:
    """Return an event of the project, or raise UnknownObject."""
    return get_or_unknown(platform_events_of(project), "event", pk=event_id)


def create_events(
    project: Project, connector: str, name: str, data: Mapping[str, Any], event_time: datetime | None = None
) -> list[PlatformEvent]:
    """Store and process an event for each enabled trigger that listens to it. Without one, nothing is stored."""
    with transaction.atomic():
        hold_resources(project.pk)
        subscriptions = Subscription.objects.filter(
            project=project, connector=connector, event=name, trigger__disabled=False
        )
        triggers = [
            subscription.trigger
            for subscription in subscriptions.select_related("trigger").order_by("pk")
            if concerns(connector, subscription.parameters, data)
        ]
        return activate(project, triggers, connector=connector, name=name, data=data, event_time=event_time)


def fire(
    trigger: Resource, *, connector: str, name: str, data: Mapping[str, Any], event_time: datetime
) -> PlatformEvent:
    """Store and process an event for a trigger whose filters are known to match, or for an alert that begins."""
    with transaction.atomic():
        hold_resources(trigger.project_id)
        [event] = _store(trigger.project, [trigger], connector, name, data, event_time)
        start_named_pipelines(event, trigger, enabled_definitions([trigger]))
    return event


def activate(
    project: Project,
    triggers: Sequence[Resource],
    *,
    connector: str,
    name: str,
    data: Mapping[str, Any],
    event_time: datetime | None,
) -> list[PlatformEvent]:
    """Store an event for each of these triggers, and start the pipelines of those whose filters match.

    Uses the caller's transaction, which must hold the project's resources.
    """
    events = _store(project, triggers, connector, name, data, event_time or timezone.now())
    definitions = enabled_definitions(triggers)
    for event, trigger in zip(events, triggers, strict=True):
        if _matches(trigger, event):
            start_named_pipelines(event, trigger, definitions)
    return events


def replay(event: PlatformEvent) -> PlatformEvent:
    """Store a copy of an event and process it with what is deployed now.

    If its trigger or command is deleted or disabled, the copy starts nothing.
    """
    copied = {name: getattr(event, name) for name in ("trigger_id", "command_id", "connector", "name", "data")}
    with transaction.atomic():
        hold_resources(event.project_id)
        copy = PlatformEvent.objects.create(
            project=event.project,
            event_time=event.event_time,
            original_event_id=event.pk,
            processed=True,
            **copied,
        )
        origin = _enabled_origin(copy)
        if origin is not None and (origin.type == Resource.Type.COMMAND or _matches(origin, copy)):
            start_named_pipelines(copy, origin, enabled_definitions([origin]))
    return copy


def hold_resources(project_id: str) -> None:
    """Prevent deployments from changing a project's resources until the transaction ends; wait for one in progress.

    A deployment's lock (pipelines/resources/deploy.py) excludes this one, which any number may hold at once. Take it
    first: a deployment locks rows of subscriptions and resources after it.
    """
    if not _hold(project_id, "FOR SHARE"):
        raise UnknownObject("project")


def try_to_hold_resources(project_id: str) -> bool:
    """Do the same unless a deployment is in progress; then return False at once."""
    return _hold(project_id, "FOR SHARE SKIP LOCKED")


def _hold(project_id: str, lock: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM projects_project WHERE id = %s {lock}", [project_id])
        return cursor.fetchone() is not None


def enabled_definitions(origins: Sequence[Resource]) -> dict[str, Resource]:
    """Return by name the enabled pipelines that these triggers or commands of one project name."""
    names = {name for origin in origins for name in origin.data["pipelines"]}
    if not names:
        return {}
    pipelines = Resource.objects.filter(type=Resource.Type.PIPELINE, disabled=False, name__in=names)
    return {pipeline.name: pipeline for pipeline in pipelines.filter(project_id=origins[0].project_id)}


def start_named_pipelines(
    event: PlatformEvent, origin: Resource, definitions: Mapping[str, Resource]
) -> list[Pipeline]:
    """Start those definitions that the event's trigger or command names, and pass its values to them."""
    named = [definitions[name] for name in origin.data["pipelines"] if name in definitions]
    parameters = event.data["parameters"] if event.command_id else None
    return start_pipelines(event, named, parameters) if named else []


def _store(
    project: Project,
    triggers: Sequence[Resource],
    connector: str,
    name: str,
    data: Mapping[str, Any],
    event_time: datetime,
) -> list[PlatformEvent]:
    stored = made_to_fit(data)
    events = [
        PlatformEvent(
            project=project,
            trigger_id=trigger.pk,
            connector=connector,
            name=name,
            data=stored,
            event_time=event_time,
            processed=True,
        )
        for trigger in triggers
    ]
    return PlatformEvent.objects.bulk_create(events)


def _matches(trigger: Resource, event: PlatformEvent) -> bool:
    return compile_filters(trigger.data.get("filters") or [])(event.data)


def _enabled_origin(event: PlatformEvent) -> Resource | None:
    """Return the trigger, alert or command of an event, as deployed now."""
    origins = Resource.objects.filter(project_id=event.project_id, disabled=False)
    if event.command_id:
        return origins.filter(type=Resource.Type.COMMAND, pk=event.command_id).first()
    return origins.filter(type__in=(Resource.Type.TRIGGER, Resource.Type.ALERT), pk=event.trigger_id).first()
