"""Console pages that don't belong to a single model."""

from django.contrib import admin
from django.urls import path

from events.console.overview import live

urlpatterns = [path("live/", admin.site.admin_view(live), name="console-live")]
