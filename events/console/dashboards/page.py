"""The pages: all dashboards, one of them, and the panels that it loads, each by its own request."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from eventlane.login import account_of
from eventlane.project_choice import project_choice
from events.console.dashboards.frame import Frame, read_frame
from events.console.dashboards.widgets import show_widget, title_of
from events.console.explore.question import PRESETS
from events.console.own import own_rows, query_owner
from events.models import Dataset
from pipelines.models import Resource
from projects.models import Account

OFFERED_DATASETS = 200


@dataclass(frozen=True, slots=True)
class Panel:
    """A widget's place in the grid, and the address of what it shows; in a preview, the widget goes there, too."""

    title: str
    kind: str
    width: int
    height: int
    address: str
    widget: str = ""


def dashboards_page(request: HttpRequest) -> HttpResponse:
    """List the dashboards, of the project chosen in the sidebar if one is."""
    rows = own_rows(request, Resource).filter(type=Resource.Type.DASHBOARD)
    found = list(rows.select_related("project").order_by("name", "project__name"))
    return show_page(request, "dashboards", {"title": "Dashboards", "dashboards": found, **_may(request)})


def dashboard_page(request: HttpRequest, resource_id: str) -> HttpResponse:
    """Show a dashboard; its panels come later."""
    dashboard = find_dashboard(request, resource_id)
    frame = read_frame(request.GET, dashboard.data)
    if "last" in request.GET:
        return HttpResponseRedirect(f"{request.path}?{frame.query_string(with_refresh=True)}")
    shown = {
        "title": f"Dashboard {dashboard.name}",
        "dashboard": dashboard,
        "columns": dashboard.data["columns"],
        "panels": panels_of(dashboard, frame),
        "may_save": may_save(request),
        **frame_context(frame),
    }
    return show_page(request, "dashboard", shown)


def panel_part(request: HttpRequest, resource_id: str, place: int) -> HttpResponse:
    """Return what a panel shows. An error is part of it: it concerns this panel alone."""
    dashboard = find_dashboard(request, resource_id)
    widgets = dashboard.data["widgets"]
    if place >= len(widgets):
        raise Http404
    frame = read_frame(request.GET, dashboard.data)
    shown = show_widget(dashboard.project, widgets[place], frame, query_owner(request))
    return show_panel(
        request, shown, back=f"{reverse('console-dashboard', args=[dashboard.pk])}?{frame.query_string()}"
    )


def show_panel(request: HttpRequest, shown: dict[str, Any], back: str = "") -> HttpResponse:
    """Return a panel for the page's script; for browsers without it, a page of its own that leads back.

    Retry-After tells the script that the panel's turn hasn't come: too many queries run at once.
    """
    if "X-Background" in request.headers:
        response = render(request, "events/dashboard_panel.html", shown)
        if seconds := shown.get("retry_seconds"):
            response["Retry-After"] = seconds
        return response
    return show_page(request, "dashboard_part", shown | {"back": back})


def _may(request: HttpRequest) -> dict[str, Any]:
    """Return what an admin can start a new dashboard for."""
    if not may_save(request):
        return {"may_save": False}
    rows = own_rows(request, Dataset).select_related("project").order_by("name", "project__name")
    offered = list(rows[: OFFERED_DATASETS + 1])
    return {"may_save": True, "offered": offered[:OFFERED_DATASETS], "more_datasets": len(offered) > OFFERED_DATASETS}


def find_dashboard(request: HttpRequest, resource_id: str) -> Resource:
    """Return a dashboard that the account sees; raise Http404."""
    resources: Any = admin.site.get_model_admin(Resource)
    found: Resource | None = resources.get_object(request, resource_id)
    if found is None or found.type != Resource.Type.DASHBOARD:
        raise Http404
    return found


def panels_of(dashboard: Resource, frame: Frame) -> list[Panel]:
    """Return the panels of a dashboard in a time frame."""
    return [
        Panel(
            title=title_of(widget),
            kind=widget["type"],
            width=widget["width"],
            height=widget["height"],
            address=f"{reverse('console-dashboard-panel', args=[dashboard.pk, place])}?{frame.query_string()}",
        )
        for place, widget in enumerate(dashboard.data["widgets"])
    ]


def frame_context(frame: Frame) -> dict[str, Any]:
    """Return what the form of the time frame shows; and how many panels may ask at once."""
    return {
        "frame": frame,
        "frame_problems": frame.problems(),
        "presets": PRESETS.items(),
        "refreshes": frame.refreshes().items(),
        "at_once": settings.EVENTLANE_QUERY_SLOTS_PER_KEY,
    }


def may_save(request: HttpRequest) -> bool:
    """Whether the account may save dashboards: like deploying, that takes an admin."""
    return account_of(request).role == Account.Role.ADMIN


def show_page(request: HttpRequest, name: str, found: dict[str, Any]) -> HttpResponse:
    """Return a page of the console."""
    page = {**admin.site.each_context(request), "narrowed_to": project_choice(request).chosen}
    return render(request, f"events/{name}.html", page | found)
