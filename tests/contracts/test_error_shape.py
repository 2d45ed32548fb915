"""Every error of every route of the platform API is {"error", "code", "data"?}, exactly `application/json`.

The routes come from the URL configuration: a new one is walked over without anybody adding it here.
"""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from pytest_django import DjangoDbBlocker

from eventlane.api.permissions import Public
from eventlane.ids import new_id
from tests.factories import House, make_house
from tests.platform_api import ApiClient, client_of
from tests.routes import Route, api_routes
from tests.shared_rows import shared_rows

ROUTES = api_routes()
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW")


PUBLIC = ("/status", "/openapi.json")


def each_route(holding: str = "", without: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    """Run a test for every route whose `METHOD /path` contains one text and none of the others."""
    chosen = [route for route in ROUTES if holding in str(route) and not any(text in str(route) for text in without)]
    return pytest.mark.parametrize("route", chosen, ids=str)


closed = [route for route in ROUTES if Public not in route.view.permission_classes]
each_closed_route = pytest.mark.parametrize("route", closed, ids=str)

pytestmark = pytest.mark.django_db


def assert_error(response: HttpResponse, status: int, code: str, method: str = "GET") -> dict[str, Any]:
    """Assert the one shape of errors; return the body."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/json"
    if method == "HEAD":
        return {}
    body = response.json()
    assert set(body) in ({"error", "code"}, {"error", "code", "data"})
    assert isinstance(body["error"], str) and body["error"]
    assert body["code"] == code
    if code == "invalid_request_body":
        assert body["data"]["jsv_errors"]
        assert all(set(problem) == {"pointer", "reason"} for problem in body["data"]["jsv_errors"])
    return body


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    with shared_rows(django_db_blocker):
        yield make_house("acme", "alice")


@pytest.fixture(scope="module")
def client(house: House) -> ApiClient:
    return client_of(house.admin, project=house.project)


def url_of(route: Route, **variables: str) -> str:
    others = {"event_id": str(uuid4()), "name": "nobody", "type": "task", "key": "a/b"}
    return route.url(**({"id": new_id()} | others | variables))


def test_the_walk_knows_the_routes():
    assert {"HEAD /status", "GET /projects", "DELETE /projects/id/{id}"} <= {str(route) for route in ROUTES}


@pytest.mark.parametrize(
    "path", ["", "/", "/nope", "/projects/", "/projects/id/", "/Projects", "/status/x", "/%FF", "/a\nb", "//", "/org;"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "BREW"])
def test_unknown_route(method: str, path: str):
    body = assert_error(ApiClient().send(method, path), 404, "route_not_found")

    assert body["data"]["target"].startswith("/v0")


def test_unknown_route_shows_its_path_without_the_query():
    assert ApiClient().get("/nope?a=b").json()["data"] == {"target": "/v0/nope"}


def test_unknown_route_with_debug_on(settings):
    settings.DEBUG = True

    assert_error(ApiClient().get("/nope"), 404, "route_not_found")


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_wrong_method(path: str):
    allowed = {route.method for route in ROUTES if route.path == path}
    for method in set(METHODS) - allowed:
        response = ApiClient().send(method, url_of(Route(method, path, object)))  # no key: the route comes first

        assert_error(response, 405, "unhandled_method")
        assert set(response.headers["Allow"].split(", ")) == allowed | ({"HEAD"} if "GET" in allowed else set())


@each_route(without=PUBLIC)
def test_no_key(route: Route):
    for header in ("", "Bearer", "Bearer ", "Basic YWxpY2U6eA==", "evl_something", "Token evl_x"):
        response = ApiClient().send(route.method, url_of(route), authorization=header)

        assert_error(response, 401, "authentication_required")
        assert response.headers["WWW-Authenticate"] == "Bearer"


@each_route(without=PUBLIC)
def test_unknown_key(route: Route):
    for secret in ("evl_unknown", "a b", "ü", "x" * 5000):
        assert_error(ApiClient(secret).send(route.method, url_of(route)), 401, "unknown_api_key")


@each_route("{id}")
def test_malformed_id(route: Route, client: ApiClient):
    for wrong in ("x", "0" * 26, "0" * 28, "z" * 27, "%00", "0" * 26 + "é"):
        assert_error(client.send(route.method, url_of(route, id=wrong)), 400, "invalid_route_variable")


@each_route("{id}")
def test_unknown_id(route: Route, client: ApiClient):
    response = client.send(route.method, url_of(route), {"name": "valid"} if route.method == "PUT" else None)

    assert response.status_code == 404
    assert_error(response, 404, response.json()["code"])
    assert response.json()["code"].startswith("unknown_")


@each_route("{name}")
def test_unknown_name(route: Route, client: ApiClient):
    for name in ("nobody", "%00", "%FF", "é", "A", "x" * 300):
        response = client.send(route.method, url_of(route, name=name))

        assert_error(response, 404, response.json()["code"])
        assert response.json()["code"].startswith("unknown_")


BODIES = [b"{", b"[]", b"1", b"null x", b'{"name":{}}', b'{"unheard_of":1}', b"\xff", b"\xef\xbb\xbf{}", b"[" * 5000]


@each_route("POST", without=("{",))
def test_bad_body(route: Route, client: ApiClient):
    for body in BODIES:
        assert_error(client.post(route.path, body), 400, "invalid_request_body")


def test_body_of_a_get_is_not_looked_at(client: ApiClient):
    for body in BODIES:
        assert client.send("GET", "/projects", body).status_code == 200


def test_body_too_large(client: ApiClient, settings):
    settings.EVENTLANE_MAX_REQUEST_BYTES = 1024

    assert_error(client.post("/projects", b'{"name":"' + b"x" * 1024 + b'"}'), 413, "request_too_large")


def test_too_many_query_parameters(client: ApiClient):
    query = "&".join(f"p{number}=1" for number in range(1500))

    assert_error(client.get(f"/projects?{query}"), 400, "invalid_query_parameter")


@each_route(without=PUBLIC)
@pytest.mark.parametrize("debug", [True, False], ids=["debug", "production"])
def test_crash(route: Route, debug: bool, settings, caplog, client: ApiClient):
    settings.DEBUG = debug

    with patch("projects.authentication.digest_of", side_effect=ZeroDivisionError("the secret of the house")):
        response = client.send(route.method, url_of(route))

    body = assert_error(response, 500, "internal_error")
    assert "secret" not in str(body)
    assert "the secret of the house" in caplog.text


@pytest.mark.parametrize("debug", [True, False], ids=["debug", "production"])
def test_crash_of_the_renderer(debug: bool, settings, client: ApiClient):
    settings.DEBUG = debug

    with patch("eventlane.api.viewsets.ApiViewSet.show", return_value=object()):
        response = client.get("/org")

    assert_error(response, 500, "internal_error")


def test_database_that_is_away(client: ApiClient):
    with patch("projects.authentication.ApiKey.objects.select_related", side_effect=OperationalError("it is away")):
        response = client.get("/org")

    assert_error(response, 503, "service_unavailable")
    assert response.headers["Retry-After"] == "5"
