"""The console's pages for platform events: what happened, what it started; replay."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.views import ChangeList

from eventlane.console import OwnRelatedFilter, count_of, moment
from pipelines.admin.automation import LongAdmin, LongList, Page
from pipelines.connectors import CONNECTORS
from pipelines.console.causes import causes_of
from pipelines.console.event_rows import pipeline_links, pretty, with_pipelines
from pipelines.models import PlatformEvent
from pipelines.platform_events import replay


class PlatformEventList(LongList):
    """The list of events, each with its `cause`."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch a page of events with their causes."""
        super().get_results(request)
        causes = causes_of(self.result_list)
        for event in self.result_list:
            event.cause = causes[event.pk]


class ConnectorFilter(DropdownFilter):
    """Filter events by connector."""

    title = "connector"
    parameter_name = "connector"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Offer all connectors."""
        return [(name, name) for name in sorted(CONNECTORS)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PlatformEvent]) -> QuerySet[PlatformEvent]:
        """Keep the events of one connector."""
        return queryset.filter(connector=self.value()) if self.value() in CONNECTORS else queryset


@admin.register(PlatformEvent)
class PlatformEventAdmin(LongAdmin):
    """Platform events. Every account may replay them."""

    list_display = ("what", "origin", "happened", "started", "project")
    list_filter = (ConnectorFilter, ("project", OwnRelatedFilter))
    search_fields = ("name",)
    page_template = "pipelines/platform_event.html"
    empty_advice = (
        "Timers, hooks, datasets and POST /v0/events create them if a trigger listens. "
        "Executing a command creates one, too."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[PlatformEvent]:
        """Return events with what they started."""
        return with_pipelines(super().get_queryset(request).select_related("project"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use the list with causes."""
        return PlatformEventList

    def below(self) -> dict[str, Page]:
        """Add the address of the button."""
        return {"replay": self.replay}

    def page_context(self, request: HttpRequest, row: PlatformEvent) -> dict[str, Any]:
        """Return the page of one event."""
        text, is_cut = pretty(row.data)
        replays = self.get_queryset(request).filter(project=row.project_id, original_event_id=row.pk).order_by("-id")
        return {
            "event": row,
            "title": f"{row.connector}/{row.name}",
            "cause": causes_of([row])[row.pk],
            "data": text,
            "is_cut": is_cut,
            "pipelines": pipeline_links(row),
            "replays": [(one, pipeline_links(one)) for one in replays[:10]],
        }

    def replay(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Process a copy of the event and go to the copy."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        event = self.find(request, object_id)
        copy = replay(event)
        self.log_addition(request, copy, f"A replay of {event.pk}.")
        started = copy.pipelines.count()
        if started:
            messages.success(request, f"Replayed: {count_of(started, 'pipeline')} started.")
        else:
            messages.warning(
                request, "Replayed, but nothing was started: nothing that is deployed now uses this event."
            )
        return HttpResponseRedirect(self.url_of(copy))

    @display(description="Event")
    def what(self, event: PlatformEvent) -> str:
        """Show what happened."""
        return f"{event.connector}/{event.name}"

    @display(description="For")
    def origin(self, event: Any) -> SafeString:
        """Show its trigger or command."""
        return render_to_string("pipelines/cause_cell.html", {"cause": event.cause})

    @display(description="Happened")
    def happened(self, event: PlatformEvent) -> SafeString | str:
        """Show when it happened."""
        return moment(event.event_time)

    @display(description="Started")
    def started(self, event: PlatformEvent) -> SafeString:
        """Show the pipelines it started."""
        return render_to_string("pipelines/pipeline_links.html", {"pipelines": pipeline_links(event)})
