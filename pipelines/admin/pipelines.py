"""The console's pages for pipelines: what ran, why, and how it ended; abort and restart."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import display
from unfold.views import ChangeList

from eventlane.console import OwnRelatedFilter, moment
from eventlane.ids import is_id
from pipelines.admin.automation import LongAdmin, LongList, Page
from pipelines.console.causes import causes_of
from pipelines.console.failures import failures_of
from pipelines.console.pipeline_page import live_part, specs_of, step_output
from pipelines.console.spans import span
from pipelines.console.states import state_label
from pipelines.console.terminal import as_text
from pipelines.console.timeline import Timeline, make_timeline
from pipelines.execution.pipelines import abort_pipeline, restart_pipeline
from pipelines.models import Pipeline, Resource, Status


class PipelineList(LongList):
    """The list of pipelines, each with its `cause`, and its `failure` if it failed; and the `timeline` of the page.

    `definition` is the resource whose runs are listed, if they are those of one.
    """

    timeline: Timeline | None
    definition: Resource | None

    def get_results(self, request: HttpRequest) -> None:
        """Fetch a page of pipelines with their causes."""
        super().get_results(request)
        causes = causes_of(pipeline.event for pipeline in self.result_list)
        for pipeline in self.result_list:
            pipeline.cause = causes[pipeline.event_id]
        failed = [pipeline.pk for pipeline in self.result_list if pipeline.status == Status.FAILED]
        reasons = failures_of(failed)
        for pipeline in self.result_list:
            pipeline.failure = reasons.get(pipeline.pk, "")
        self.timeline = make_timeline(self.result_list)
        self.definition = _definition(request)


def _definition(request: HttpRequest) -> Resource | None:
    name, project_id = request.GET.get("name", ""), request.GET.get("project__id__exact", "")
    if not name or "\0" in name:  # PostgreSQL refuses U+0000
        return None
    resource_admin: Any = admin.site.get_model_admin(Resource)
    rows = resource_admin.own_rows(request).filter(type=Resource.Type.PIPELINE, name=name)
    found = list((rows.filter(project=project_id) if is_id(project_id) else rows)[:2])
    return found[0] if len(found) == 1 else None


class NameFilter(DropdownFilter):
    """Filter pipelines by name. Offers the deployed names."""

    title = "name"
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> list[tuple[str, str]]:
        """Return the names of the pipeline resources in the list of resources."""
        resource_admin: Any = model_admin.admin_site.get_model_admin(Resource)
        names = (
            resource_admin.own_rows(request)
            .filter(type=Resource.Type.PIPELINE)
            .order_by("name")
            .values_list("name", flat=True)
        )
        return [(name, name) for name in names.distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Pipeline]) -> QuerySet[Pipeline]:
        """Keep the pipelines with this name."""
        return queryset.filter(name=self.value()) if self.value() in dict(self.lookup_choices) else queryset


@admin.register(Pipeline)
class PipelineAdmin(LongAdmin):
    """Pipelines. The page of a running one updates itself. Every account may abort and restart."""

    list_display = ("named", "state", "cause", "created", "lasted", "project")
    list_filter = (("status", ChoicesDropdownFilter), NameFilter, ("project", OwnRelatedFilter))
    list_select_related = ("project", "event")
    search_fields = ("name",)
    search_help_text = "A name, or the id of one pipeline"
    empty_advice = "Triggers and commands start them. Execute a command, or deploy a trigger with manage.py deploy."
    list_before_template = "pipelines/pipeline_list.html"
    page_template = "pipelines/pipeline.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        """Leave columns that may be large to the page of a single pipeline."""
        return super().get_queryset(request).select_related("event", "project").defer("spec", "event__data")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use the list with causes."""
        return PipelineList

    def below(self) -> dict[str, Page]:
        """Add what the page loads, and the addresses of its buttons."""
        return {
            "live": self.live,
            "abort": self.abort,
            "restart": self.restart,
            "restart_from_failure": self.restart_from_failure,
        }

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the steps' output."""
        view = self.admin_site.admin_view(self.output)
        address = "<path:object_id>/output/<str:task_id>/<int:position>/"
        return [path(address, view, name="pipelines_pipeline_output"), *super().get_urls()]

    def page_context(self, request: HttpRequest, row: Pipeline) -> dict[str, Any]:
        """Return the page of one pipeline."""
        live_url = reverse("admin:pipelines_pipeline_live", args=[row.pk])
        return {"live_url": live_url, "specs": specs_of(row), **live_part(row, timezone.now())}

    def live(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Return the part of the page that changes."""
        pipeline = self.find(request, object_id)
        return render(request, "pipelines/pipeline_live.html", live_part(pipeline, timezone.now()))

    def output(self, request: HttpRequest, object_id: str, task_id: str, position: int) -> HttpResponse:
        """Return everything kept of a step's output, as text."""
        found = step_output(self.find(request, object_id), task_id, position)
        if found is None:
            raise Http404
        return HttpResponse(as_text(found), "text/plain; charset=utf-8")

    def abort(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Abort a pipeline."""
        pipeline = self.find(request, object_id)
        return self.perform(request, pipeline, lambda: abort_pipeline(pipeline), "Aborted.")

    def restart(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Run a pipeline again."""
        pipeline = self.find(request, object_id)
        return self.perform(request, pipeline, lambda: restart_pipeline(pipeline), "Restarted.")

    def restart_from_failure(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Run only what failed again."""
        pipeline = self.find(request, object_id)
        again = "Restarted from failure."
        return self.perform(request, pipeline, lambda: restart_pipeline(pipeline, from_failure=True), again)

    @display(description="Status")
    def state(self, pipeline: Any) -> SafeString:
        """Show its state, and why it failed."""
        shown = {"label": state_label(pipeline.status), "failure": pipeline.failure}
        return render_to_string("pipelines/state_cell.html", shown)

    @display(description="Name")
    def named(self, pipeline: Pipeline) -> str:
        """Show its name."""
        return pipeline.name

    @display(description="Cause")
    def cause(self, pipeline: Any) -> SafeString:
        """Show what started it."""
        return render_to_string("pipelines/cause_cell.html", {"cause": pipeline.cause, "show_event": True})

    @display(description="Created")
    def created(self, pipeline: Pipeline) -> SafeString | str:
        """Show when it was created."""
        return moment(pipeline.creation_time)

    @display(description="Duration")
    def lasted(self, pipeline: Pipeline) -> str:
        """Show how long it took, or has been running."""
        return span(pipeline.start_time, pipeline.end_time or timezone.now()) or "–"
