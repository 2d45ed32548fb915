"""The short way of an ingest request through the WSGI application."""

import io
import time
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections

from eventlane import wsgi
from projects.api_keys import issue_api_key
from projects.models import DirectoryVersion
from tests.cast import House, make_house

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def directory_version() -> None:
    """The tests before may have emptied the table of which the directory wants one row."""
    DirectoryVersion.objects.get_or_create(pk=1)
    time.sleep(2 * settings.EVENTLANE_DIRECTORY_CHECK_SECONDS)


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


def ask(application: Any, path: str, body: bytes, method: str = "POST", **headers: str) -> tuple[str, list, bytes]:
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
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        "eventlane.path": path,
        **headers,
    }
    response = application(environ, lambda status, headers: answers.append((status, headers)))
    content = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    [(status, headers)] = answers
    return status, sorted(headers), content


def test_short_way_answers_as_the_long_one(house):
    _, secret = issue_api_key(account=house.admin, name="k", rights=["ingest"], project=house.project)
    statuses = set()
    for path in ("/v1/acme-logs/web", "/v1/acme-logs", "/v1/", "/v1//", "/v1/a/b/c/d", "/v1/acme-logs/y/"):
        for body in (b'[{"a":1}]', b"[1]", b"", b"{"):
            for key in (secret, "evl_unknown", ""):
                headers = {"HTTP_X_API_KEY": key} if key else {}
                answer = ask(wsgi.application, path, body, **headers)
                assert answer == ask(wsgi.django_application, path, body, **headers)
                statuses.add(answer[0][:3])
    assert statuses == {"202", "400", "401"}


def test_short_way_is_taken_and_stores(house, monkeypatch):
    monkeypatch.setattr(wsgi, "django_application", None)
    _, secret = issue_api_key(account=house.admin, name="k", rights=["ingest"], project=house.project)

    status, headers, content = ask(wsgi.application, "/v1/acme-logs/web", b'[{"a":1}]', HTTP_X_API_KEY=secret)
    assert (status, content) == ("202 Accepted", b'{"message": "Request Accepted"}')
    assert ("Content-Type", "application/json") in headers
    status, _, content = ask(wsgi.application, "/v1/acme-logs/web", b'[{"a":1}, 2]', HTTP_X_API_KEY=secret)
    assert status == "400 Bad Request" and b'"invalid"' in content


@pytest.mark.parametrize(
    "method, path", [("GET", "/v1/a/b"), ("OPTIONS", "/v1/a/b"), ("POST", "/v1/a/\xe9"), ("POST", "/v1")]
)
def test_everything_else_goes_the_long_way(monkeypatch, method, path):
    seen = []
    monkeypatch.setattr(wsgi, "django_application", lambda environ, start: seen.append(environ["eventlane.path"]) or [])

    wsgi.application({"REQUEST_METHOD": method, "PATH_INFO": path}, None)
    assert seen == [path]


def test_connection_is_given_back():
    connection.ensure_connection()
    ask(wsgi.application, "/v1/acme-logs/web", b'[{"a":1}]', HTTP_X_API_KEY="evl_never_seen_before")

    assert connections["default"].connection is None
