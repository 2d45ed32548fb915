"""All paths under /hooks/. The middleware treats them as requests of programs (eventlane/wire/middleware.py)."""

from django.urls import re_path

from pipelines.inbound.views import receive

urlpatterns = [re_path(r"^hooks/(?P<route>[\s\S]*)\Z", receive, name="hook")]
