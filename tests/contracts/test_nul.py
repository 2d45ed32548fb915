"""U+0000, which PostgreSQL can't store in text: anywhere in a request, it is refused or matches nothing."""

import json

import pytest
from django.contrib import admin
from django.db.models import Model
from django.urls import reverse

from tests.console import logged_in
from tests.factories import House, make_house
from tests.platform_api import client_of
from tests.routes import Route, api_routes

pytestmark = pytest.mark.django_db

SOME = "a%00b"
BODY = {"name": "a\0b", "a\0b": "a", "data": {"a\0b": "a\0b"}, "parameters": {"a": "\0"}}


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


@pytest.mark.parametrize("model", admin.site._registry, ids=lambda model: model.__name__)
def test_a_console_list_refuses_it(model: type[Model], house: House) -> None:
    alice, page = logged_in(house.admin), admin.site._registry[model]
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    filters = [name for one in page.list_filter if (name := getattr(one, "parameter_name", ""))]
    for name in ("q", "name", "id__exact", *filters):
        response = alice.get(f"{path}?{name}={SOME}")
        assert response.status_code == 400 and b"U+0000" in response.content


@pytest.mark.parametrize("route", api_routes(), ids=str)
def test_the_platform_api_takes_it_for_no_crash(route: Route, house: House) -> None:
    client = client_of(house.admin, project=house.project)
    names = [part.strip("{}") for part in route.path.split("/") if part.startswith("{")]
    thing = house.dataset if route.path.startswith("/datasets") else house.project
    known = {name: {"id": thing.pk, "name": thing.name}.get(name, "x") for name in names}
    asked = ["before", "after", *getattr(getattr(route.view, "filterset_class", None), "base_filters", ())]
    urls = [route.url(**known | {name: SOME}) for name in names]
    urls += [f"{route.url(**known)}?{name}={SOME}" for name in asked]
    for url in urls:
        assert client.send(route.method, url, {}).status_code < 500, url
    assert client.send(route.method, route.url(**known), json.dumps(BODY).encode()).status_code < 500
