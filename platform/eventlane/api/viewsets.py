"""What all routes of the platform API share (docs/api/v0.md, sections 0 and 1.2)."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from eventlane.api.content import ApiRequest
from eventlane.api.operation import Operation
from eventlane.api.serializers import Representation, RequestBody
from eventlane.api.sources import Sort
from eventlane.ids import is_id
from eventlane.wire.errors import (
    InternalError,
    InvalidRequestBody,
    InvalidRouteVariable,
    Problem,
    UnhandledMethod,
    UnknownRoute,
    error_response,
    with_length,
)

logger = logging.getLogger(__name__)


class ApiViewSet(GenericViewSet[Any]):
    """The routes of one noun. Checks run in the contract's order:

    method → authentication → right and role → project → path → query → body → state.
    """

    http_method_names = ["get", "head", "post", "put", "delete"]
    serializer_class: type[Representation]
    rights: Mapping[str, str] = {}  # by action: the right a key needs, if it isn't read or write
    sorts: Mapping[str, Sort] = {}
    operations: Mapping[str, Operation] = {}  # by action, for /v0/openapi.json
    route_variables: Mapping[str, Callable[[str], bool]] = {"id": is_id}  # other variables are free text

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Return a rendered response: API requests skip the part of Django that renders."""
        try:
            response = super().dispatch(request, *args, **kwargs)
            return with_length(response.render()) if isinstance(response, Response) else response
        except Exception:
            logger.exception("%s %s crashed outside of its view", request.method, request.path)
            return error_response(InternalError())
        finally:
            self.forget_body()

    def forget_body(self) -> None:
        """Drop the body: view and request refer to each other, and the garbage collector may take long to free them."""
        request = getattr(self, "request", None)
        if isinstance(request, ApiRequest):
            request.forget_body()

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Wrap the request for DRF, with a body that DRF couldn't read."""
        self.action = self.action_map.get((request.method or "").lower(), "")
        return ApiRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            negotiator=self.get_content_negotiator(),
            parser_context=self.get_parser_context(request),
        )

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Run every check that doesn't need the view's own code."""
        if request.method not in self.allowed_methods:
            raise UnhandledMethod(request.method or "", self.allowed_methods)
        super().initial(request, *args, **kwargs)
        self.select_project(request)
        for name, is_valid in self.route_variables.items():
            if name in kwargs and not is_valid(kwargs[name]):
                raise InvalidRouteVariable(name)

    def select_project(self, request: Request) -> None:
        """Find the project that the request names. By default a route has none."""

    def read_body(self, serializer: type[RequestBody], **context: Any) -> dict[str, Any]:
        """Return the validated members of the body; raise with all problems in it."""
        data = self.request.data
        if data is None:  # DRF would read request.data; and null isn't an empty object
            raise InvalidRequestBody([Problem("", "must be a JSON object")])
        body = serializer(data=data, context=context)
        body.is_valid(raise_exception=True)
        return body.validated_data

    def page(self, source: Any) -> Response:
        """Return the requested page of a queryset or a Source."""
        return self.get_paginated_response([self.show(element) for element in self.elements_of(source)])

    def elements_of(self, source: Any) -> list[Any]:
        """Return the elements of the requested page."""
        return self.paginate_queryset(source) or []

    def show(self, element: Any) -> dict[str, Any]:
        """Return the wire form of an element."""
        return self.serializer_class.show(element)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Return no headers: DRF would add Allow and Vary to every response."""
        return {}


def unknown_route(request: HttpRequest) -> HttpResponse:
    """Answer any path under /v0 that isn't a route, even without a key."""
    return error_response(UnknownRoute(request.path))
