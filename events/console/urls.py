"""Pages of the console that belong to no single model."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.console.home.page import home_pipelines, home_standing
from events.console.ledger import ledger_page
from events.console.system import system, system_live


@require_safe
def home_part_events(request: HttpRequest) -> HttpResponse:
    """Show how many events there are by level, and in which datasets."""
    # Not at the top: DuckDB and Arrow take 0.3 s and 60 MB that a process without queries does without.
    from events.console.home.parts import home_events

    return home_events(request)


@require_safe
def home_part_errors(request: HttpRequest) -> HttpResponse:
    """Show the newest errors."""
    from events.console.home.parts import home_errors

    return home_errors(request)


@require_safe
def explore(request: HttpRequest) -> HttpResponse:
    """Show events."""
    from events.console.explore.page import explore_page

    return explore_page(request)


@require_safe
def explore_csv(request: HttpRequest) -> HttpResponse:
    """Download groups of events."""
    from events.console.explore.parts import groups_csv

    return groups_csv(request)


@require_safe
def explore_part_event(request: HttpRequest) -> HttpResponse:
    """Show all of an event."""
    from events.console.explore.parts import explore_event

    return explore_event(request)


@require_safe
def explore_part_trace(request: HttpRequest) -> HttpResponse:
    """Show the events of a trace."""
    from events.console.explore.parts import explore_trace

    return explore_trace(request)


@require_safe
def explore_part_around(request: HttpRequest) -> HttpResponse:
    """Show the events around one."""
    from events.console.explore.parts import explore_around

    return explore_around(request)


@require_safe
def explore_make_trigger(request: HttpRequest) -> HttpResponse:
    """Show the trigger that a question's filters make."""
    from events.console.explore.parts import explore_trigger

    return explore_trigger(request)


@require_safe
def explore_part_live(request: HttpRequest) -> HttpResponseBase:
    """Send new events."""
    from events.console.explore.live import explore_live

    return explore_live(request)


@require_safe
def explore_part_progress(request: HttpRequest) -> HttpResponse:
    """Say how far a question is."""
    from events.console.explore.asking import explore_progress

    return explore_progress(request)


@require_safe
def explore_part_fields(request: HttpRequest) -> HttpResponse:
    """Show the fields of events."""
    from events.console.explore.parts import explore_fields

    return explore_fields(request)


def explore_make_alert(request: HttpRequest) -> HttpResponse:
    """Show the alert that a question makes, and save it."""
    from events.console.explore.alerting import make_alert

    return make_alert(request)


def explore_save(request: HttpRequest) -> HttpResponse:
    """Save a question with a name."""
    from events.console.explore.saving import save_question

    return save_question(request)


@require_safe
def explore_saved(request: HttpRequest, resource_id: str) -> HttpResponse:
    """Go to the question of a saved query."""
    from events.console.saved import open_saved

    return open_saved(request, resource_id)


@require_safe
def dashboards(request: HttpRequest) -> HttpResponse:
    """List the dashboards."""
    from events.console.dashboards.page import dashboards_page

    return dashboards_page(request)


@require_safe
def dashboard(request: HttpRequest, resource_id: str) -> HttpResponse:
    """Show a dashboard."""
    from events.console.dashboards.page import dashboard_page

    return dashboard_page(request, resource_id)


@require_safe
def dashboard_panel(request: HttpRequest, resource_id: str, place: int) -> HttpResponse:
    """Show a panel of a dashboard."""
    from events.console.dashboards.page import panel_part

    return panel_part(request, resource_id, place)


@require_http_methods(["GET", "HEAD", "POST"])
def dashboard_editor(request: HttpRequest, resource_id: str = "") -> HttpResponse:
    """Edit a dashboard, or a new one."""
    from events.console.dashboards.editor import edit_dashboard

    return edit_dashboard(request, resource_id)


@require_POST
def dashboard_preview(request: HttpRequest) -> HttpResponse:
    """Show a panel of a dashboard that isn't saved yet."""
    from events.console.dashboards.editor import preview_part

    return preview_part(request)


urlpatterns = [
    path("", admin.site.admin_view(admin.site.index), name="console-home"),  # instead of admin:index
    path(
        "home/standing/",
        admin.site.admin_view(require_safe(home_standing)),
        name="console-home-standing",
    ),
    path(
        "home/pipelines/",
        admin.site.admin_view(require_safe(home_pipelines)),
        name="console-home-pipelines",
    ),
    path("home/events/", admin.site.admin_view(home_part_events), name="console-home-events"),
    path("home/errors/", admin.site.admin_view(home_part_errors), name="console-home-errors"),
    path("system/", admin.site.admin_view(require_safe(system)), name="console-system"),
    path("system/live/", admin.site.admin_view(require_safe(system_live)), name="console-system-live"),
    path("ledger/", admin.site.admin_view(require_safe(ledger_page)), name="console-ledger"),
    path("explore/", admin.site.admin_view(explore), name="console-explore"),
    path("explore/event/", admin.site.admin_view(explore_part_event), name="console-explore-event"),
    path("explore/trace/", admin.site.admin_view(explore_part_trace), name="console-explore-trace"),
    path("explore/around/", admin.site.admin_view(explore_part_around), name="console-explore-around"),
    path("explore/fields/", admin.site.admin_view(explore_part_fields), name="console-explore-fields"),
    path("explore/progress/", admin.site.admin_view(explore_part_progress), name="console-explore-progress"),
    path("explore/groups.csv", admin.site.admin_view(explore_csv), name="console-explore-csv"),
    path("explore/trigger/", admin.site.admin_view(explore_make_trigger), name="console-explore-trigger"),
    path("explore/live/", admin.site.admin_view(explore_part_live), name="console-explore-live"),
    path("explore/alert/", admin.site.admin_view(explore_make_alert), name="console-explore-alert"),
    path("explore/save/", admin.site.admin_view(explore_save), name="console-explore-save"),
    path("explore/saved/<str:resource_id>/", admin.site.admin_view(explore_saved), name="console-explore-saved"),
    path("dashboards/", admin.site.admin_view(dashboards), name="console-dashboards"),
    path("dashboards/new/", admin.site.admin_view(dashboard_editor), name="console-dashboard-new"),
    path(
        "dashboards/preview/",
        admin.site.admin_view(dashboard_preview),
        name="console-dashboard-preview",
    ),
    path("dashboards/<str:resource_id>/", admin.site.admin_view(dashboard), name="console-dashboard"),
    path(
        "dashboards/<str:resource_id>/edit/",
        admin.site.admin_view(dashboard_editor),
        name="console-dashboard-edit",
    ),
    path(
        "dashboards/<str:resource_id>/panels/<int:place>/",
        admin.site.admin_view(dashboard_panel),
        name="console-dashboard-panel",
    ),
]
