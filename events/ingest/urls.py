"""Every path under /v1, and under versions that don't exist; /v0 is the platform API's."""

from django.urls import re_path

from events.ingest.views import ingest_events

urlpatterns = [re_path(r"^v(?!0(?:/|\Z))(?P<version>\d+)(?:/(?P<route>(?s:.*)))?\Z", ingest_events, name="ingest")]
