"""Addresses of pipeline pages in earlier releases: bookmarks and scripts keep working."""

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.urls import re_path

PAGES = "pipeline|command|trigger|platformevent|resource|hook|identity"


def moved(request: HttpRequest, page: str) -> HttpResponsePermanentRedirect:
    """Redirect to the page's current address, whatever the method."""
    address = request.get_full_path().replace("/console/projects/", "/console/pipelines/", 1)
    return HttpResponsePermanentRedirect(address, preserve_request=True)


urlpatterns = [re_path(rf"^projects/(?P<page>(?:{PAGES})/.*)$", moved)]
