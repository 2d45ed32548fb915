"""The errors of the platform API (docs/api/v0.md, sections 1.2 and 2.1): one class per code, one body for all.

    ApiError ┬ UnknownRoute 404, UnhandledMethod 405
             ├ AuthenticationRequired 401, UnknownApiKey 401, AccountDisabled 403, OrganizationDisabled 403,
             │ PermissionDenied 403
             ├ MissingProjectId, InvalidProjectId, UnknownProjectId 400
             ├ InvalidRouteVariable, InvalidQueryParameter, InvalidRequestBody 400 (MalformedRequestBody),
             │ RequestTooLarge 413, TooManyRequests 429
             ├ UnknownObject 404, StateError 400
             └ BadRequest 400, InternalError 500, ServiceUnavailable, NoRoom 503

Any code may raise them. Only `error_response` and the API's exception handler turn them into replies.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import msgspec
from django.http import HttpResponse

JSON = "application/json"  # exactly this: two published clients compare the whole header (docs/api/v0.md, section 0)


class ApiError(Exception):
    """An error that a client sees. A class's docstring is its default message."""

    status = 500
    code = "internal_error"

    def __init__(self, message: str = "", *, data: Any = None, headers: dict[str, str] | None = None) -> None:
        self.message = message or (self.__doc__ or "").partition("\n")[0]
        self.data = data
        self.headers = headers or {}
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """Return the error object: `error` and `code`, plus `data` if there is any."""
        body = {"error": self.message, "code": self.code}
        return body if self.data is None else body | {"data": self.data}


def error_response(error: ApiError) -> HttpResponse:
    """Return the reply for an error outside a DRF view."""
    return with_length(HttpResponse(msgspec.json.encode(error.body()), JSON, error.status, headers=error.headers))


def with_length(response: HttpResponse) -> HttpResponse:
    """Set a reply's Content-Length; without one, the server sends it in chunks."""
    if response.content:
        response.headers["Content-Length"] = str(len(response.content))
    return response


class InternalError(ApiError):
    """Something went wrong in the server. See its log."""


class ServiceUnavailable(ApiError):
    """The database does not answer. Try again in a moment."""

    status, code = 503, "service_unavailable"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5"})


class NoRoom(ApiError):
    """Too many bodies are being sent at once."""

    status, code = 503, "service_unavailable"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class BadRequest(ApiError):
    """The request makes no sense."""

    status, code = 400, "bad_request"


# The route


class UnknownRoute(ApiError):
    """There is no such route."""

    status, code = 404, "route_not_found"

    def __init__(self, target: str) -> None:
        super().__init__(f"There is no route {target}.", data={"target": target})


class UnhandledMethod(ApiError):
    """The route exists, but not with this method."""

    status, code = 405, "unhandled_method"

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        super().__init__(f"This route does not take {method}.", headers={"Allow": ", ".join(allowed)})


class InvalidRouteVariable(ApiError):
    """A part of the path is not an identifier."""

    status, code = 400, "invalid_route_variable"

    def __init__(self, name: str) -> None:
        super().__init__(f"The {name} in the path is not a well-formed identifier.")


# Who asks


class AuthenticationRequired(ApiError):
    """An API key is needed."""

    status, code = 401, "authentication_required"

    def __init__(self, message: str, challenge: str = "") -> None:
        super().__init__(message, headers={"WWW-Authenticate": challenge} if challenge else None)


class UnknownApiKey(AuthenticationRequired):
    """The API key is unknown, revoked or expired."""

    code = "unknown_api_key"


class AccountDisabled(ApiError):
    """The account of this API key is disabled."""

    status, code = 403, "account_disabled"


class OrganizationDisabled(ApiError):
    """The organization of this API key is disabled."""

    status, code = 403, "organization_disabled"


class PermissionDenied(ApiError):
    """This API key may not do that."""

    status, code = 403, "permission_denied"


# Which project


class MissingProjectId(ApiError):
    """This route needs the header X-Eventline-Project-Id."""

    status, code = 400, "missing_project_id"


class InvalidProjectId(ApiError):
    """X-Eventline-Project-Id is not a well-formed identifier."""

    status, code = 400, "invalid_project_id"


class UnknownProjectId(ApiError):
    """There is no project with the identifier in X-Eventline-Project-Id."""

    status, code = 400, "unknown_project"


# What is asked


class InvalidQueryParameter(ApiError):
    """A query parameter has an invalid value."""

    status, code = 400, "invalid_query_parameter"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"Query parameter {name!r}: {reason}.", data={"parameter": name})


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem at one place of a body. `pointer` is a JSON pointer (RFC 6901), empty for the whole body."""

    pointer: str
    reason: str


class InvalidRequestBody(ApiError):
    """The body is not what this route takes. `problems` has all reasons, not only the first."""

    status, code = 400, "invalid_request_body"

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        place = f" at {first.pointer}" if first.pointer else ""
        super().__init__(
            f"Invalid request body{place}: {first.reason}{more}.",
            data={"jsv_errors": [asdict(problem) for problem in problems]},
        )


class MalformedRequestBody(InvalidRequestBody):
    """The body is not JSON.

    The connection is closed: a published client counts UTF-16 units in Content-Length, so the rest of its body would
    be taken for the next request.
    """

    def __init__(self, reason: str) -> None:
        super().__init__([Problem("", reason)])
        self.headers = {"Connection": "close"}


class RequestTooLarge(ApiError):
    """The body is larger than this server accepts."""

    status, code = 413, "request_too_large"


class TooManyRequests(ApiError):
    """Too many requests for now."""

    status, code = 429, "too_many_requests"

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, headers={"Retry-After": str(ceil(seconds))})


# What it is about


class UnknownObject(ApiError):
    """What the path names doesn't exist, or belongs to another organization: clients can't tell which."""

    status = 404

    def __init__(self, noun: str) -> None:
        self.code = f"unknown_{noun}"
        super().__init__(f"There is no such {noun.replace('_', ' ')}.")


class StateError(ApiError):
    """The request is valid, but not now: a name is taken, or something has ended."""

    status = 400

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)
