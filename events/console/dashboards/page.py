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
from pipelines.models import Resource


@dataclass(frozen=True, slots=True)
class Panel:
    """A widget's place in the grid, and the address of what it shows."""

    title: str
    kind: str
    width: int
    height: int
    address: str


def dashboards_page(request: HttpRequest) -> HttpResponse:
    """List the dashboards, of the project chosen in the sidebar if one is."""
    rows = _resource_admin().own_rows(request).filter(type=Resource.Type.DASHBOARD)
    found = list(rows.select_related("project").order_by("name", "project__name"))
    return _show(request, "dashboards", {"title": "Dashboards", "dashboards": found})


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
        **frame_context(frame),
    }
    return _show(request, "dashboard", shown)


def panel_part(request: HttpRequest, resource_id: str, place: int) -> HttpResponse:
    """Return what a panel shows. An error is part of it: it concerns this panel alone."""
    dashboard = find_dashboard(request, resource_id)
    widgets = dashboard.data["widgets"]
    if place >= len(widgets):
        raise Http404
    frame = read_frame(request.GET, dashboard.data)
    return render(
        request, "events/dashboard_panel.html", show_widget(dashboard.project, widgets[place], frame, owner(request))
    )


def find_dashboard(request: HttpRequest, resource_id: str) -> Resource:
    """Return a dashboard that the account sees; raise Http404."""
    found: Resource | None = _resource_admin().get_object(request, resource_id)
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


def owner(request: HttpRequest) -> str:
    """Return in whose name a query runs: an account has so many at once."""
    return f"account {account_of(request).pk}"


def _resource_admin() -> Any:
    return admin.site.get_model_admin(Resource)


def _show(request: HttpRequest, name: str, found: dict[str, Any]) -> HttpResponse:
    page = {**admin.site.each_context(request), "narrowed_to": project_choice(request).chosen}
    return render(request, f"events/{name}.html", page | found)
