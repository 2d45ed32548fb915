"""Who reaches what: every route of the platform API against everybody who could ask.

One line of ROWS for each route; a route without one fails the first test. What belongs to another organization, or
to a project that a key isn't tied to, is unknown, never forbidden: the two must not look different.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.serializers import serialize
from django.db import connection
from django.db.models import Model
from django.http import HttpResponse
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from eventlane.ids import is_id
from events.models import Alert, AlertChange, AlertMessage, Dataset, Namespace
from pipelines.command_executions import execute_command
from pipelines.execution.pipelines import abort_pipeline
from pipelines.identities import write_fields
from pipelines.models import (
    CommandExecution,
    Hook,
    Identity,
    Pipeline,
    PlatformEvent,
    Resource,
    ScratchpadEntry,
    Subscription,
    Task,
    TaskStep,
)
from pipelines.platform_events import create_events
from pipelines.resources.deploy import deploy
from projects.api.viewsets import ProjectObjectViewSet
from projects.api_keys import issue_api_key, revoke_api_key
from projects.models import Account, ApiKey, Organization, Project
from tests.factories import House, make_account, make_house
from tests.pipelines.resources.samples import alert, channel, command, pipeline, query, task, trigger
from tests.platform_api import ApiClient, client_of
from tests.routes import Route, api_routes
from tests.shared_rows import shared_rows

pytestmark = pytest.mark.django_db

EVENT_ID = "0190a1b2-0000-7000-8000-000000000000"
IDENTITY = {"connector": "generic", "type": "secret", "data": {"value": "the secret of acme"}}


@dataclass(frozen=True)
class Row:
    """What a route asks of its caller.

    `variables` fill its path with acme's things; `answer` is the code that those who reach it get, empty for success.
    """

    kind: str  # public, look, change, administer, deploy
    variables: dict[str, str] = field(default_factory=dict)
    body: Any = None
    answer: str = ""


def public() -> Row:
    return Row("public")


def look(answer: str = "", **variables: str) -> Row:
    """Needs the right to read, which comes with those to write and to deploy."""
    return Row("look", variables, answer=answer)


def change(body: Any = None, **variables: str) -> Row:
    """Needs the right to write, whatever the role."""
    return Row("change", variables, body)


def administer(body: Any = None, **variables: str) -> Row:
    """Needs the right to write, and the role admin."""
    return Row("administer", variables, body)


def deploying(body: Any = None, **variables: str) -> Row:
    """Needs the right to deploy, and the role admin."""
    return Row("deploy", variables, body)


ROWS = {
    "GET /status": public(),
    "HEAD /status": public(),
    "GET /openapi.json": public(),
    "GET /org": look(),
    "GET /account": look(),
    "GET /accounts": look(),
    "GET /accounts/id/{id}": look(id="account"),
    "GET /projects": look(),
    "POST /projects": administer({"name": "new"}),
    "GET /projects/id/{id}": look(id="project"),
    "PUT /projects/id/{id}": administer({"name": "new"}, id="project"),
    "DELETE /projects/id/{id}": administer(id="project"),
    "GET /projects/name/{name}": look(name="project_name"),
    "GET /projects/{name}": look(name="project_name"),
    "GET /api_keys": look(),
    "POST /api_keys": administer({"name": "new", "rights": ["read"]}),
    "GET /api_keys/id/{id}": look(id="api_key"),
    "PUT /api_keys/id/{id}": administer({"name": "new"}, id="api_key"),
    "POST /api_keys/id/{id}/revoke": administer(id="api_key"),
    "POST /api_keys/id/{id}/rotate": administer(id="api_key"),
    "GET /datasets": look(),
    "POST /datasets": administer({"name": "new"}),
    "GET /datasets/id/{id}": look(id="dataset"),
    "PUT /datasets/id/{id}": administer({"retention_days": 7}, id="dataset"),
    "DELETE /datasets/id/{id}": administer(id="dataset"),
    "GET /datasets/name/{name}": look(name="dataset_name"),
    "GET /datasets/id/{id}/events": look(id="dataset"),
    "GET /datasets/id/{id}/events/id/{event_id}": look("unknown_event", id="dataset", event_id="event"),
    "GET /datasets/id/{id}/fields": look(id="dataset"),
    "GET /datasets/id/{id}/tail": look(id="dataset"),
    "POST /query/export": Row("look", body={"datasets": ["of-everybody"]}),
    "POST /queries/name/{name}/run": look(name="query_name"),
    "POST /query": Row("look", body={"datasets": ["of-everybody"]}),
    "GET /alerts": look(),
    "GET /alerts/id/{id}": look(id="alert"),
    "GET /alerts/id/{id}/changes": look(id="alert"),
    "POST /alerts/id/{id}/snooze": change({"duration": "1h"}, id="alert"),
    "POST /alerts/id/{id}/unsnooze": change(id="alert"),
    "POST /alerts/id/{id}/test": change(id="alert"),
    "GET /alerts/name/{name}": look(name="alert_name"),
    "GET /namespaces": look(),
    "GET /namespaces/id/{id}": look(id="namespace"),
    "PUT /projects/id/{id}/resources": deploying({"specs": []}, id="project"),
    "GET /resources": look(),
    "GET /resources/id/{id}": look(id="resource"),
    "POST /resources/id/{id}/enable": deploying(id="resource"),
    "POST /resources/id/{id}/disable": deploying(id="resource"),
    "GET /resources/type/{type}/name/{name}": look(type="resource_type", name="resource_name"),
    "POST /commands/id/{id}/execute": change(id="command"),
    "GET /command_executions": look(),
    "GET /command_executions/id/{id}": look(id="execution"),
    "GET /events": look(),
    "POST /events": change({"connector": "custom", "name": "hello", "data": {}}),
    "GET /events/id/{id}": look(id="platform_event"),
    "POST /events/id/{id}/replay": change(id="platform_event"),
    "POST /events/{id}/replay": change(id="platform_event"),
    "GET /pipelines": look(),
    "POST /pipelines/abort_queued": change({"name": "greetings"}),
    "GET /pipelines/id/{id}": look(id="pipeline"),
    "POST /pipelines/id/{id}/abort": change(id="running"),
    "POST /pipelines/id/{id}/restart": change(id="pipeline"),
    "POST /pipelines/id/{id}/restart_from_failure": change(id="pipeline"),
    "GET /pipelines/id/{id}/scratchpad": look(id="pipeline"),
    "DELETE /pipelines/id/{id}/scratchpad": change(id="pipeline"),
    "GET /pipelines/id/{id}/scratchpad/key/{key}": look(id="pipeline", key="key"),
    "PUT /pipelines/id/{id}/scratchpad/key/{key}": change(b"mine", id="pipeline", key="key"),
    "DELETE /pipelines/id/{id}/scratchpad/key/{key}": change(id="pipeline", key="key"),
    "GET /tasks": look(),
    "GET /tasks/id/{id}": look(id="task"),
    "GET /tasks/id/{id}/steps": look(id="task"),
    "GET /identities": look(),
    "POST /identities": deploying({"name": "new"} | IDENTITY),
    "GET /identities/id/{id}": look(id="identity"),
    "PUT /identities/id/{id}": deploying({"data": {"value": "other"}}, id="identity"),
    "DELETE /identities/id/{id}": deploying(id="identity"),
    "GET /identities/name/{name}": look(name="identity_name"),
    "GET /hooks": look(),
    "POST /hooks/id/{id}/renew": administer(id="hook"),
    "POST /hooks/id/{id}/require_signatures": administer(id="hook"),
    "POST /hooks/id/{id}/accept_unsigned": administer(id="hook"),
}
QUERIES = {"GET /namespaces": "?dataset={dataset}"}
TIED = {"DELETE /projects/id/{id}": "permission_denied", "GET /accounts/id/{id}": "unknown"}
TIED_ELSEWHERE = {"POST /projects": "permission_denied", "POST /api_keys": "permission_denied"}


MODELS: list[type[Model]] = [
    Organization, Account, Project, ApiKey, Dataset, Namespace, Resource, Subscription, PlatformEvent,
    CommandExecution, Pipeline, ScratchpadEntry, Task, TaskStep, Identity, Hook, Alert, AlertChange,
    AlertMessage,
]  # fmt: skip


@dataclass
class World:
    """acme, where alice is admin and bob is not, and other, where charlie is admin."""

    acme: House
    other: House
    elsewhere: Project
    bob: Account
    deployed: dict[str, str]

    def things(self) -> dict[str, str]:
        """Return what paths are filled with: acme's."""
        return {
            "account": self.bob.pk,
            "project": self.acme.project.pk,
            "project_name": self.acme.project.name,
            "api_key": self.acme.api_key.pk,
            "dataset": self.acme.dataset.pk,
            "dataset_name": self.acme.dataset.name,
            "namespace": self.acme.namespace.pk,
            "event": EVENT_ID,
            **self.deployed,
        }

    def state(self) -> tuple[str, ...]:
        """Return all rows, without the last uses of keys."""
        rows = "(SELECT json_agg(to_jsonb(r) - 'last_use_time' ORDER BY {pk})::text FROM {table} AS r)"
        tables = [rows.format(pk=model._meta.pk.column, table=model._meta.db_table) for model in MODELS]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(tables)}")
            return cursor.fetchone()


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with shared_rows(django_db_blocker):
        acme, other = make_house("acme", "alice"), make_house("other", "charlie")
        elsewhere = Project.objects.create(organization=acme.organization, name="elsewhere")
        for project in (acme.project, other.project):
            Dataset.objects.create(project=project, name="of-everybody")
        yield World(acme, other, elsewhere, make_account(acme.organization, "bob"), put_to_work(acme))


def put_to_work(house: House) -> dict[str, str]:
    """Deploy to a house's project and start what is there; return the objects that can be requested."""
    project = house.project
    hook = trigger("hooked", connector="webhook", event="shipped")
    none = task(runtime={"name": "none"}, steps=[])
    asked = [query(datasets=["of-everybody"]), channel(), alert(channels=["on-call"])]
    deploy(project, [none, pipeline(concurrent=True), command(), trigger(), hook, *asked])
    row = Resource.objects.get(project=project, type="command")
    execution = execute_command(row, {}, house.admin)
    [event] = create_events(project, "custom", "guest", {})
    running, ended = Pipeline.objects.get(event=event), Pipeline.objects.get(pk=execution.pipeline_ids[0])
    abort_pipeline(ended)
    ScratchpadEntry.objects.create(pipeline=ended, key="a/b", value="of acme")
    identity = Identity(project=project, name="safe", connector=IDENTITY["connector"], type=IDENTITY["type"])
    write_fields(identity, IDENTITY["data"])
    identity.save()
    return {
        "resource": row.pk,
        "resource_type": row.type,
        "resource_name": row.name,
        "command": row.pk,
        "query_name": "errors",
        "alert": Resource.objects.get(project=project, type="alert").pk,
        "alert_name": "many-errors",
        "execution": execution.pk,
        "platform_event": event.pk,
        "running": running.pk,
        "pipeline": ended.pk,
        "key": "a/b",
        "task": ended.tasks.get().pk,
        "identity": identity.pk,
        "identity_name": identity.name,
        "hook": Hook.objects.get(project=project).pk,
    }


def of_revoked_key(world: World) -> ApiClient:
    api_key, secret = issue_api_key(account=world.acme.admin, name="old", rights=["read", "write"])
    revoke_api_key(api_key=api_key, now=timezone.now())
    return ApiClient(secret, world.acme.project)


# Everybody sends the id of acme's project where a route needs one, but for charlie when he stays at home.
PEOPLE: dict[str, Callable[[World], ApiClient]] = {
    "alice": lambda world: client_of(world.acme.admin, project=world.acme.project),
    "bob": lambda world: client_of(world.bob, project=world.acme.project),
    "charlie": lambda world: client_of(world.other.admin, project=world.other.project),
    "charlie at acme": lambda world: client_of(world.other.admin, project=world.acme.project),
    "key tied to the project": lambda world: client_of(world.acme.admin, tied_to=world.acme.project),
    "key tied elsewhere": lambda world: client_of(
        world.acme.admin, tied_to=world.elsewhere, project=world.acme.project
    ),
    "ingest-only key": lambda world: client_of(
        world.acme.admin, "ingest", tied_to=world.acme.project, project=world.acme.project
    ),
    "read-only key": lambda world: client_of(world.acme.admin, "read", project=world.acme.project),
    "write-only key": lambda world: client_of(world.acme.admin, "write", project=world.acme.project),
    "deploy-only key": lambda world: client_of(world.acme.admin, "deploy", project=world.acme.project),
    "revoked key": of_revoked_key,
    "no key": lambda world: ApiClient("", world.acme.project),
}
ROUTES = {str(route): route for route in api_routes()}


def expected(person: str, route: Route, row: Row) -> str:
    """Return the code that a person gets: empty for success, `unknown` for objects that aren't theirs."""
    if row.kind == "public":
        return ""
    changes = row.kind != "look"
    in_project = issubclass(route.view, ProjectObjectViewSet)
    is_acmes = bool(row.variables) or str(route) in QUERIES
    match person:
        case "no key":
            return "authentication_required"
        case "revoked key":
            return "unknown_api_key"
        case "ingest-only key":
            return "permission_denied"
        case "read-only key" if changes:
            return "permission_denied"
        case "write-only key" if row.kind == "deploy":
            return "permission_denied"
        case "deploy-only key" if row.kind in ("change", "administer"):
            return "permission_denied"
        case "bob" if row.kind in ("administer", "deploy"):
            return "permission_denied"
        case "charlie":
            return "unknown" if row.variables else ""
        case "charlie at acme":
            return "unknown" if is_acmes or in_project else ""
        case "key tied elsewhere" if str(route) in TIED_ELSEWHERE:
            return TIED_ELSEWHERE[str(route)]
        case "key tied to the project" if str(route) in (TIED | TIED_ELSEWHERE):
            return (TIED | TIED_ELSEWHERE)[str(route)]
        case "key tied elsewhere" if in_project or is_acmes:
            return "unknown"
    return row.answer


def test_every_route_has_a_row():
    assert sorted(ROWS) == sorted(ROUTES)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("name", sorted(ROWS.keys() & ROUTES.keys()))
def test_access(name: str, person: str, world: World):
    route, row = ROUTES[name], ROWS[name]
    things = world.things()
    path = route.url(**{variable: things[thing] for variable, thing in row.variables.items()})
    client = PEOPLE[person](world)
    before = world.state()

    response = client.send(route.method, path + QUERIES.get(name, "").format(**things), row.body)

    assert_met(response, expected(person, route, row))
    if not 200 <= response.status_code < 300 or row.kind in ("public", "look"):
        assert world.state() == before
    if person.startswith("charlie"):
        assert_nothing_of(world.acme, response)
        assert not [id for id in world.deployed.values() if is_id(id) and id in response.content.decode()]
        assert serialize("json", [world.acme.project, world.acme.dataset, world.acme.api_key]) == fresh(world.acme)


def assert_met(response: HttpResponse, code: str) -> None:
    if code == "":
        assert 200 <= response.status_code < 300, response.content
    elif code == "unknown":
        found = response.json()["code"]
        assert (response.status_code, found) == (400, "unknown_project") or (
            response.status_code == 404 and found.startswith("unknown_")
        ), response.content
    else:
        assert response.json()["code"] == code, response.content
        statuses = {"permission_denied": 403, "authentication_required": 401, "unknown_api_key": 401}
        assert response.status_code == statuses.get(code, 404)


def assert_nothing_of(house: House, response: HttpResponse) -> None:
    text = response.content.decode()
    for row in house.rows().values():
        assert row.pk not in text and str(row) not in text


def fresh(house: House) -> str:
    rows = (house.project, house.dataset, house.api_key)
    return serialize("json", [type(row).objects.get(pk=row.pk) for row in rows])
