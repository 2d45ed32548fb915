"""How a request of any shipper comes in: keys, encodings, unknown paths, idle connections."""

import gzip
from base64 import b64encode

import pyarrow
import pytest

from eventlane.web import make_server
from tests.events.ingest.conftest import Entrance

EVENTS = b'[{"n":1}]'


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def test_key_may_be_a_bearer_token_or_the_password_of_basic(entrance: Entrance) -> None:
    ways = {"x_api_key": entrance.key}, {"authorization": f"bearer {entrance.key}"}
    for way in (*ways, {"authorization": basic("anyone", entrance.key)}):
        answer = entrance.post("/v1/acme-logs/web", EVENTS, **way)
        assert (answer.status, answer.body) == (202, b'{"message": "Request Accepted"}'), way
    assert entrance.events() == [{"n": 1}] * 3


@pytest.mark.parametrize(
    "authorization",
    ["Bearer evl_wrong", "Basic !", "Basic /w==", basic("KEY", ""), basic("x", "evl_wrong"), "Digest a"],
)
def test_other_authorization_is_unauthorised(entrance: Entrance, authorization: str) -> None:
    answer = entrance.post("/v1/acme-logs/web", EVENTS, authorization=authorization.replace("KEY", entrance.key))
    assert (answer.status, answer.body) == (401, b'{"message": "Unauthorised"}')


def test_bodies_in_brotli_and_in_two_encodings(entrance: Entrance) -> None:
    brotli = pyarrow.Codec("brotli").compress(EVENTS, asbytes=True)
    for encoding, body in (
        ("br", brotli),
        ("gzip, br", pyarrow.Codec("brotli").compress(gzip.compress(EVENTS), asbytes=True)),
    ):
        assert entrance.post("/v1/acme-logs/web", body, content_encoding=encoding).status == 202
    assert entrance.post("/v1/acme-logs/web", gzip.compress(EVENTS), content_encoding="gzip, identity").status == 202
    three = entrance.post("/v1/acme-logs/web", b"x", content_encoding="gzip, gzip, gzip")
    assert (three.status, three.headers["x-error-reason"]) == (400, "more than 2 encodings, one in the other")
    assert entrance.events() == [{"n": 1}] * 3


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/"), ("POST", "/nowhere"), ("GET", "/nowhere"), ("PUT", "/a/b")]
)
def test_programs_get_json_for_an_unknown_path(entrance: Entrance, method: str, path: str) -> None:
    answer = entrance.send(method, path, b"x" * 5_000_000 if method == "POST" else b"")
    assert (answer.status, answer.headers["content-type"]) == (404, "application/json")
    assert answer.json() == {
        "error": f"There is no route {path}.",
        "code": "route_not_found",
        "data": {"target": path},
    }
    page = entrance.send(method, path, accept="text/html,*/*;q=0.8")
    assert page.headers["content-type"].startswith("text/html")


def test_start_page_leads_to_the_console(entrance: Entrance) -> None:
    assert entrance.send("GET", "/", accept="*/*").headers["location"] == "/console/"


def test_idle_connections_outlive_those_of_proxies() -> None:
    assert make_server().http1_settings.header_read_timeout == 75_000
