"""The short way of an ingest request through the WSGI application; tests/acceptance has what it stores."""

import io
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse

from eventlane import wsgi


def ask(application: Any, path: str, method: str = "POST") -> tuple[str, list, bytes]:
    """What the server would send: status, headers, body."""
    answers: list[tuple[str, list]] = []
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": "2",
        "wsgi.input": io.BytesIO(b"[]"),
        "wsgi.url_scheme": "http",
        "eventlane.path": path,
    }
    response = application(environ, lambda status, headers: answers.append((status, headers)))
    content = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    [(status, headers)] = answers
    return status, sorted(headers), content


@pytest.mark.parametrize("path", ["/v1/logs/web", "/v1/logs", "/v1/", "/v1//", "/v1/a/b/c/d", "/v1/x/y/"])
def test_short_way_answers_as_the_long_one(path, db):
    answer = ask(wsgi.application, path)

    assert answer == ask(wsgi.django_application, path)
    assert answer[0] == "401 Unauthorized"


def test_view_gets_version_and_route(monkeypatch):
    seen = []

    def view(request: HttpRequest, version: str, route: str) -> HttpResponse:
        seen.append((request.method, version, route))
        return HttpResponse(b"{}", status=202, content_type="application/json", headers={"X-Own": "1"})

    monkeypatch.setattr(wsgi, "ingest_events", view)
    headers = [("Content-Type", "application/json"), ("X-Own", "1")]
    assert ask(wsgi.application, "/v1/logs/web") == ("202 Accepted", headers, b"{}")
    assert seen == [("POST", "1", "logs/web")]


@pytest.mark.parametrize(
    "method, path",
    [("GET", "/v1/a/b"), ("OPTIONS", "/v1/a/b"), ("POST", "/v1/a/\xe9"), ("POST", "/v1"), ("POST", "/v0/a")],
)
def test_everything_else_goes_the_long_way(monkeypatch, method, path):
    seen = []
    monkeypatch.setattr(wsgi, "django_application", lambda environ, start: seen.append(environ["eventlane.path"]) or [])

    wsgi.application({"REQUEST_METHOD": method, "PATH_INFO": path}, None)
    assert seen == [path]


@pytest.mark.django_db(transaction=True)
def test_connection_is_given_back(monkeypatch):
    def view(request: HttpRequest, version: str, route: str) -> HttpResponse:
        connection.ensure_connection()
        return HttpResponse(b"{}")

    monkeypatch.setattr(wsgi, "ingest_events", view)
    ask(wsgi.application, "/v1/logs/web")
    assert connection.connection is None
