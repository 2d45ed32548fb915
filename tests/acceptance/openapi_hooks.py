"""Hooks for schemathesis, which tests /v0/openapi.json: two of its checks made exact, one of ours, and exceptions.

A JSON schema can't say everything: that a name is taken, that a time lies in the past, that a text is not a key of
a cursor. Each such refusal is named here; any other refusal of what the schema allows fails the test, and so does
any acceptance of what it forbids.
"""

import json
import os
import re
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from eventlane.ids import is_id, new_id

SPARED = set(os.environ["OPENAPI_SPARED_IDS"].split(","))  # what the test itself stands on
KNOWN = json.loads(os.environ["OPENAPI_KNOWN_IDS"])  # by what their paths begin with
CALLS = count()
STATES = {
    "duplicate_project_name", "duplicate_dataset_name", "duplicate_identity_name", "identity_in_use",
    "api_key_not_active", "api_key_revoked",
    "resource_disabled", "invalid_search", "pipeline_finished", "pipeline_not_finished", "pipeline_not_failed",
}  # fmt: skip
REASONS = {
    "must be in the future",
    "there is no such project",
    "a key with the right ingest needs a project_id",
    "the connector has no such event",
    "must not hold U+0000 or half of a surrogate pair",
}
NAME_WITH_NUL = re.compile(r"the name of member .* must be a string without U\+0000", re.DOTALL)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Keep the test from deleting its own project or revoking its own key; provide objects that it can't create."""
    variables = case.path_parameters or {}
    beginning = case.operation.path.partition("/id/")[0]
    known = KNOWN.get(beginning, ())
    if case.method != "GET" and variables.get("id") in SPARED:
        variables["id"] = new_id()
    elif known and is_id(str(variables.get("id"))) and next(CALLS) % 2:
        variables["id"] = known.pop() if ends_it(case) and len(known) > 1 else known[0]


def ends_it(case: Any) -> bool:
    """Return whether a call removes its object."""
    return case.method == "DELETE" or case.operation.path.endswith("/revoke")


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
    if content and "application/json" in content:
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


def free_part(response: Any) -> tuple[str, ...]:
    """Return the pointers below which a body has special rules: those of specs, a command, or a kind of identity."""
    path = response.request.url.partition("?")[0]
    if path.endswith("/resources"):
        return ("/specs/",)
    if path.endswith(("/execute", "/query", "/query/export")):
        return ("",)
    return ("/data", "/type") if "/v0/identities" in path else ()


def is_explained(reason: str) -> bool:
    """Return whether no schema can express a reason, for a value or, at any depth, for a name."""
    return reason in REASONS or NAME_WITH_NUL.fullmatch(reason) is not None


def explained(response: Any) -> bool:
    """Return whether a refusal has a reason that no schema can express."""
    if response.status_code != 400:
        return False
    if "names no namespace" in "".join(response.headers.get("x-error-reason", "")):
        return True
    body = response.json()
    if body.get("code") == "invalid_query_parameter":
        return body["data"]["parameter"] in ("before", "after", "from", "to")
    if body.get("code") == "invalid_request_body":
        problems = body["data"]["jsv_errors"]
        return all(is_explained(one["reason"]) or one["pointer"].startswith(free_part(response)) for one in problems)
    return body.get("code") in STATES
