"""Pages of the console that belong to no single model."""

from django.contrib import admin
from django.urls import path

from events.console.overview import live

urlpatterns = [path("live/", admin.site.admin_view(live), name="console-live")]
