"""Whether the platform answers: public, for monitors and clients."""

from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.permissions import Public
from eventlane.api.viewsets import ApiViewSet


class StatusViewSet(ApiViewSet):
    """The state of the API."""

    authentication_classes = ()
    permission_classes = (Public,)

    def retrieve(self, request: Request) -> Response:
        """Return an empty object: the platform answers."""
        return Response({})

    def head(self, request: Request) -> Response:
        """Return no body, even behind a server that would leave one in."""
        return Response(status=200)
