"""A request's way through the door to Django: what Django gets, and what is returned."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connection

from eventlane.door.application import PIECE_BYTES, send_reply
from eventlane.door.django import call, environ_of
from eventlane.wire.client import Client


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
    environ = environ_of(scope(b"/v0/projects", (b"authorization", b"Bearer evl_x")), b"{}")
    reply = call(get_wsgi_application(), environ, Client())
    assert reply.status == 401
    assert dict(reply.headers)[b"Content-Type"] == b"application/json"
    assert b'"unknown_api_key"' in reply.body
    assert connection.connection is None


def test_file_is_sent_in_pieces_and_closed(tmp_path: Path) -> None:
    content = b"0123456789" * 100_000
    (tmp_path / "file").write_bytes(content)
    file = (tmp_path / "file").open("rb")
    sent: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [("X-Kind", "file")])
        return environ["wsgi.file_wrapper"](file, 4096)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    reply = call(application, environ_of(scope(b"/v0/x"), b""), Client())
    assert file.closed and reply.file and not reply.file.closed
    asyncio.run(send_reply(send, reply))
    assert reply.file.closed
    assert (sent[0]["status"], sent[0]["headers"]) == (200, [(b"X-Kind", b"file")])
    assert b"".join(message["body"] for message in sent[1:]) == content
    assert max(len(message["body"]) for message in sent[1:]) <= PIECE_BYTES
    assert [message.get("more_body", False) for message in sent[1:]] == [True] * (len(sent) - 2) + [False]
