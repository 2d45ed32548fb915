"""The published Python client (PyPI `eventline` 0.2.5) against the real server, and what other clients put on the wire.

The client sends absolute URLs in the request line, compares Content-Type as a whole, and raises when a member that
it insists on is missing.
"""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from eventline.api_client import APIClient
from eventline.client import APIError
from eventline.pagination import Cursor
from eventline.project import NewProject, ProjectUpdate

from eventlane.ids import new_id

SEED_EXAMPLE = "/v0/projects?after=MjNCeENVNURoOTBCM1hWRjRVcmtXcm5qZENP&size=5&order=id&order=desc"


@pytest.fixture(scope="module")
def key(server) -> str:
    """A platform key that may read and write, of the administrator."""
    return server.manage("create_api_key", "client", "--rights", "read,write").stdout.strip()


@pytest.fixture
def client(server, key, monkeypatch) -> APIClient:
    monkeypatch.delenv("EVENTLINE_API_KEY", raising=False)
    return APIClient(endpoint=f"{server.url}/v0", api_key=key)


@pytest.fixture
def make_project(client) -> Iterator[Callable[[], Any]]:
    """Make projects that are gone after the test."""
    made = []

    def make() -> Any:
        made.append(client.create_project(NewProject(f"p-{new_id().lower()}")))
        return made[-1]

    yield make
    for project in made:
        try:
            client.delete_project(project.id_)
        except APIError as error:
            assert error.error_code == "unknown_project"


def failure(call: Callable[[], Any]) -> tuple[int, str]:
    """Return status and code of the APIError that a call ends in."""
    with pytest.raises(APIError) as caught:
        call()
    assert caught.value.error_message
    return caught.value.status, caught.value.error_code


# Every method of the client that is about organizations, accounts and projects


def test_get_current_organization(client):
    organization = client.get_current_organization()

    assert organization.name and organization.id_ and organization.creation_time.year >= 2024
    assert (organization.address, organization.contact_email_address, organization.disabled) == ("", "", False)


def test_get_current_account_that_never_logged_in(client, server):
    account = client.get_current_account()

    assert (account.email_address, account.role, account.disabled) == (server.email, "admin", False)
    assert account.last_login_time >= account.creation_time
    assert account.last_project_id is None and account.settings.date_format is None


def test_get_accounts_and_account(client):
    own = client.get_current_account().id_
    [account] = [account for account in client.get_accounts(Cursor(size=100)).elements if account.id_ == own]

    assert client.get_account(account.id_).email_address == account.email_address


@pytest.mark.parametrize("sort", ["id", "name", "email_address"])
def test_get_accounts_with_a_cursor(client, sort):
    found, cursor = [], Cursor(size=1, sort=sort, order="desc")
    while cursor is not None:  # other tests make accounts on the same server
        page = client.get_accounts(cursor)
        found += [account.id_ for account in page.elements]
        cursor = page.next

    assert sorted(found) == sorted({account.id_ for account in client.get_accounts(Cursor(size=100)).elements})


def test_create_get_update_delete_project(client, make_project):
    project = make_project()
    assert client.get_project(project.id_).name == client.get_project_by_name(project.name).name == project.name

    updated = client.update_project(project.id_, ProjectUpdate(f"{project.name[:20]}-renamed"))
    assert (updated.id_, updated.org_id) == (project.id_, project.org_id)
    assert client.get_project(project.id_).name == updated.name

    assert client.delete_project(project.id_) is None
    assert failure(lambda: client.get_project(project.id_)) == (404, "unknown_project")


def test_project_chosen_by_name_when_the_client_is_made(server, key, make_project):
    project = make_project()

    client = APIClient(endpoint=f"{server.url}/v0/", api_key=key, project_name=project.name)

    assert client.project_id == project.id_
    assert client.get_current_organization().id_ == project.org_id  # the header goes along where none is needed


@pytest.mark.parametrize("sort", ["id", "name"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_walk_over_projects(client, make_project, sort, order):
    made = {make_project().id_ for _ in range(5)}

    page = client.get_projects(Cursor(size=2, sort=sort, order=order))
    assert page.previous is None
    seen = [project.id_ for project in page.elements]
    while page.next is not None:
        assert (page.next.size, page.next.sort, page.next.order) == (2, sort, order)
        page = client.get_projects(page.next)
        seen += [project.id_ for project in page.elements]
    assert made < set(seen) and len(seen) == len(set(seen))

    back = [project.id_ for project in page.elements][::-1]
    while page.previous is not None:
        page = client.get_projects(page.previous)
        back += [project.id_ for project in page.elements][::-1]
    assert back == seen[::-1]


def test_get_projects_without_a_cursor(client, make_project):
    project = make_project()

    assert project.id_ in {element.id_ for element in client.get_projects().elements}


def test_errors_as_the_client_reads_them(client, make_project, server):
    project = make_project()

    assert failure(lambda: client.create_project(NewProject(project.name))) == (400, "duplicate_project_name")
    assert failure(lambda: client.create_project(NewProject("No Name"))) == (400, "invalid_request_body")
    assert failure(lambda: client.get_project("x")) == (400, "invalid_route_variable")
    assert failure(lambda: client.get_account(new_id())) == (404, "unknown_account")
    assert failure(lambda: client.get_project_by_name("nobody")) == (404, "unknown_project")
    assert failure(lambda: client.get_projects(Cursor(size=101))) == (400, "invalid_query_parameter")
    stranger = APIClient(endpoint=f"{server.url}/v0", api_key="evl_unknown")
    assert failure(stranger.get_current_account) == (401, "unknown_api_key")


def test_status_without_a_key(server, monkeypatch):
    monkeypatch.delenv("EVENTLINE_API_KEY", raising=False)
    client = APIClient(endpoint=f"{server.url}/v0")

    assert client.send_request("GET", "/status").body == {}
    assert client.send_request("HEAD", "/status").body is None
    assert failure(client.get_projects) == (401, "authentication_required")
    assert failure(lambda: client.send_request("GET", "/foo")) == (404, "route_not_found")


# What else is sent, byte by byte


def exchange(server: Any, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send bytes and return status, headers and body, read until the server closes or is silent for a second."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.settimeout(1)
        reply = b""
        try:
            while chunk := connection.recv(65536):
                reply += chunk
        except TimeoutError:
            pass
    head, _, body = reply.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(status.split()[1]), headers, body


def raw(key: str, line: str, *headers: str, body: bytes = b"") -> bytes:
    fields = ["Host: x", f"Authorization: Bearer {key}", "Connection: close", *headers]
    return "\r\n".join([f"{line} HTTP/1.1", *fields, "", ""]).encode() + body


@pytest.mark.parametrize("authority", ["http://api.eventline.net", "https://127.0.0.1:9999", "HTTP://x"])
def test_absolute_url_in_the_request_line(server, key, authority):
    status, headers, body = exchange(server, raw(key, f"GET {authority}/v0/account"))

    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)["email_address"] == server.email


def test_unknown_route_by_an_absolute_url_shows_its_path(server, key):
    _, _, body = exchange(server, raw(key, "GET http://api.eventline.net/v0/foo?a=b"))

    assert json.loads(body)["data"] == {"target": "/v0/foo"}


def test_seed_example_url(server, key):
    status, _, body = exchange(server, raw(key, f"GET {SEED_EXAMPLE}"))

    assert status == 200 and isinstance(json.loads(body)["elements"], list)


@pytest.mark.parametrize("accept", ["text/plain", "text/html", "application/xml;q=0", "nonsense", "*/*"])
def test_accept_is_ignored(server, key, accept):
    status, headers, _ = exchange(server, raw(key, "GET /v0/org", f"Accept: {accept}"))

    assert (status, headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize(
    "headers",
    [[], ["Content-Type: text/plain"], ["Content-Type: application/x-www-form-urlencoded"], ["Content-Type: ;"],
     ["Content-Type: multipart/form-data; boundary=x"]],
)  # fmt: skip
def test_body_is_json_whatever_its_content_type(server, key, headers):
    name = f"p-{new_id().lower()}"
    body = json.dumps({"name": name}).encode()

    status, _, reply = exchange(
        server, raw(key, "POST /v0/projects", *headers, f"Content-Length: {len(body)}", body=body)
    )

    assert (status, json.loads(reply)["name"]) == (201, name)
    exchange(server, raw(key, f"DELETE /v0/projects/id/{json.loads(reply)['id']}"))


def test_chunked_body(server, key):
    body = json.dumps({"name": "Not a name"}).encode()
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)

    _, _, reply = exchange(server, raw(key, "POST /v0/projects", "Transfer-Encoding: chunked", body=chunks))

    assert json.loads(reply)["data"]["jsv_errors"][0]["pointer"] == "/name"


def test_empty_json_typed_get_and_delete(server, key, make_project):
    project = make_project()
    empty = ("Content-Type: application/json", "Content-Length: 0")

    assert exchange(server, raw(key, "GET /v0/org", *empty))[0] == 200
    status, headers, body = exchange(server, raw(key, f"DELETE /v0/projects/id/{project.id_}", *empty))
    assert (status, body) == (204, b"")
    assert "content-type" not in headers


def test_body_cut_short_by_its_length_is_refused_and_the_connection_closed(server, key):
    """A published client counts UTF-16 units in Content-Length: the rest of its body must not become a request."""
    body = json.dumps({"name": "ééé"}, ensure_ascii=False).encode()
    request = raw(key, "POST /v0/projects", f"Content-Length: {len(body) - 3}", body=body).replace(
        b"Connection: close", b"Connection: keep-alive"
    )

    status, headers, reply = exchange(server, request)

    assert (status, json.loads(reply)["code"]) == (400, "invalid_request_body")
    assert headers["connection"] == "close"


@pytest.mark.parametrize("path", ["/v0", "/v0/", "/v0/projects/", "/v0/status/", "/v0/%FF", "/v0//org"])
def test_nothing_redirects(server, key, path):
    status, headers, body = exchange(server, raw(key, f"GET {path}"))

    assert (status, headers["content-type"], json.loads(body)["code"]) == (404, "application/json", "route_not_found")


def test_head_has_no_body(server):
    status, headers, body = exchange(server, b"HEAD /v0/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert (status, body) == (200, b"")
    assert "location" not in headers and "allow" not in headers


def test_revoked_key_stops_within_a_second(server, client, key):
    made = client.send_request("POST", "/api_keys", body={"name": "short-lived", "rights": ["read"]}).body
    other = APIClient(endpoint=f"{server.url}/v0", api_key=made["secret"])
    assert other.get_current_account().email_address == server.email

    client.send_request("POST", f"/api_keys/id/{made['id']}/revoke")

    assert failure(other.get_current_account) == (401, "unknown_api_key")


def test_ingest_key_has_no_say_here(server):
    client = APIClient(endpoint=f"{server.url}/v0", api_key=server.keys["ingest"])

    assert failure(client.get_current_organization) == (403, "permission_denied")
