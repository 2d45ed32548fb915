"""What schemathesis loads to test /v0/openapi.json: two checks of its own made exact, one of ours, and what to spare.

A JSON schema can't say everything: that a name is taken, that a time lies in the past, that a text is not a key of
a cursor. Each such refusal is named here; any other refusal of what the schema allows fails the test, and so does
any acceptance of what it forbids.
"""

import os
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from eventlane.ids import new_id

SPARED = set(os.environ["OPENAPI_SPARED_IDS"].split(","))  # what the test itself stands on
STATES = {"duplicate_project_name", "duplicate_dataset_name", "api_key_not_active", "api_key_revoked"}
REASONS = {
    "must be in the future",
    "there is no such project",
    "a key with the right ingest needs a project_id",
}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Keep the test from deleting its own project or stopping its own key."""
    if case.method != "GET" and case.path_parameters and case.path_parameters.get("id") in SPARED:
        case.path_parameters["id"] = new_id()


@schemathesis.check
def what_is_allowed_is_accepted(ctx: Any, response: Any, case: Any) -> None:
    if not explained(response):
        positive_data_acceptance(ctx, response, case)


@schemathesis.check
def what_is_forbidden_is_refused(ctx: Any, response: Any, case: Any) -> None:
    """But an empty query parameter counts as absent, whatever its schema, and of two with one name the last counts."""
    query = parse_qsl(urlsplit(response.request.url).query, keep_blank_values=True)
    if all(value for _, value in query) and len(dict(query)) == len(query):
        negative_data_rejection(ctx, response, case)


@schemathesis.check
def nothing_is_shown_that_is_not_documented(ctx: Any, response: Any, case: Any) -> None:
    document = case.operation.schema.raw_schema
    answers = document["paths"][case.operation.path].get(case.method.lower(), {}).get("responses", {})
    content = answers.get(str(response.status_code), {}).get("content")
    if content:
        found = list(undocumented(document, content["application/json"]["schema"], response.json(), ""))
        assert not found, f"not documented: {', '.join(found)}"


def undocumented(document: Any, schema: Any, value: Any, pointer: str) -> Any:
    """Yield the pointers of members of `value` that the schema doesn't name."""
    schema = merged(document, schema)
    if isinstance(value, dict) and "properties" in schema:
        for name, member in value.items():
            if name in schema["properties"]:
                yield from undocumented(document, schema["properties"][name], member, f"{pointer}/{name}")
            else:
                yield f"{pointer}/{name}"
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from undocumented(document, schema["items"], item, f"{pointer}/{index}")


def merged(document: Any, schema: Any) -> Any:
    """Return a schema with its references and its allOf as one."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    properties = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        properties = merged(document, part).get("properties", {}) | properties
    return {**schema, "properties": properties} if properties else schema


def explained(response: Any) -> bool:
    """Tell whether a refusal has a reason that no schema can express."""
    if response.status_code != 400:
        return False
    if "names no namespace" in "".join(response.headers.get("x-error-reason", "")):
        return True
    body = response.json()
    if body.get("code") == "invalid_query_parameter":
        return body["data"]["parameter"] in ("before", "after")
    if body.get("code") == "invalid_request_body":
        return REASONS.issuperset(problem["reason"] for problem in body["data"]["jsv_errors"])
    return body.get("code") in STATES
