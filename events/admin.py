"""The console's pages for datasets and namespaces, and what projects' pages add for datasets."""

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.views import ChangeList
from unfold.widgets import UnfoldBooleanSwitchWidget

from eventlane.console import (
    ConsoleList,
    OwnRelatedFilter,
    ReadOnlyAdmin,
    TypedDeleteAdmin,
    count_of,
    number,
    size,
    total_of,
)
from eventlane.forms import ModelForm
from eventlane.project_choice import project_choice
from eventlane.zone_choice import zoned_text
from events.console import alerts, palette, quarantine  # noqa: F401  (they register their pages and what is found)
from events.console.explore.question import explore_address
from events.console.health import damage
from events.console.sending import arrived, sending_page
from events.console.sizes import measure
from events.ingest.quotas import quota_of, received_this_month
from events.models import Dataset, Namespace, UnreadTimes
from pipelines.admin import ProjectWithTasksAdmin
from projects.models import Project


def losses(datasets: Sequence[Dataset]) -> dict[str, str]:
    """Return what is deleted together with datasets, as nouns and counts."""
    events, stored = measure(datasets)
    namespaces = Namespace.objects.filter(dataset__in=datasets).count()
    return {
        "datasets": number(len(datasets)),
        "events": number(events),
        "stored bytes": size(stored),
        "namespaces": number(namespaces),
    }


# Datasets

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class NamespaceTotal(TypedDict):
    """The counts in the list of datasets."""

    namespace_total: int


class DatasetTotal(TypedDict):
    """The counts in the list of projects."""

    dataset_total: int


class DatasetForm(ModelForm):
    """A dataset. A shorter retention deletes events, so it must be confirmed."""

    confirm_deletion = forms.BooleanField(
        required=False, label="Delete events older than that", widget=UnfoldBooleanSwitchWidget
    )

    class Meta:
        help_texts = {  # the model's text contains <dataset>, which help texts would treat as a tag
            "default_namespace": "Namespace for events sent to /v1/DATASET without one. If empty, they are refused."
        }

    def clean_default_namespace(self) -> str:
        """Refuse a namespace that the Events API would refuse."""
        namespace = self.cleaned_data["default_namespace"]
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in namespace):
            raise ValidationError("A namespace can't contain control characters.")
        return namespace

    def clean(self) -> dict[str, Any]:
        """Refuse a shorter retention unless it is confirmed."""
        super().clean()
        cleaned = self.cleaned_data
        days = cleaned.get("retention_days")
        if shortens(self.instance.pk, days) and not cleaned.get("confirm_deletion"):
            message = f"Events received more than {days} days ago will be deleted for good. Turn this on to confirm."
            self.add_error("confirm_deletion", message)
        return cleaned


def shortens(dataset_id: str, days: int | None) -> bool:
    """Return whether a retention of `days` is shorter than the saved one of an existing dataset."""
    if days is None:
        return False
    saved = Dataset.objects.filter(pk=dataset_id).values_list("retention_days", flat=True)
    return any(old is None or days < old for old in saved)


class NamespaceInline(TabularInline):
    """The namespaces of a dataset, read-only."""

    model = Namespace
    fields = readonly_fields = ("name", "creation_time")
    ordering = ("name",)
    per_page = 20
    extra = 0
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        """Refuse: events create namespaces."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Namespace | None = None) -> bool:
        """Refuse: events contain the name."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Namespace | None = None) -> bool:
        """Refuse: a namespace is deleted with its dataset."""
        return False


class DatasetList(ConsoleList):
    """The list of datasets. Sizes are looked up one page at a time."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """Fetch a page of datasets with their sizes."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        measure(self.result_list)


@admin.register(Dataset)
class DatasetAdmin(TypedDeleteAdmin):
    """Datasets with their sizes. Name and project can't be changed: senders have them in their settings."""

    organization_path = "project__organization"
    project_path = "project"
    wider_filters = ("project__id__exact",)
    actions_detail = ("explore", "send", "new_dashboard")
    empty_advice = "Events are sent to a dataset. Add one: its page shows how to send."
    form = DatasetForm
    bulk_delete = True
    list_display = ("name", "project", "event_count", "stored", "retention", "namespace_count", "creation_time")
    list_filter = (("project", OwnRelatedFilter),)
    list_select_related = ("project",)
    search_fields = ("name", "project__name")
    ordering = ("project__name", "name")
    totals: Any = {"namespace_total": total_of(Namespace.objects.all(), "dataset")}
    add_fieldsets = ((None, {"fields": ("project", "name", "retention_days", "default_namespace", "unwrap_message")}),)
    measured_fields = ("event_count", "stored", "unreadable_times", "table_name", "creation_time")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use the list with sizes."""
        return DatasetList

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Start with the project chosen in the sidebar."""
        return {"project": project_choice(request).only}

    def get_urls(self) -> list[URLPattern]:
        """Add the address that the sending page polls."""
        view = self.admin_site.admin_view(self.arrived)
        return [path("<path:object_id>/arrived/", view, name="events_dataset_arrived"), *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Warn about events that can't be read."""
        dataset = self.get_object(request, object_id) if object_id and request.method == "GET" else None
        for notice in damage(self.get_queryset(request).filter(pk=dataset.pk)) if dataset else ():
            messages.warning(request, f"{notice.title}: {notice.text}")
        return super().changeform_view(request, object_id, form_url, extra_context)

    @action(description="Explore events", icon="search", permissions=["view"])
    def explore(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the dataset's events."""
        return HttpResponseRedirect(explore_address(object_id))

    @action(description="How to send events", icon="send", permissions=["view"])
    def send(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show how to send events to the dataset, and whether they arrive."""
        dataset = self.get_object(request, object_id)
        if dataset is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return sending_page(self, request, dataset)

    @action(description="New dashboard", icon="space_dashboard", permissions=["change"])
    def new_dashboard(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the editor with a dashboard that suits the dataset."""
        return HttpResponseRedirect(f"{reverse('console-dashboard-new')}?{urlencode({'dataset': object_id})}")

    def arrived(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say as JSON whether events arrive at the dataset."""
        return arrived(self.get_object(request, object_id))

    def get_fieldsets(self, request: HttpRequest, obj: Dataset | None = None) -> Sequence[Any]:
        """Ask for confirmation only if a shorter retention was submitted."""
        if obj is None:
            return self.add_fieldsets
        days = request.POST.get("retention_days", "")
        confirm = ("confirm_deletion",) if days.isdecimal() and len(days) < 10 and shortens(obj.pk, int(days)) else ()
        return (
            (None, {"fields": ("name", "project", "retention_days", *confirm, "default_namespace", "unwrap_message")}),
            ("Send events", {"fields": ("sending",)}),
            ("Contents", {"fields": self.measured_fields}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Dataset | None = None) -> Sequence[str]:
        """Make name and project read-only for an existing dataset."""
        return ("name", "project", "sending", *self.measured_fields) if obj else ()

    def get_inlines(self, request: HttpRequest, obj: Dataset | None) -> list[type[TabularInline]]:
        """Show namespaces for existing datasets only."""
        return [NamespaceInline] if obj else []

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, str], set[str], list[str]]:
        """Show for each dataset how many events are deleted with it."""
        datasets = list(objs)
        totals = losses(datasets)
        lines = [f"{row.name}: {number(row.events)} events, {size(row.bytes)}" for row in datasets]
        return lines, totals, set(), []

    @display(description="Events")
    def event_count(self, dataset: Dataset) -> SafeString:
        """Show how many events are in the lake, with a link to them."""
        return _events_link(explore_address(dataset.pk), number(self._measured(dataset).events))

    @display(description="Stored")
    def stored(self, dataset: Dataset) -> str:
        """Show the size of the dataset's files."""
        return size(self._measured(dataset).bytes)

    @display(description="Unreadable times")
    def unreadable_times(self, dataset: Dataset) -> str:
        """Show how many events have a time of their own that could not be read, and when the latest was sealed."""
        found = UnreadTimes.objects.filter(dataset=dataset).first()
        if found is None:
            return "none"
        latest = zoned_text(found.latest_time, "minutes")
        return f"{number(found.events)} events have their time of receipt instead, the latest since {latest}"

    def _measured(self, dataset: Dataset) -> Dataset:
        if not hasattr(dataset, "events"):
            measure([dataset])
        return dataset

    @display(description="Retention", ordering="retention_days")
    def retention(self, dataset: Dataset) -> str:
        """Show how long events are kept."""
        return f"{dataset.retention_days} days" if dataset.retention_days else "forever"

    @display(description="Namespaces", ordering="namespace_total")
    def namespace_count(self, dataset: "WithAnnotations[Dataset, NamespaceTotal]") -> SafeString:
        """Show how many namespaces there are, with a link to them."""
        url = f"{reverse('admin:events_namespace_changelist')}?dataset__id__exact={dataset.pk}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, number(dataset.namespace_total))

    @display(description="With curl")
    def sending(self, dataset: Dataset) -> SafeString:
        """Show a line that sends one event to the dataset."""
        return render_to_string("events/sending.html", {"dataset": dataset, "url": settings.EVENTLANE_PUBLIC_URL})


# Namespaces


class DatasetFilter(OwnRelatedFilter):
    """Filter namespaces by dataset. Datasets of different projects can have the same name."""

    order = ("project__name", "name")
    related = ("project",)

    def text_of(self, row: Any) -> str:
        """Return the dataset with its project."""
        return f"{row.project} / {row}"


@admin.register(Namespace)
class NamespaceAdmin(ReadOnlyAdmin):
    """Namespaces, read-only: events create them."""

    organization_path = "dataset__project__organization"
    project_path = "dataset__project"
    wider_filters = ("dataset__id__exact",)
    empty_advice = "The first event sent to a namespace creates it. The page of a dataset shows how to send one."
    list_display = ("name", "dataset", "project", "creation_time", "events")
    list_filter = (("dataset", DatasetFilter),)
    list_select_related = ("dataset__project",)
    search_fields = ("name", "dataset__name")
    ordering = ("name", "pk")
    fields = ("name", "dataset", "project", "creation_time")

    @display(description="Project", ordering="dataset__project__name")
    def project(self, namespace: Namespace) -> Project:
        """Show the project of the namespace's dataset."""
        return namespace.dataset.project

    @display(description="Events")
    def events(self, namespace: Namespace) -> SafeString:
        """Show a link to the namespace's events."""
        from events.console.explore.terms import (
            group_term,  # brings DuckDB, which a process without queries does without
        )

        term = group_term("namespace", namespace.name)
        return _events_link(explore_address(namespace.dataset_id, q=term), "Explore") if term else SafeString("-")


def _events_link(address: str, text: str) -> SafeString:
    return format_html('<a class="text-link" href="{}" title="Explore the events">{}</a>', address, text)


# Projects with their datasets

admin.site.unregister(Project)


@admin.register(Project)
class ProjectWithDatasetsAdmin(ProjectWithTasksAdmin):
    """Projects with their datasets. The apps below can't know about those."""

    list_display = ("name", "dataset_count", "key_count", "create_datasets", "creation_time")
    totals: Any = ProjectWithTasksAdmin.totals | {"dataset_total": total_of(Dataset.objects.all(), "project")}
    fieldsets = (*ProjectWithTasksAdmin.fieldsets, ("Events", {"fields": ("events_this_month",)}))

    def get_fieldsets(self, request: HttpRequest, obj: Project | None = None) -> Sequence[Any]:
        """Leave out what a new project doesn't have."""
        if obj:
            return super().get_fieldsets(request, obj)
        (title, first), *others = ProjectWithTasksAdmin.fieldsets
        fields = tuple(name for name in first["fields"] if name != "creation_time")
        return ((title, {"fields": fields}), *others)

    def get_readonly_fields(self, request: HttpRequest, obj: Project | None = None) -> Sequence[str]:
        """Add what is counted."""
        return (*super().get_readonly_fields(request, obj), "events_this_month")

    @display(description="Received this month")
    def events_this_month(self, project: Project) -> str:
        """Show how many events were received, and the quota."""
        quota = quota_of(project)
        received = count_of(received_this_month([project.pk]).get(project.pk, 0), "event")
        return f"{received} of {quota:,}" if quota else received

    def deletion_summary(self, rows: list[Project]) -> dict[str, str]:
        """Add how many datasets and events are deleted with the project."""
        return super().deletion_summary(rows) | losses(list(Dataset.objects.filter(project__in=rows)))

    @display(description="Datasets", ordering="dataset_total")
    def dataset_count(self, project: "WithAnnotations[Project, DatasetTotal]") -> SafeString:
        """Show how many datasets there are, with a link to them."""
        url = f"{reverse('admin:events_dataset_changelist')}?project__id__exact={project.pk}"
        return format_html('<a class="text-link" href="{}">{}</a>', url, number(project.dataset_total))
