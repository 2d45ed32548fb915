"""Every path under /hooks/. The middleware takes them for programs' requests (eventlane/wire/middleware.py)."""

from django.urls import re_path

from pipelines.inbound.views import receive

urlpatterns = [re_path(r"^hooks/(?P<route>[\s\S]*)\Z", receive, name="hook")]
