"""The routes of all apps, included by name. The Events API isn't a route of Django's (eventlane/asgi.py)."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from eventlane.api.openapi import DescriptionViewSet
from eventlane.api.viewsets import unknown_route
from eventlane.reference import reference

admin.autodiscover()
urlpatterns = [
    path("", include("pipelines.inbound.urls")),
    path("v0/openapi.json", DescriptionViewSet.as_view({"get": "retrieve"})),
    path("v0/", include("projects.api.urls")),
    path("v0/", include("pipelines.api.urls")),
    path("v0/", include("events.api.urls")),
    re_path(r"^v0(?:/[\s\S]*)?\Z", unknown_route),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("console", RedirectView.as_view(pattern_name="admin:index")),
    path("console/", include("projects.console.urls")),
    path("console/", include("pipelines.console.urls")),
    path("console/", include("events.console.urls")),
    path("console/reference/", admin.site.admin_view(reference), name="console-reference"),
    path("console/", admin.site.urls),
]
