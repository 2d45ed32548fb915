"""A request's way through the door to Django: what Django gets, and what is returned."""

from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connection

from eventlane.door.django import call, environ_of


def scope(path: bytes, *headers: tuple[bytes, bytes], query: bytes = b"") -> dict[str, Any]:
    return {
        "method": "POST",
        "raw_path": path,
        "query_string": query,
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", "8000"),
        "client": ("10.0.0.1", "4711"),
        "headers": [(b"host", b"localhost"), *headers],
    }


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (b"/v0/a%2Fb", b"/v0/a/b"),
        (b"/console/%ff", b"/console/\xff"),
        (b"/console/\xc3\xa9", b"/console/\xc3\xa9"),
        (b"*", b"*"),
    ],
)
def test_path_keeps_its_bytes(sent, path):
    assert environ_of(scope(sent), b"")["PATH_INFO"].encode("latin-1") == path


def test_body_is_whole_whatever_its_framing_said():
    environ = environ_of(scope(b"/v0/x", (b"transfer-encoding", b"chunked"), (b"content-type", b"a/b")), b"four")
    assert (environ["CONTENT_LENGTH"], environ["CONTENT_TYPE"], environ["wsgi.input"].read()) == ("4", "a/b", b"four")
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_headers_sent_twice_are_joined_and_underscores_name_nobody_elses_header():
    twice = [(b"x-a", b"1"), (b"x-a", b"\xe9"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
    environ = environ_of(scope(b"/", *twice, (b"x_forwarded_proto", b"https")), b"")
    assert (environ["HTTP_X_A"], environ["HTTP_COOKIE"]) == ("1,é", "a=1; b=2")
    assert "HTTP_X_FORWARDED_PROTO" not in environ


def test_environment_of_the_process_is_none_of_the_requests():
    assert "PATH" not in environ_of(scope(b"/"), b"")


@pytest.mark.django_db(transaction=True)
def test_reply_is_whole_and_the_connection_is_given_back():
    reply = call(get_wsgi_application(), environ_of(scope(b"/v0/projects", (b"authorization", b"Bearer evl_x")), b"{}"))
    assert reply.status == 401
    assert dict(reply.headers)[b"Content-Type"] == b"application/json"
    assert b'"unknown_api_key"' in reply.body
    assert connection.connection is None
