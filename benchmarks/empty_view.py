"""The baseline of all ratios: a Django view that does nothing, in a Django with nothing enabled."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], MIDDLEWARE=[], ROOT_URLCONF=__name__, SECRET_KEY="of no use here")


def empty(request: HttpRequest) -> HttpResponse:
    """Answer 200 with an empty body."""
    return HttpResponse(b"")


urlpatterns = [path("empty", empty)]
application = get_wsgi_application()
