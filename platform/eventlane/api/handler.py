"""The one place where an exception becomes a reply (docs/api/v0.md, sections 1.2 and 2.1)."""

import logging
from typing import Any

from django.core.exceptions import BadRequest as DjangoBadRequest
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from eventlane.api.problems import problems_of
from eventlane.database import DATABASE_AWAY
from eventlane.one_line import one_line
from eventlane.wire.errors import (
    ApiError,
    AuthenticationRequired,
    BadRequest,
    InternalError,
    InvalidRequestBody,
    PermissionDenied,
    Problem,
    ServiceUnavailable,
    UnhandledMethod,
    UnknownObject,
)

logger = logging.getLogger(__name__)


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """Return the reply to any exception from a view. Clients never see a traceback, not even with DEBUG on."""
    known = api_error_of(error, context)
    if isinstance(known, InternalError):
        logger.error("%s %s crashed", *_place(context), exc_info=error)
    elif isinstance(known, ServiceUnavailable):
        logger.error("%s %s: the database does not answer: %s", *_place(context), one_line(error))
    return Response(known.body(), known.status, headers=known.headers)


def api_error_of(error: Exception, context: dict[str, Any]) -> ApiError:
    """Translate an exception of Django or DRF; anything unknown becomes an InternalError."""
    match error:
        case ApiError():
            return error
        case exceptions.ValidationError():
            return InvalidRequestBody(problems_of(error.detail))
        case exceptions.ParseError():
            return InvalidRequestBody([Problem("", str(error.detail))])
        case exceptions.MethodNotAllowed():
            return UnhandledMethod(context["request"].method, context["view"].allowed_methods)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return AuthenticationRequired(str(error.detail))
        case exceptions.PermissionDenied() | DjangoPermissionDenied():
            return PermissionDenied()
        case exceptions.NotFound() | Http404():
            return UnknownObject("object")
        case _ if isinstance(error, DATABASE_AWAY):
            return ServiceUnavailable()
        case SuspiciousOperation() | DjangoBadRequest():
            return BadRequest()
        case _:
            return InternalError()


def _place(context: dict[str, Any]) -> tuple[str, str]:
    request = context["request"]
    return request.method, request.path
