"""A client of the platform API inside the test process: real URLs, real middleware, real PostgreSQL."""

import io
import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from projects.api_keys import issue_api_key
from projects.models import Account, Project


class ApiClient:
    """Sends requests with one key, and one project where it is given.

    A crash of a view comes back as the reply that a client would see, not as an exception.
    """

    def __init__(self, secret: str = "", project: Project | None = None) -> None:
        self.secret = secret
        self.project = project
        self._client = Client(raise_request_exception=False)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """Send a request to /v0 + `path`; bytes go as they are, anything else as JSON. `x_header` names x-header."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in (self._headers() | headers).items()}
        content_type = named.pop("content-type", "application/json")
        stream = {"wsgi.input": io.BytesIO(data)}  # the test client's own refuses a read of more than there is
        return _whole(self._client.generic(method, f"/v0{path}", data, content_type, headers=named, **stream))

    def get(self, path: str, **headers: str) -> HttpResponse:
        """GET."""
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """POST."""
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """PUT."""
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        """DELETE."""
        return self.send("DELETE", path, **headers)

    def _headers(self) -> dict[str, str]:
        headers = {"authorization": f"Bearer {self.secret}"} if self.secret else {}
        return headers | ({"x-eventline-project-id": self.project.pk} if self.project else {})


def _whole(response: Any) -> HttpResponse:
    """Return a reply with its content, if it is a file read to its end."""
    if not response.streaming:
        return response
    return HttpResponse(response.getvalue(), status=response.status_code, headers=response.headers)


def client_of(
    account: Account, *rights: str, tied_to: Project | None = None, project: Project | None = None
) -> ApiClient:
    """Return a client with a new key of an account: all but ingest, unless `rights` says otherwise.

    `project` is the one that requests work on, `tied_to` the only one that the key reaches.
    """
    _, secret = issue_api_key(
        account=account, name="api", rights=rights or ("read", "write", "deploy"), project=tied_to
    )
    return ApiClient(secret, project or tied_to)
