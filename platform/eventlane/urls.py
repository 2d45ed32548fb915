"""The composition root: which app answers what. Apps are named by string."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", include("events.ingest.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("console", RedirectView.as_view(pattern_name="admin:index")),
    path("console/", admin.site.urls),
]
