"""The description of the API, for programs: /v0/openapi.json."""

from functools import cache

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from eventlane.api.permissions import Public
from eventlane.api.viewsets import ApiViewSet
from eventlane.wire.errors import JSON


class DescriptionViewSet(ApiViewSet):
    """The description itself: public, as the code is."""

    authentication_classes = ()
    permission_classes = (Public,)

    def retrieve(self, request: Request) -> HttpResponse:
        """Return this description."""
        return HttpResponse(_encoded(), JSON)


@cache
def _encoded() -> bytes:
    # Not at the top: drf-spectacular takes 0.2 s and 13 MB that most processes do without.
    from eventlane.api.schema import openapi_schema

    return msgspec.json.encode(openapi_schema())
