"""The console's pages for triggers and timers: what they wait for, when they tick, what came last."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.views import ChangeList

from eventlane.console import ConsoleList, OwnRelatedFilter, moment
from eventlane.zone_choice import zoned_text
from pipelines.admin.automation import SwitchAdmin
from pipelines.admin.resources import state_of_resource
from pipelines.connectors import CONNECTORS
from pipelines.console.event_rows import pipeline_links, with_pipelines
from pipelines.console.queue import not_fired, queue_context, rate_limit_of
from pipelines.console.schedules import schedule
from pipelines.console.uses import related
from pipelines.models import PlatformEvent, Resource, Trigger
from pipelines.resources.files import spec_text
from pipelines.waiting import waiting_for

SHOWN_EVENTS = 20


class ConnectorFilter(DropdownFilter):
    """Filter triggers by connector."""

    title = "connector"
    parameter_name = "connector"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Offer all connectors."""
        return [(name, name) for name in sorted(CONNECTORS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Trigger]) -> QuerySet[Trigger]:
        """Keep the triggers with this connector."""
        known = self.value() in CONNECTORS
        return queryset.filter(subscription__connector=self.value()) if known else queryset


class TriggerList(ConsoleList):
    """The list of triggers. Waiting events are counted one page at a time."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """Fetch a page of triggers, each with its waiting events."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        waiting = waiting_for([row.pk for row in self.result_list])
        for row in self.result_list:
            row.waiting = waiting.get(row.pk)


@admin.register(Trigger)
class TriggerAdmin(SwitchAdmin):
    """Triggers. Timers come first, by their next tick."""

    list_display = ("name", "state", "listens", "starts", "next_tick", "last_event", "not_fired", "project")
    list_filter = (ConnectorFilter, ("project", OwnRelatedFilter))
    list_select_related = ("project", "subscription")
    search_fields = ("name",)
    ordering = (F("subscription__next_tick_time").asc(nulls_last=True), "name", "id")
    page_template = "pipelines/trigger.html"
    empty_advice = (
        "Triggers are deployed from YAML files: manage.py deploy FOLDER --project NAME. docs/triggers.md has examples."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Trigger]:
        """Return triggers, each with the time of its last event."""
        latest = PlatformEvent.objects.filter(project=OuterRef("project"), trigger_id=OuterRef("pk")).order_by("-id")
        triggers = super().get_queryset(request).filter(type=Resource.Type.TRIGGER)
        return triggers.select_related("project", "subscription").annotate(
            last_event_time=Subquery(latest.values("event_time")[:1])
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use the list that counts waiting events."""
        return TriggerList

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return the page of one trigger."""
        subscription = getattr(row, "subscription", None)
        own = PlatformEvent.objects.filter(project=row.project_id, trigger_id=row.pk)
        events = with_pipelines(own).order_by("-id")[:SHOWN_EVENTS]
        latest = sorted(events, key=lambda event: event.creation_time, reverse=True)
        return {
            "resource": row,
            "title": row.name,
            "subscription": subscription,
            "rate_limit": rate_limit_of(subscription) if subscription and subscription.connector == "dataset" else "",
            "dropped_when": moment(subscription.drop_time) if subscription else "",
            **queue_context(row),
            "next_tick": self.next_tick(row),
            "schedule": schedule(row.data["parameters"]) if row.data["connector"] == "time" else "",
            "filters": len(row.data.get("filters") or ()),
            "events": [(event, pipeline_links(event)) for event in latest],
            "spec": spec_text(row.spec),
            "related": related(row),
            "may_switch": self.has_switch_permission(request),
        }

    @display(description="Status", ordering="disabled")
    def state(self, trigger: Trigger) -> SafeString:
        """Show whether it is enabled."""
        return state_of_resource(trigger)

    @display(description="Listens to", ordering="subscription__connector")
    def listens(self, trigger: Trigger) -> SafeString:
        """Show the event and the number of filters."""
        filters = len(trigger.data.get("filters") or ())
        condition = f"{filters} filter{'' if filters == 1 else 's'}" if filters else "all events"
        if trigger.data["connector"] == "time":
            condition = schedule(trigger.data["parameters"])
        return format_html(
            '{}/{}<span class="ev-sub">{}</span>', trigger.data["connector"], trigger.data["event"], condition
        )

    @display(description="Starts")
    def starts(self, trigger: Trigger) -> SafeString:
        """Show the names of its pipelines."""
        return format_html_join(", ", "{}", ((name,) for name in trigger.data["pipelines"]))

    @display(description="Next tick", ordering="subscription__next_tick_time")
    def next_tick(self, trigger: Any) -> SafeString | str:
        """Show when a timer ticks next."""
        subscription = getattr(trigger, "subscription", None)
        if subscription is None or subscription.connector != "time":
            return "–"
        if subscription.next_tick_time is None:
            return "no more"
        when = subscription.next_tick_time
        return format_html('<div>{}<span class="ev-sub">{}</span></div>', moment(when), zoned_text(when))

    @display(description="Last event", ordering="last_event_time")
    def last_event(self, trigger: Any) -> SafeString | str:
        """Show when it last got an event."""
        return moment(trigger.last_event_time)

    @display(description="Not fired")
    def not_fired(self, trigger: Any) -> str:
        """Show how many events are waiting, exceeded its rate limit, or were dropped."""
        return not_fired(getattr(trigger, "subscription", None), trigger.waiting)
