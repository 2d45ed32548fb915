"""What all pages of the console share: the site, the walls between organizations, deletion, labels.

The walls are in one place: a console class names the path from its row to the organization
(`organization_path`). Rows, form choices, filters, autocompletion and bulk actions all start from
`get_queryset`. A model without a console class can't appear in a form at all.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import Count, DateTimeField, ForeignKey, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import Field, ModelChoiceField
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.sites import UnfoldAdminSite
from unfold.views import ChangeList

from eventlane.database import DATABASE_AWAY
from eventlane.guessed_pages import guessed_page
from eventlane.ids import is_id
from eventlane.login import account_of, finish_login
from eventlane.one_line import one_line
from eventlane.palette import find
from eventlane.project_choice import MOST_OFFERED, project_choice
from eventlane.typed_times import TypedTimeField, TypedTimeWidget
from eventlane.zone_choice import in_chosen_zone, zoned_text

logger = logging.getLogger(__name__)

View = Callable[..., HttpResponse]
MILLION = 1_000_000
LARGE = ((10**12, "T"), (10**9, "B"), (MILLION, "M"))  # trillions, billions, millions


def label(text: str, kind: str = "default") -> SafeString:
    """Return a coloured label; kinds: success, warning, danger, info, default."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": kind})


def moment(time: datetime | None, absent: str = "never") -> SafeString | str:
    """Return a time relative to now, with the exact time as a tooltip."""
    if time is None:
        return absent
    return format_html('<span title="{}">{}</span>', zoned_text(time), naturaltime(time))


def number(count: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{count:,}"


def short_number(value: float) -> str:
    """Return a number where there is little room: from a million on four digits of it, like `12.07 B`."""
    for unit, letter in LARGE:
        if abs(value) >= unit:
            return f"{float(f'{value / unit:.4g}'):,.10g} {letter}"
    return f"{value:,}"


def total_of(rows: QuerySet[Any], path: str) -> Coalesce:
    """Return how many of the rows belong to the row of a list, which `path` leads to.

    It is counted for the rows of one page, where a join would count for all of the list.
    """
    own = rows.filter(**{path: OuterRef("pk")}).order_by().values(path)
    return Coalesce(Subquery(own.annotate(total=Count("*")).values("total")), 0)


def size(count: int) -> str:
    """Return bytes in a suitable unit."""
    return filesizeformat(count)


def count_of(count: int, noun: str) -> str:
    """Return `1 dataset`, `2,000 datasets`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def public_address(request: HttpRequest) -> dict[str, str]:
    """Return the address that pages show to senders, and the one of this request if they differ."""
    used = f"{request.scheme}://{request.get_host()}"
    return {
        "public_url": settings.EVENTLANE_PUBLIC_URL,
        "other_address": "" if used == settings.EVENTLANE_PUBLIC_URL else used,
    }


class ConsoleSite(UnfoldAdminSite):
    """The admin site at /console/."""

    index_template = "console/index.html"
    login_template = "console/login.html"
    logout_template = "console/logged_out.html"
    enable_nav_sidebar = True

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Guard a view as Django does, and against a database that is away; show times in the chosen zone."""
        return in_chosen_zone(with_problem_page(super().admin_view(view, cacheable)))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the project choice for the sidebar."""
        return super().each_context(request) | {"project_choice": project_choice(request)}

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Return what the palette finds. Unfold's own search finds pages alone, and remembers what it found."""
        text = request.GET.get("s", "")
        shown = {"text": text.strip(), "found": find(request, text), "project": project_choice(request).chosen}
        return TemplateResponse(request, "console/palette_found.html", shown)

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Go to the page that is named like an app: the menu has no page of an app."""
        return self.catch_all_view(request, app_label)

    def catch_all_view(self, request: HttpRequest, url: str) -> HttpResponse:
        """Go to the page that a guessed address means."""
        page = guessed_page(url.strip("/")) if request.method in ("GET", "HEAD") else None
        return HttpResponseRedirect(page) if page else super().catch_all_view(request, url)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the login page."""
        return finish_login(request, with_problem_page(super().login)(request, extra_context))


def with_problem_page(view: View) -> View:
    """Return the view with an error page for when the database is away."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()  # templates query the database, too: render where errors are caught
            if isinstance(response, HttpResponseNotAllowed):
                response.content = render_to_string("405.html", request=request)
        except DATABASE_AWAY as error:
            logger.error("a console page needs the database: %s", one_line(error))
            response = render(request, "console/database_away.html", status=503)
        return response

    return guarded


class OwnRelatedFilter(RelatedDropdownFilter):
    """A sidebar filter by a related row. It offers only rows of the user's organization."""

    def field_choices(
        self, field: ForeignKey[Any, Any], request: HttpRequest, model_admin: ModelAdmin
    ) -> list[tuple[Any, str]]:
        """Return the first of the rows that the related model's list would show, and the one that is filtered by."""
        own = model_admin.admin_site.get_model_admin(field.related_model).get_queryset(request)
        rows = own.select_related(*self.related).order_by(*self.order)
        chosen = [pk for pk in request.GET.getlist(self.lookup_kwarg) if is_id(pk)]
        offered = [*rows.filter(pk__in=chosen), *rows.exclude(pk__in=chosen)[:MOST_OFFERED]]
        return [(row.pk, self.text_of(row)) for row in offered]

    order: tuple[str, ...] = ("name",)
    related: tuple[str, ...] = ()  # what is joined for the label

    def text_of(self, row: Model) -> str:
        """Return the label of a choice."""
        return str(row)


class ConsoleList(ChangeList):
    """A list that follows the project chosen in the sidebar."""

    narrowed_to: Any = None  # the project
    root_queryset: QuerySet[Any]
    full_result_count: Any

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        """Call the page what it lists. Django would say "Select dataset to change"."""
        super().__init__(request, *args)
        self.title = capfirst(self.opts.verbose_name_plural)

    def get_results(self, request: HttpRequest) -> None:
        """Fetch a page. A total that isn't counted isn't shown, either."""
        super().get_results(request)
        if self.full_result_count is None:
            self.full_result_count = self.result_count

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Any]:
        """Return the rows of the chosen project that match the filters and the search."""
        self.narrowed_to = self.model_admin.narrowed_to(request)
        if self.narrowed_to:
            self.root_queryset = self.root_queryset.filter(self.model_admin.in_project(self.narrowed_to))
        self.root_queryset = self.root_queryset.annotate(**self.model_admin.totals)
        return super().get_queryset(request, exclude_parameters)


class ConsoleAdmin(ModelAdmin):
    """A console class. It shows and changes only rows of the user's organization."""

    organization_path = "organization"
    project_path = ""  # the path from a row to its project; if set, the list follows the chosen project
    wider_filters: tuple[str, ...] = ()  # list filters that are more specific than the chosen project
    list_before_template = "console/narrowed_list.html"
    totals: Any = {}  # what the list alone counts, by name: see total_of
    formfield_overrides: Any = {DateTimeField: {"form_class": TypedTimeField, "widget": TypedTimeWidget}}
    secret_fields: tuple[str, ...] = ()  # never filtered by: a filter would reveal them letter by letter
    delete_confirmation_template = "console/delete.html"
    delete_selected_confirmation_template = "console/delete.html"
    list_filter_submit = True
    list_per_page = 50
    show_facets = ShowFacets.NEVER
    bulk_delete = False
    empty_advice = ""  # what to do if a list is empty

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the organization's rows."""
        return super().get_queryset(request).filter(self.wall(request))

    def wall(self, request: HttpRequest) -> Q:
        """Return the condition for the organization's rows: this is the wall."""
        return Q(**{self.organization_path: account_of(request).organization_id})

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return a row of the organization. Doesn't query for an impossible id: PostgreSQL refuses some of them."""
        return super().get_object(request, object_id, from_field) if is_id(object_id) else None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list class that follows the chosen project."""
        return ConsoleList

    def narrowed_to(self, request: HttpRequest) -> Any:
        """Return the chosen project if this list follows it. A filter in the address takes precedence."""
        if not self.project_path or any(name in request.GET for name in self.wider_filters):
            return None
        return project_choice(request).chosen

    def in_project(self, project: Model) -> Q:
        """Return the condition for the rows of a project."""
        return Q(**{self.project_path: project.pk})

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Ignore the address when a form starts: Django would copy any text from it into any field."""
        return {}

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **options: Any
    ) -> "ModelChoiceField[Any] | None":
        """Offer and accept only rows that the related model's list would show."""
        options.setdefault("queryset", self.admin_site.get_model_admin(db_field.related_model).get_queryset(request))
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if field is not None and db_field.name == "project" and not project_choice(request).offered:
            field.help_text = format_html(
                'There is no project yet. <a class="text-link" href="{}">Add one</a> first.',
                reverse("admin:projects_project_add"),
            )
        return field

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Field | None:
        """Leave out the small add, change and delete buttons beside a choice: those rows have their own pages."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        for button in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if field is not None and hasattr(field.widget, button):
                setattr(field.widget, button, False)
        return field

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse filters by secret fields. Django already refuses filters across relations."""
        return lookup.partition("__")[0] not in self.secret_fields and super().lookup_allowed(lookup, value, request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the bulk actions. Bulk deletion is there only if the class asks for it."""
        actions = super().get_actions(request)
        if not self.bulk_delete:
            actions.pop("delete_selected", None)
        return actions

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form with a single button to save."""
        buttons = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().changeform_view(request, object_id, form_url, buttons | (extra_context or {}))

    def get_deleted_objects(
        self, objs: Iterable[Any], request: HttpRequest
    ) -> tuple[list[str], dict[str, str], set[str], list[str]]:
        """Summarize a deletion in numbers: listing every row would load them all."""
        rows = list(objs)
        return [str(row) for row in rows], self.deletion_summary(rows), set(), []

    def deletion_summary(self, rows: list[Any]) -> dict[str, str]:
        """Return noun and count of everything that is deleted together with `rows`."""
        return {str(self.opts.verbose_name_plural): number(len(rows))}


class TypedDeleteAdmin(ConsoleAdmin):
    """A console class for rows that have events. To delete one, the user must type its name."""

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show what would be deleted; delete once the name is typed."""
        row = self.get_object(request, unquote(object_id))
        if row and request.method == "POST" and request.POST.get("name") != row.name:
            messages.error(request, f"Nothing was deleted: the name typed is not “{row.name}”.")
            return HttpResponseRedirect(request.get_full_path())
        return super().delete_view(request, object_id, {"typed_name": row and row.name} | (extra_context or {}))


class ReadOnlyAdmin(ConsoleAdmin):
    """A console class for rows that nobody adds or changes by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse to add."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse to delete."""
        return False
