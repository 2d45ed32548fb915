"""The Events API's contract, row by row, over real HTTP."""

import gzip
import json
import re
import socket
import time
import zlib

import pytest
import urllib3
import zstandard

ACCEPTED = (202, b'{"message": "Request Accepted"}')
BAD_REQUEST = (400, b'{"message": "Bad Request"}')
UNAUTHORISED = (401, b'{"message": "Unauthorised"}')
NOT_ALLOWED = (405, b'{"message": "Method Not Allowed"}')
MIB = 1024 * 1024


def answer(response):
    """Return status and body, having checked what every reply has."""
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    return response.status, response.data


def stored(server, namespace, dataset="logs"):
    """Return the events of a namespace as objects with event, service, …, oldest first."""
    done = server.manage("tail", dataset, "--namespace", namespace, "--from", "1h", "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def namespace(request):
    """A namespace no other test uses."""
    return f"{re.sub(r'[^a-z0-9]+', '-', request.node.name)[:150]}-{time.time_ns()}"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", ["/v1/logs/web", "/v1", "/v1/", "/v1/nowhere/x", "/v7/logs/web"])
def test_other_methods_are_not_allowed(server, method, path):
    response = server.request(method, path)
    assert response.status == 405
    assert response.headers["Allow"] == "POST, OPTIONS"
    assert response.headers["Content-Type"] == "application/json"
    assert response.data == NOT_ALLOWED[1]


@pytest.mark.parametrize("path", ["/v1/logs/web", "/v1/logs", "/v1"])
def test_head_is_answered_with_nothing(server, path):
    response = server.request("HEAD", path)
    assert answer(response) == (200, b"")


def test_encoded_slash_belongs_to_its_segment(server, namespace):
    assert answer(server.post(f"/v1/logs/{namespace}%2Fb", [{"n": 1}])) == ACCEPTED
    assert [(row["service"], row["event"]) for row in stored(server, f"{namespace}/b")] == [(None, {"n": 1})]


def test_service_in_a_header_may_be_any_text(server, namespace):
    for name in ("café ✓".encode(), "café".encode("latin-1")):
        assert answer(server.post(f"/v1/logs/{namespace}", [{}], x_service=name)) == ACCEPTED
    assert [row["service"] for row in stored(server, namespace)] == ["café ✓", "café"]


def test_answer_comes_after_the_body_was_read(server):
    """Some clients look for a reply only once everything is sent."""
    head = f"POST /v1/logs/web HTTP/1.1\r\nHost: x\r\nx-api-key: evl_wrong\r\nContent-Length: {5 * MIB}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + b" " * (5 * MIB - 1))
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.sendall(b" ")
        connection.settimeout(10)
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("path", ["/v1/logs/web", "/v1", "/v1/nowhere/x"])
def test_preflight_allows_the_headers_it_is_asked_for(server, path):
    wanted = "x-api-key, x-service, x-namespace, content-type, contenttype, library"
    headers = {"origin": "https://shop.example", "access_control_request_method": "POST"}
    response = server.request("OPTIONS", path, access_control_request_headers=wanted, **headers)
    assert (response.status, response.data) == (204, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Headers"] == wanted
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("key", [None, "", "undefined", "evl_nothing", "ÿ"])
def test_no_key_or_an_unknown_one_is_unauthorised(server, key):
    headers = {} if key is None else {"x_api_key": key.encode("latin-1")}
    assert answer(server.request("POST", "/v1/logs/web", b"[{}]", **headers)) == UNAUTHORISED


@pytest.mark.parametrize("right", ["read", "write", "deploy"])
def test_key_without_the_ingest_right_is_unauthorised(server, right):
    assert answer(server.post("/v1/logs/web", [{}], x_api_key=server.keys[right])) == UNAUTHORISED


def test_key_is_checked_before_path_and_body(server):
    assert answer(server.post("/v1", b"garbage", x_api_key="evl_wrong")) == UNAUTHORISED


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1//",
        "/v1//web",
        "/v1/logs//",
        "/v1/logs//web",
        "/v1/logs",
        "/v1/logs/",
        "/v1/nowhere/web",
        "/v1/Logs/web",
        "/v1/-logs/web",
        "/v1/" + "a" * 101 + "/web",
        "/v1/logs/a/b/c",
        "/v1/logs/" + "n" * 201,
        "/v1/logs/a%00b",
        "/v1/logs/a%0Ab",
        "/v1/logs/%C2%85",
        "/v1/logs/%ff",
        "/v1/logs/%C3%28/web",
        "/v1/logs/" + "s" * 201 + "/web",
        "/v1/logs/a%07/web",
        "/v2/logs/web",
        "/v10/logs/web",
        "/v2",
        "/v01/logs/web",
    ],
)
def test_wrong_path_is_a_bad_request(server, path):
    response = server.post(path, [{}])
    assert answer(response) == BAD_REQUEST
    assert response.headers["X-Error-Reason"]


@pytest.mark.parametrize("name", ["n", "n" * 200, "Ünïcode ✓", "with space", "a.b:c", "%41", "é" * 200])
def test_namespace_is_percent_decoded_and_kept(server, name, namespace):
    from urllib.parse import quote

    name = (name + namespace)[:200] if len(name) < 100 else name
    assert answer(server.post(f"/v1/logs/{quote(name, safe='')}", [{"test": namespace}])) == ACCEPTED
    assert {"test": namespace} in [row["event"] for row in stored(server, name)]


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_form_of_the_route(server, namespace, slash):
    assert answer(server.post(f"/v1/logs/{namespace}{slash}", [{"n": 1}])) == ACCEPTED
    assert answer(server.post(f"/v1/logs{slash}", [{"n": 2}], x_namespace=namespace, x_service="header")) == ACCEPTED
    assert answer(server.post(f"/v1/logs/path/{namespace}{slash}", [{"n": 3}])) == ACCEPTED
    rows = stored(server, namespace)
    assert [row["event"]["n"] for row in rows] == [1, 2, 3]
    assert [row["service"] or "" for row in rows] == ["", "header", "path"]


def test_header_saying_undefined_counts_as_absent(server):
    assert answer(server.post("/v1/logs", [{}], x_namespace="undefined")) == BAD_REQUEST


def test_default_namespace_of_a_dataset_is_used(server, namespace):
    dataset = f"d{time.time_ns()}"
    server.manage("create_dataset", dataset, "--project", "main", "--default-namespace", namespace)
    assert answer(server.post(f"/v1/{dataset}", [{"n": 1}])) == ACCEPTED
    assert answer(server.post(f"/v1/{dataset}", [{"n": 2}], x_namespace="own")) == ACCEPTED
    assert [row["event"]["n"] for row in stored(server, namespace, dataset)] == [1]


def test_project_may_create_datasets_on_first_use(server):
    dataset = f"d{time.time_ns()}"
    assert answer(server.post(f"/v1/{dataset}/web", [{"n": 1}])) == BAD_REQUEST
    switch = "from projects.models import Project; Project.objects.update(create_datasets={})"
    server.manage("shell", "-c", switch.format(True))
    try:
        server.wait_until(lambda: server.post(f"/v1/{dataset}/web", [{"n": 1}]).status == 202, "it is created")
    finally:
        server.manage("shell", "-c", switch.format(False))
    assert [row["event"] for row in stored(server, "web", dataset)] == [{"n": 1}]


def compressed(encoding, data):
    if encoding == "gzip":
        return gzip.compress(data)
    if encoding == "two gzip members":
        return gzip.compress(data[:5]) + gzip.compress(data[5:])
    if encoding == "deflate":
        return zlib.compress(data)
    if encoding == "raw deflate":
        return zlib.compress(data, wbits=-15)
    return zstandard.compress(data)


@pytest.mark.parametrize("form", ["gzip", "two gzip members", "deflate", "raw deflate", "zstd"])
def test_compressed_bodies(server, namespace, form):
    encoding = {"two gzip members": "gzip", "raw deflate": "deflate"}.get(form, form)
    body = compressed(form, b'[{"n":1}]')
    assert answer(server.post(f"/v1/logs/{namespace}", body, content_encoding=encoding)) == ACCEPTED
    assert answer(server.post("/v1/logs/web", body[:-3], content_encoding=encoding)) == BAD_REQUEST
    assert answer(server.post("/v1/logs/web", b'[{"n":1}]', content_encoding=encoding)) == BAD_REQUEST
    bomb = compressed(form, b"[" + b" " * (6 * MIB) + b"]")
    assert len(bomb) < MIB
    assert answer(server.post("/v1/logs/web", bomb, content_encoding=encoding)) == BAD_REQUEST
    assert [row["event"] for row in stored(server, namespace)] == [{"n": 1}]


@pytest.mark.parametrize("encoding", ["snappy", "gzip, snappy", "*"])
def test_unsupported_encoding_is_a_bad_request(server, encoding):
    response = server.post("/v1/logs/web", b"[{}]", content_encoding=encoding)
    assert answer(response) == BAD_REQUEST
    assert "not supported" in response.headers["X-Error-Reason"]


@pytest.mark.parametrize(
    "body", [b"", b" ", b"{", b"{} x", b"garbage", b'[{"a":1}', b'[{"a":"x}]', b"[{}] x", b"\xef\xbb\xbf[{}]"]
)
def test_body_that_is_no_array_is_a_bad_request(server, body):
    response = server.post("/v1/logs/web", body)
    assert answer(response) == BAD_REQUEST
    assert response.headers["X-Error-Reason"]


def body_of_size(size):
    event = b'{"a":"' + b"x" * 30_000 + b'"}'
    body = b"[" + b",".join([event] * (size // (len(event) + 1) - 1)) + b"]"
    return body + b" " * (size - len(body))


@pytest.mark.parametrize("size, expected", [(6 * MIB, ACCEPTED), (6 * MIB + 1, BAD_REQUEST), (20 * MIB, BAD_REQUEST)])
def test_largest_body(server, size, expected):
    assert answer(server.post("/v1/logs/large", body_of_size(size))) == expected


def test_chunked_body_without_a_length(server, namespace):
    pieces = [b'[{"n":', b"1},", b'{"n":2}]']
    response = server.http.request(
        "POST",
        f"{server.url}/v1/logs/{namespace}",
        body=iter(pieces),
        chunked=True,
        headers={"x-api-key": server.keys["ingest"]},
    )
    assert answer(response) == ACCEPTED
    assert [row["event"]["n"] for row in stored(server, namespace)] == [1, 2]


@pytest.mark.parametrize("element", [b"1", b"{}"])
def test_small_body_of_millions_of_elements_is_refused_whole(server, namespace, element):
    elements = [element] * (6 * MIB // (len(element) + 1) - 1)
    body = gzip.compress(b"[" + b",".join(elements) + b"]")
    response = server.post(f"/v1/logs/{namespace}", body, content_encoding="gzip")
    assert answer(response) == BAD_REQUEST
    assert response.headers["X-Error-Reason"] == "more than 100000 events in one request"
    nothing = server.manage("tail", "logs", "--namespace", namespace, "--from", "1h", check=False)
    assert "has no namespace" in nothing.stderr


def test_body_of_countless_gzip_members_is_refused(server):
    response = server.post("/v1/logs/web", gzip.compress(b"") * 300_000, content_encoding="gzip")
    assert answer(response) == BAD_REQUEST
    assert "more than 10000 parts" in response.headers["X-Error-Reason"]


def test_reply_shows_a_mebibyte_of_invalid_events_and_counts_the_others(server, namespace):
    response = server.post(f"/v1/logs/{namespace}", b"[%b{}]" % (b"1," * 50_000))
    reply = json.loads(response.data)
    assert list(reply) == ["message", "invalid", "errors", "more_invalid"]
    assert 0.9 * MIB < len(response.data) < 1.01 * MIB
    assert len(reply["invalid"]) == len(reply["errors"]) == 50_000 - reply["more_invalid"]
    assert response.headers["X-Error-Reason"] == "not shown: not a JSON object"
    assert [row["event"] for row in stored(server, namespace)] == [{}]


def test_event_too_large_to_be_shown_is_counted_with_its_reason(server):
    response = server.post("/v1/logs/web", json.dumps([{"a": "x" * 2 * MIB}]).encode())
    assert json.loads(response.data) == {"message": "Bad Request", "invalid": [], "errors": [], "more_invalid": 1}
    assert response.headers["X-Error-Reason"] == "not shown: larger than 32768 bytes"


@pytest.mark.parametrize("size, status", [(32_767, 202), (32_768, 400)])
def test_largest_event(server, size, status):
    event = {"a": "x" * (size - len('{"a":""}'))}
    response = server.post("/v1/logs/web", json.dumps([event], separators=(",", ":")).encode())
    assert response.status == status
    if status == 400:
        assert json.loads(response.data)["errors"] == [{"index": 0, "reason": "larger than 32768 bytes"}]


def test_good_events_of_a_bad_batch_are_stored(server, namespace):
    response = server.post(f"/v1/logs/{namespace}", b'[{"a":1},{"b":},{"c":3}, 5 ,"x",null,[1]]')
    assert response.status == 400
    reply = json.loads(response.data)
    assert list(reply) == ["message", "invalid", "errors"]
    assert reply["message"] == "Bad Request"
    assert reply["invalid"] == ['{"b":}', 5, "x", None, [1]]
    assert [error["index"] for error in reply["errors"]] == [1, 3, 4, 5, 6]
    assert all(error["reason"] for error in reply["errors"])
    assert [row["event"] for row in stored(server, namespace)] == [{"a": 1}, {"c": 3}]


def test_empty_array_is_accepted(server):
    assert answer(server.post("/v1/logs/web", b"[]")) == ACCEPTED


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_body_is_json_whatever_its_content_type_says(server, content_type):
    assert answer(server.post("/v1/logs/web", b"[{}]", content_type=content_type)) == ACCEPTED


def test_seed_example(server):
    body = b'[\n        {"key1":"value1","key2":"value2"},\n        {"key3":"value3","key4":"value4"}\n      ]'
    assert answer(server.post("/v1/logs/web", body, content_type="application/json")) == ACCEPTED


def test_absolute_form_of_the_request_line(server):
    """Some clients and proxies write the whole URL into the request line (RFC 9112, section 3.2.2)."""
    head = f"POST {server.url}/v1/logs/web HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += f"x-api-key: {server.keys['ingest']}\r\nContent-Length: 4\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + b"[{}]")
        assert connection.recv(1000).startswith(b"HTTP/1.1 202 ")


def test_connection_is_kept_alive_after_errors(server):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for body, status in ((b"garbage", 400), (b"[{}]", 202), (b"", 400), (b"[]", 202)):
        connection.request("POST", "/v1/logs/web", body, {"x-api-key": server.keys["ingest"]})
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()


def test_namespace_row_is_made_when_its_first_event_is_accepted(server, namespace):
    assert server.post(f"/v1/logs/{namespace}", [{}]).status == 202
    count = f"from events.models import Namespace; print(Namespace.objects.filter(name={namespace!r}).count())"
    server.wait_until(lambda: server.manage("shell", "-v0", "-c", count).stdout.strip() == "1", "the row exists")


def test_rate_is_that_of_all_web_processes_together(server):
    words = ["few", "--rights", "ingest", "--project", "main", "--requests-per-second", "1"]
    key = server.manage("create_api_key", *words).stdout.strip()
    start, statuses = time.monotonic(), []
    for _ in range(30):  # connections, which Linux spreads over the processes
        with urllib3.PoolManager() as pool:
            reply = pool.request("POST", f"{server.url}/v1/logs/few", body=b"[{}]", headers={"x-api-key": key})
        statuses.append(reply.status)
    burst = 10
    assert statuses[:burst] == [202] * burst
    assert statuses.count(202) <= burst + 1 + time.monotonic() - start
