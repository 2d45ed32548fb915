"""Identities: their fields, and their pages in the console."""

import pytest
from django.test import Client
from django.urls import reverse

from eventlane.wire.errors import StateError
from pipelines.identities import KINDS, check_fields, delete_identity, find_kind, read_fields, write_fields
from pipelines.models import Identity, Resource
from tests.console import logged_in
from tests.factories import House, make_account, make_house, make_resource

SECRET = "hunter2-of-acme"
PASSWORD = find_kind("generic", "password")
SSH = find_kind("generic", "ssh_key")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_every_kind_has_a_secret(kind):
    assert kind.secrets and find_kind(kind.connector, kind.type) is kind


@pytest.mark.parametrize(
    "values, problems",
    [
        ({"login": "a", "password": "b"}, []),
        ({}, [("login", "is missing"), ("password", "is missing")]),
        ({"login": "", "password": None}, [("login", "must not be empty"), ("password", "is missing")]),
        ({"login": 1, "password": ["x"]}, [("login", "must be a string"), ("password", "must be a string")]),
        ({"login": "a\nb", "password": "a\0b"}, [("login", "must be a single line"), ("password", "must not hold")]),
        ({"login": "a", "password": "\ud800"}, [("password", "must not hold")]),
        ({"login": "a", "password": "x" * 70_000}, [("password", "must have at most")]),
        ({"login": "a", "password": "b", "key": "c"}, [("", "member 'key' is unknown")]),
    ],
)
def test_check_fields(values, problems):
    _, found = check_fields(PASSWORD, values)

    assert len(found) == len(problems)
    for problem, (field, reason) in zip(found, problems, strict=True):
        assert problem.field == field and problem.reason.startswith(reason)


def test_fields_that_are_not_given_stay():
    fields, problems = check_fields(
        SSH, {"public_key": ""}, {"private_key": "k", "public_key": "p", "certificate": "c"}
    )

    assert (fields, problems) == ({"private_key": "k", "certificate": "c"}, [])


def test_keys_have_the_lines_that_ssh_wants():
    fields, _ = check_fields(SSH, {"private_key": "-----BEGIN\r\nabc\r\n-----END", "public_key": "one line"})

    assert fields == {"private_key": "-----BEGIN\nabc\n-----END\n", "public_key": "one line"}


# In the database


@pytest.fixture
def acme(db: None) -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


@pytest.fixture
def identity(acme: House) -> Identity:
    identity = Identity(project=acme.project, name="acme-login", connector="generic", type="password")
    write_fields(identity, {"login": "octo", "password": SECRET})
    identity.save()
    return identity


def page_of(identity: Identity, page: str = "change") -> str:
    return reverse(f"admin:pipelines_identity_{page}", args=[identity.pk])


ADD, LIST = "/console/pipelines/identity/add/", "/console/pipelines/identity/"


def deploy(identity: Identity, type: str, name: str, /, **data) -> None:
    make_resource(identity.project, type, name, data)


def test_secret_is_encrypted_and_in_no_text(identity):
    identity.refresh_from_db()

    assert SECRET.encode() not in bytes(identity.encrypted_data)
    assert read_fields(identity) == {"login": "octo", "password": SECRET}
    assert SECRET not in repr(identity) and SECRET not in str(vars(identity))


@pytest.mark.parametrize(
    "type, data",
    [
        ("task", {"identities": ["x", "acme-login"], "runtime": {"name": "local"}}),
        ("task", {"runtime": {"name": "container", "parameters": {"registry_identities": ["acme-login"]}}}),
        ("trigger", {"identity": "acme-login"}),
    ],
)
def test_identity_in_use_cannot_be_deleted(identity, alice, type, data):
    deploy(identity, type, "build", **data)
    deploy(identity, "task", "other", identities=["acme-login-2"])

    with pytest.raises(StateError, match=f"is used by {type} build\\."):
        delete_identity(identity)
    response = alice.post(page_of(identity, "delete"), {"post": "yes"}, follow=True)

    assert f"was not deleted. It is used by {type} build." in response.content.decode()
    assert Identity.objects.filter(pk=identity.pk).exists()


def test_console_deletes_an_unused_one(identity, alice):
    other = make_house("other", "charlie").project
    Resource.objects.create(project=other, type="task", name="t", spec={"data": {"identities": ["acme-login"]}})

    assert alice.post(page_of(identity, "delete"), {"post": "yes"}).status_code == 302
    assert not Identity.objects.exists()


def test_console_asks_for_the_kind_first(alice):
    page = alice.get(ADD).content.decode()

    for kind in KINDS:
        assert f'href="?kind={kind}"' in page
    assert alice.get(f"{ADD}?kind=no/such").content.decode().count("?kind=") == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_console_makes_every_kind(kind, alice, acme):
    address = f"{ADD}?kind={kind}"
    page = alice.get(address).content.decode()
    assert all(f'name="field_{field.name}"' in page for field in kind.fields)
    form = {f"field_{field.name}": f" value of {field.name}" for field in kind.fields}

    response = alice.post(address, {"name": "new", "project": acme.project.pk, **form})

    assert response.status_code == 302, response.context["adminform"].form.errors
    made = Identity.objects.get()
    assert (made.connector, made.type, made.project) == (kind.connector, kind.type, acme.project)
    expected = {f.name: f"{' ' if f.secret else ''}value of {f.name}" for f in kind.fields}
    assert read_fields(made) == expected


def test_console_tells_what_is_missing_and_sends_no_secret_back(alice, acme):
    response = alice.post(f"{ADD}?kind=generic/ssh_key", {"name": "new", "field_private_key": f"{SECRET}\0"})
    errors = response.context["adminform"].form.errors
    assert set(errors) == {"project", "field_private_key"} and SECRET not in response.content.decode()

    response = alice.post(f"{ADD}?kind=generic/password", {"name": "a", "project": acme.project.pk, "field_login": "x"})
    assert response.context["adminform"].form.errors == {"field_password": ["This field is missing."]}


def test_name_is_taken_once_in_a_project(alice, acme, identity):
    form = {"name": "acme-login", "project": acme.project.pk, "field_key": "k"}

    assert alice.post(f"{ADD}?kind=generic/api_key", form).context["adminform"].form.errors
    assert Identity.objects.count() == 1


def test_empty_secret_stays_as_it_is(alice, identity):
    response = alice.post(page_of(identity), {"field_login": "new", "field_password": "", "name": "other"})

    assert response.status_code == 302
    identity.refresh_from_db()
    assert identity.name == "acme-login" and read_fields(identity) == {"login": "new", "password": SECRET}
    alice.post(page_of(identity), {"field_login": "new", "field_password": "changed"})
    identity.refresh_from_db()
    assert read_fields(identity)["password"] == "changed"


def test_public_field_cannot_be_emptied(alice, identity):
    response = alice.post(page_of(identity), {"field_login": "", "field_password": ""})

    assert response.context["adminform"].form.errors == {"field_login": ["This field must not be empty."]}


@pytest.mark.parametrize("role", ["admin", "user"])
def test_no_page_has_a_secret(acme, identity, role):
    client = logged_in(make_account(acme.organization, "bob", role=role))
    alice = logged_in(acme.admin)
    alice.post(page_of(identity), {"field_login": "octo", "field_password": f"{SECRET}-2"})

    for path in (LIST, page_of(identity), page_of(identity, "history"), "/console/"):
        page = client.get(path).content.decode()
        assert SECRET not in page and "gAAAA" not in page
    assert "octo" in client.get(page_of(identity)).content.decode()


def test_users_change_nothing(acme, identity):
    bob = logged_in(make_account(acme.organization, "bob"))

    assert bob.get(f"{ADD}?kind=generic/api_key").status_code == 403 and bob.get(ADD).status_code == 403
    assert bob.post(page_of(identity), {"field_login": "x"}).status_code == 403
    assert bob.post(page_of(identity, "delete"), {"post": "yes"}).status_code == 403
    assert read_fields(Identity.objects.get())["login"] == "octo"


def test_others_know_nothing_of_it(identity):
    charlie = logged_in(make_house("umbrella", "charlie").admin)

    assert "acme-login" not in charlie.get(LIST).content.decode()
    for page in ("change", "delete", "history"):
        assert charlie.get(page_of(identity, page)).status_code in (302, 404)
    charlie.post(page_of(identity), {"field_login": "x"})
    charlie.post(page_of(identity, "delete"), {"post": "yes"})
    assert read_fields(Identity.objects.get())["login"] == "octo"
    assert charlie.get(f"{LIST}?encrypted_data__startswith=a").status_code == 400


def test_lost_key_is_told_and_all_fields_can_be_given_anew(alice, identity, settings):
    settings.EVENTLANE_ENCRYPTION_KEYS = ["A" * 43 + "="]

    assert alice.get(page_of(identity)).status_code == 200
    response = alice.post(page_of(identity), {"field_login": "x"})
    assert response.context["adminform"].form.errors == {"field_password": ["This field is missing."]}
    assert alice.post(page_of(identity), {"field_login": "x", "field_password": "y"}).status_code == 302


# The project's page


def test_administrator_lets_tasks_run_on_workers(alice, acme, settings):
    address = reverse("admin:projects_project_change", args=[acme.project.pk])
    form = {"name": "acme-project", "code_header": "#!/bin/sh\r\nset -e\r\n", "max_running_tasks": "3"}

    assert alice.post(address, form | {"local_runtime": "on"}).status_code == 302
    acme.project.refresh_from_db()
    assert (acme.project.local_runtime, acme.project.max_running_tasks) == (True, 3)
    assert acme.project.code_header == "#!/bin/sh\nset -e\n"


def test_switch_of_a_server_that_does_not_allow_it(alice, acme, settings):
    make_house("second", "charlie")
    address = reverse("admin:projects_project_change", args=[acme.project.pk])

    response = alice.post(address, {"name": "acme-project", "local_runtime": "on"})

    assert "EVENTLANE_LOCAL_RUNTIME" in str(response.context["adminform"].form.errors["local_runtime"])
    acme.project.refresh_from_db()
    assert not acme.project.local_runtime
