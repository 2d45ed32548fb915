"""/v0/openapi.json is a valid description that has every route, and the reference page shows all of it."""

import re
import subprocess
import sys

import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema

from eventlane.api.operation import Operation
from eventlane.api.schema import openapi_schema
from tests.console import logged_in
from tests.factories import make_house
from tests.platform_api import ApiClient
from tests.routes import api_routes
from tests.server import ROOT

ROUTES = api_routes()  # before any request: DRF adds HEAD to a route at its first one
DOCUMENT = openapi_schema()
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_description_is_valid_openapi():
    validate_schema(DOCUMENT)


def test_description_is_made_without_a_warning():
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", "import eventlane.api.schema as s; s.openapi_schema()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_has_every_route_and_no_other():
    described = {name for name in OPERATIONS if "/v0/" in name}

    assert described == {f"{route.method} /v0{route.path}" for route in ROUTES}


def test_it_has_every_form_of_the_events_api():
    assert {name for name in OPERATIONS if "/v1/" in name} == {
        "POST /v1/{dataset}",
        "POST /v1/{dataset}/{namespace}",
        "POST /v1/{dataset}/{service}/{namespace}",
    }


def test_export_names_each_of_its_formats():
    content = OPERATIONS["POST /v0/query/export"]["responses"]["200"]["content"]
    assert list(content) == ["application/x-ndjson", "application/vnd.apache.parquet"]


def test_it_is_public(db: None):
    response = ApiClient().get("/openapi.json")

    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    assert response.json() == DOCUMENT


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_operation_says_what_everybody_asks_for(name: str):
    operation = OPERATIONS[name]

    assert operation["summary"] and operation["tags"]
    if not name.endswith(("/v0/status", "/v0/openapi.json")):
        assert operation["security"] in ([{"bearer": []}], [{"x-api-key": []}])
        assert {"401", "500"} < operation["responses"].keys()
    if name.startswith(("GET", "HEAD", "DELETE")):
        assert "requestBody" not in operation


def test_operations_name_actions_that_there_are():
    for view in {route.view for route in ROUTES}:
        for action, operation in view.operations.items():
            assert callable(getattr(view, action)) and isinstance(operation, Operation)


def test_reference_page_shows_every_operation_parameter_code_and_object(db: None):
    client = logged_in(make_house("acme", "alice").admin)
    page = client.get("/console/reference/").content.decode()

    wanted = {operation["operationId"] for operation in OPERATIONS.values()} | set(DOCUMENT["components"]["schemas"])
    for operation in OPERATIONS.values():
        wanted |= {one["name"] for one in operation.get("parameters", ())}
        wanted |= set(re.findall(r"'enum': \['(\w+)'", str(operation["responses"])))
    assert [word for word in sorted(wanted) if word not in page] == []
    assert not re.search(r"(src|href|action)=\"?(https?:)?//", page)


def test_reference_page_is_for_accounts(db: None):
    assert Client().get("/console/reference/").status_code == 302
