"""What the console's pages about automation share. These rows aren't edited by hand, but they have some actions.

Every account of the organization may run things (commands, replays, restarts, aborts), like every key that may write.
Only admins may enable and disable what is deployed.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from eventlane.console import ConsoleList, OwnRelatedFilter, ReadOnlyAdmin, count_of
from eventlane.ids import is_id
from eventlane.login import account_of
from eventlane.wire.errors import ApiError
from pipelines.console.queue import queue_of
from pipelines.execution.queued import abort_queued
from pipelines.resources.switch import switch
from projects.models import Account

MOST_LISTED = 5000

Page = Callable[[HttpRequest, str], HttpResponse]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not generic at run time
    """Counts no further than people look: counting all rows of a long table takes seconds."""

    template_name = "pipelines/pagination.html"

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return rows.order_by().values("pk")[: MOST_LISTED + 1].count()

    @property
    def count(self) -> int:
        """The number of rows, at most MOST_LISTED."""
        return min(self._counted, MOST_LISTED)

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows."""
        return self._counted > MOST_LISTED


class LongList(ConsoleList):
    """A list of a long table, newest first. It is fetched at once, so that a class can add to its rows."""

    result_list: Any
    full_result_count: Any

    def get_results(self, request: HttpRequest) -> None:
        """Fetch a page. The database sorts by id, which has an index and increases with each second."""
        super().get_results(request)
        self.result_list = sorted(self.result_list, key=lambda row: row.creation_time, reverse=True)


class AutomationAdmin(ReadOnlyAdmin):
    """A console class with a list, a custom page for each row, and addresses below it."""

    organization_path = "project__organization"
    project_path = "project"
    wider_filters = ("project__id__exact",)
    list_select_related: Any = ("project",)
    list_filter: Any = (("project", OwnRelatedFilter),)
    page_template = ""

    class Media:
        css = {"all": ("pipelines/automation.css",)}

    def own_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the list without filters."""
        rows = self.get_queryset(request)
        project = self.narrowed_to(request)
        return rows.filter(self.in_project(project)) if project else rows

    def find(self, request: HttpRequest, object_id: str) -> Any:
        """Return a row of the organization; rows of others aren't found."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        return row

    def below(self) -> dict[str, Page]:
        """Return the views below a row's address, by the last part of their own address."""
        return {}

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses below a row."""
        prefix = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"{prefix}_{name}")
            for name, view in self.below().items()
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the row's page."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        return self.show(request, self.find(request, object_id))

    def show(self, request: HttpRequest, row: Any, **context: Any) -> HttpResponse:
        """Return the row's page."""
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,  # for the breadcrumbs
            "title": str(row),
            **self.page_context(request, row),
        }
        return TemplateResponse(request, self.page_template, page | context)

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return the context of the page."""
        return {}

    def url_of(self, row: Any) -> str:
        """Return the address of a row's page."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def perform(self, request: HttpRequest, row: Any, act: Callable[[], Any], done: str = "") -> HttpResponse:
        """Do something with a row, record it in the row's history, and go back to its page. Errors are shown there.

        Without `done`, `act` returns the message.
        """
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            done = act() or done
        except ApiError as error:
            messages.error(request, error.message)
        else:
            self.log_change(request, row, done)
            messages.success(request, done)
        return HttpResponseRedirect(self.url_of(row))


class LongAdmin(AutomationAdmin):
    """A console class for a long table."""

    paginator = BoundedPaginator
    show_full_result_count = False
    ordering = ("-id",)
    sortable_by = ()
    list_before_template = "pipelines/live_list.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Also find a row by its id: logs, programs and the terminal show ids."""
        if is_id(search_term.strip()):
            return queryset.filter(pk=search_term.strip()), False
        return super().get_search_results(request, queryset, search_term)


class SwitchAdmin(AutomationAdmin):
    """A console class for resources. Admins can disable and enable them."""

    actions = ("enable_selected", "disable_selected")

    def has_switch_permission(self, request: HttpRequest) -> bool:
        """Let only admins enable and disable."""
        return account_of(request).role == Account.Role.ADMIN

    def below(self) -> dict[str, Page]:
        """Add the addresses of the buttons."""
        return {"enable": self.enable, "disable": self.disable, "abort_queued": self.abort_queued}

    def enable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Enable a resource."""
        return self._switch(request, object_id, disabled=False)

    def disable(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Disable a resource: it does nothing new."""
        return self._switch(request, object_id, disabled=True)

    def _switch(self, request: HttpRequest, object_id: str, *, disabled: bool) -> HttpResponse:
        row = self.find(request, object_id)
        if not self.has_switch_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request).filter(pk=row.pk)
        return self.perform(request, row, lambda: _done(disabled, switch(rows, disabled=disabled)))

    def abort_queued(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Abort all pipelines of a resource that haven't started."""
        row = self.find(request, object_id)
        if not row.starts_pipelines:
            raise Http404
        return self.perform(request, row, lambda: f"{abort_queued(row.project, **queue_of(row))}.")

    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Enable the selected resources."""
        self._switch_all(request, queryset, disabled=False)

    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Disable the selected resources."""
        self._switch_all(request, queryset, disabled=True)

    enable_selected.short_description = "Enable selected"  # type: ignore[attr-defined]
    disable_selected.short_description = "Disable selected"  # type: ignore[attr-defined]
    enable_selected.allowed_permissions = ("switch",)  # type: ignore[attr-defined]
    disable_selected.allowed_permissions = ("switch",)  # type: ignore[attr-defined]

    def _switch_all(self, request: HttpRequest, rows: Iterable[Any], *, disabled: bool) -> None:
        changed = [row for row in rows if row.disabled != disabled]
        dropped = switch(self.get_queryset(request).filter(pk__in=[row.pk for row in changed]), disabled=disabled)
        for row in changed:
            self.log_change(request, row, _done(disabled))
        outcome = f"{count_of(len(changed), str(self.opts.verbose_name))} {'disabled' if disabled else 'enabled'}."
        messages.success(request, f"{outcome}{_dropped(dropped)}")


def _done(disabled: bool, dropped: int = 0) -> str:
    return f"Disabled.{_dropped(dropped)}" if disabled else "Enabled."


def _dropped(events: int) -> str:
    return f" {count_of(events, 'waiting event')} dropped." if events else ""
