"""What goes in and out of the platform API as bytes (docs/api/v0.md, sections 0 and 3)."""

import gzip

import msgspec
import pytest

from eventlane.api.content import JsonRenderer
from eventlane.api.problems import problems_of
from eventlane.api.serializers import RequestBody, TextField
from projects.models import Account
from tests.factories import make_house
from tests.platform_api import ApiClient, client_of


@pytest.fixture
def admin(db) -> Account:
    return make_house("acme", "alice").admin


@pytest.fixture
def client(admin: Account) -> ApiClient:
    return client_of(admin)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ";"]
)
def test_body_is_json_whatever_its_content_type(client, content_type):
    response = client.post("/projects", {"name": "shop"}, content_type=content_type)

    assert (response.status_code, response.headers["Content-Type"]) == (201, "application/json")


@pytest.mark.parametrize("accept", ["", "text/html", "text/plain;q=1", "nonsense"])
def test_accept_is_ignored(client, accept):
    response = client.get("/org", accept=accept)

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


def test_compressed_body(client):
    response = client.post("/projects", gzip.compress(b'{"name":"shop"}'), content_encoding="gzip")

    assert response.status_code == 201


def test_body_that_is_small_only_compressed(client, settings):
    settings.EVENTLANE_MAX_REQUEST_BYTES = 1024

    response = client.post("/projects", gzip.compress(b" " * 100_000), content_encoding="gzip")

    assert (response.status_code, response.json()["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_body_that_is_not_what_its_encoding_says(client, encoding):
    response = client.post("/projects", b'{"name":"shop"}', content_encoding=encoding)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body")


@pytest.mark.parametrize(
    "body", [b'{"name":"\\ud800"}', b'{"name":"\xed\xa0\x80"}', b'{"name":1e999}', b'{"name":NaN}']
)
def test_text_that_is_no_text(client, body):
    response = client.post("/projects", body)

    assert (response.status_code, response.json()["code"]) == (400, "invalid_request_body")


def test_white_space_is_an_empty_body(client):
    assert client.post("/projects", b" \r\n").json()["error"] == "Invalid request body: member 'name' is missing."


def test_renderer_keeps_raw_json_to_the_byte():
    raw = b'{"z": 1.0, "a":1e2,"a":"\\u00e9"}'

    assert JsonRenderer().render({"é": msgspec.Raw(raw)}) == '{"é":'.encode() + raw + b"}"


class Inner(RequestBody):
    text = TextField(max_length=3)


class Outer(RequestBody):
    name = TextField()
    inner = Inner()
    several = Inner(many=True, required=False)


@pytest.mark.parametrize(
    "body, expected",
    [
        ({"name": "a", "inner": {"text": "a"}}, []),
        ({"name": "a", "inner": {"text": "a"}, "several": None}, []),
        ({"name": "a", "inner": {}}, [("/inner", "member 'text' is missing")]),
        ({"name": "a", "inner": 1}, [("/inner", "must be a JSON object")]),
        (
            {"inner": {"text": 1, "a~/b": 1}},
            [
                ("", "member 'name' is missing"),
                ("/inner/text", "must be a string"),
                ("/inner", "member 'a~/b' is unknown"),
            ],
        ),
        (
            {"name": 1, "inner": {"text": "a"}, "several": [{"text": "a"}, {}, {"text": ""}, 1]},
            [
                ("/name", "must be a string"),
                ("/several/1", "member 'text' is missing"),
                ("/several/2/text", "must not be empty"),
                ("/several/3", "must be a JSON object"),
            ],
        ),
        (
            {"name": "a", "inner": {"text": "a"}, "several": {}},
            [("/several", 'expected a list of items but got type "dict"')],
        ),
    ],
)
def test_every_problem_at_its_place(body, expected):
    serializer = Outer(data=body)

    serializer.is_valid()

    assert [(problem.pointer, problem.reason) for problem in problems_of(serializer.errors)] == expected


def test_member_with_a_slash_is_escaped_in_its_pointer():
    detail = {"a/b": {"c~d": ["Wrong."]}}

    assert problems_of(detail)[0].pointer == "/a~1b/c~0d"
