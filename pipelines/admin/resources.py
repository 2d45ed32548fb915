"""The console's pages for resources, which are deployed from files on the command line."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from eventlane.console import OwnRelatedFilter, label, moment
from eventlane.login import account_of
from eventlane.wire.errors import ApiError
from pipelines.admin.automation import Page, SwitchAdmin
from pipelines.console.causes import resource_url
from pipelines.console.palette import runs_address
from pipelines.console.queue import queue_context
from pipelines.console.uses import related
from pipelines.models import Resource
from pipelines.resources.added import ADDED, Link
from pipelines.resources.files import spec_text
from pipelines.resources.saving import delete_saved, save_resource, spoken


@admin.register(Resource)
class ResourceAdmin(SwitchAdmin):
    """Resources of all types. Triggers and commands lead to pages of their own.

    Admins can rename and delete what people saved.
    """

    list_display = ("name", "kind", "state", "maker", "changed", "project")
    list_filter = (("type", ChoicesDropdownFilter), ("made_by", ChoicesDropdownFilter), ("project", OwnRelatedFilter))
    search_fields = ("name",)
    ordering = ("project__name", "type", "name")
    page_template = "pipelines/resource.html"
    empty_advice = (
        "Resources are deployed from YAML files: manage.py deploy FOLDER --project NAME. README.md has examples. "
        "Explore saves queries."
    )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page of a resource that is neither trigger nor command."""
        url = resource_url(self.find(request, object_id))
        if url != request.path:
            return HttpResponseRedirect(url)
        return super().change_view(request, object_id, form_url, extra_context)

    def below(self) -> dict[str, Page]:
        """Add the addresses of the buttons for what people saved."""
        return super().below() | {"rename": self.rename, "remove": self.remove}

    def rename(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give a saved resource another name."""
        row = self._saved(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        spec = row.spec | {"name": request.POST.get("name", "").strip()}
        if self._tried(request, lambda: save_resource(row.project, spec, account=account_of(request), over=row)):
            messages.success(request, f"Renamed to {spec['name']}.")
        return HttpResponseRedirect(self.url_of(row))

    def remove(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Delete a saved resource."""
        row = self._saved(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self._tried(request, lambda: delete_saved(row, account=account_of(request))):
            return HttpResponseRedirect(self.url_of(row))
        messages.success(request, f"The {row} was deleted.")
        return HttpResponseRedirect(reverse("admin:pipelines_resource_changelist"))

    def _saved(self, request: HttpRequest, object_id: str) -> Resource:
        row: Resource = self.find(request, object_id)
        if not row.is_saved:
            raise Http404
        if not self.has_switch_permission(request):
            raise PermissionDenied
        return row

    def _tried(self, request: HttpRequest, act: Callable[[], Any]) -> bool:
        """Do it, or tell why that can't be done. What is done records itself."""
        try:
            act()
        except ApiError as error:
            for sentence in spoken(error):
                messages.error(request, sentence)
            return False
        return True

    def page_context(self, request: HttpRequest, row: Resource) -> dict[str, Any]:
        """Return the page of one resource."""
        return {
            "resource": row,
            "spec": spec_text(row.spec),
            "related": related(row),
            "link": _page_link(row),
            **queue_context(row),
            "may_change": row.is_saved and self.has_switch_permission(request),
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
    if resource.type == Resource.Type.PIPELINE:
        return Link("Its runs", runs_address(resource.name, resource.project_id))
    added = ADDED.get(resource.type)
    return added.link(resource) if added else None


def _page_link(resource: Resource) -> Link | None:
    added = ADDED.get(resource.type)
    return added.page_link(resource) if added and added.page_link else _link(resource)


def state_of_resource(resource: Resource) -> SafeString:
    """Return a label that says whether a resource is enabled."""
    return label("disabled", "warning") if resource.disabled else label("enabled", "success")
