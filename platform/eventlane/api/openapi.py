"""The machine-readable description of the API: /v0/openapi.json."""

from functools import cache

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from eventlane.api.permissions import Public
from eventlane.api.viewsets import ApiViewSet
from eventlane.wire.errors import JSON


class DescriptionViewSet(ApiViewSet):
    """Serves the description. It is public, like the code."""

    authentication_classes = ()
    permission_classes = (Public,)

    def retrieve(self, request: Request) -> HttpResponse:
        """Return the OpenAPI description."""
        return HttpResponse(_encoded(), JSON)


@cache
def _encoded() -> bytes:
    # Imported here: drf-spectacular costs 0.2 s and 13 MB, and most processes never need it.
    from eventlane.api.schema import openapi_schema

    return msgspec.json.encode(openapi_schema())
