"""The console's pages for resources, which are deployed from files on the command line."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from eventlane.console import OwnRelatedFilter, label, moment
from pipelines.admin.automation import SwitchAdmin
from pipelines.console.causes import resource_url
from pipelines.console.queue import queue_context
from pipelines.console.uses import related
from pipelines.models import Resource
from pipelines.resources.added import ADDED, Link
from pipelines.resources.files import spec_text


@admin.register(Resource)
class ResourceAdmin(SwitchAdmin):
    """Resources of all types. Triggers and commands lead to pages of their own."""

    list_display = ("name", "kind", "state", "maker", "changed", "project")
    list_filter = (("type", ChoicesDropdownFilter), ("made_by", ChoicesDropdownFilter), ("project", OwnRelatedFilter))
    search_fields = ("name",)
    ordering = ("project__name", "type", "name")
    page_template = "pipelines/resource.html"
    empty_advice = (
        "Resources are deployed from YAML files: manage.py deploy FOLDER --project NAME. README.md has examples."
    )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page of a resource that is neither trigger nor command."""
        url = resource_url(self.find(request, object_id))
        if url != request.path:
            return HttpResponseRedirect(url)
        return super().change_view(request, object_id, form_url, extra_context)

    def page_context(self, request: HttpRequest, row: Resource) -> dict[str, Any]:
        """Return the page of one resource."""
        return {
            "resource": row,
            "spec": spec_text(row.spec),
            "related": related(row),
            "link": _link(row),
            **queue_context(row),
            # A task does nothing by itself: disable what uses it instead. A dashboard does nothing at all.
            "may_switch": row.type not in (Resource.Type.TASK, Resource.Type.DASHBOARD)
            and self.has_switch_permission(request),
        }

    @display(description="Type", ordering="type")
    def kind(self, resource: Resource) -> SafeString | str:
        """Show its type, and where it leads."""
        link = _link(resource)
        if link is None:
            return resource.get_type_display()
        return format_html(
            '{} <a class="text-link" href="{}">{}</a>', resource.get_type_display(), link.url, link.title
        )

    @display(description="Status", ordering="disabled")
    def state(self, resource: Resource) -> SafeString:
        """Show whether it is enabled."""
        return state_of_resource(resource)

    @display(description="Made by", ordering="creator_name")
    def maker(self, resource: Resource) -> str:
        """Show who made it."""
        return resource.maker

    @display(description="Changed", ordering="update_time")
    def changed(self, resource: Resource) -> SafeString | str:
        """Show when its spec changed."""
        return moment(resource.update_time)


def _link(resource: Resource) -> Link | None:
    added = ADDED.get(resource.type)
    return added.link(resource) if added else None


def state_of_resource(resource: Resource) -> SafeString:
    """Return a label that says whether a resource is enabled."""
    return label("disabled", "warning") if resource.disabled else label("enabled", "success")
