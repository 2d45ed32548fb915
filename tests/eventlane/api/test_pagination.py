"""Cursors and pages as clients meet them (docs/api/v0.md, section 4), on collections in PostgreSQL."""

from base64 import b64encode
from typing import Any

import pytest
from django.http import HttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventlane.ids import new_id
from projects.models import Account, Organization, Project
from tests.examples import examples
from tests.factories import make_account
from tests.platform_api import ApiClient, client_of

IDS = ["23BxCU5Dh90B3XVF4UrkWrnjdC" + letter for letter in "ABCDE"]  # a < b < c < d < e
SEED_EXAMPLE = "/projects?after=MjNCeENVNURoOTBCM1hWRjRVcmtXcm5qZENP&size=5&order=id&order=desc"

pytestmark = pytest.mark.django_db

GONE = "23BxCU5Dh90B3XVF4UrkWrnjdCO"  # the id of nothing; always the same, as tests are named by it


def key_of(text: str) -> str:
    return b64encode(text.encode()).decode()


def short(response: HttpResponse) -> dict[str, Any]:
    """Return a page of the five projects as letters, the cursors as `before b`."""
    assert response.status_code == 200, response.content
    page = response.json()
    letters = {key_of(project_id): letter for project_id, letter in zip(IDS, "abcde", strict=True)}
    letters |= {key_of(f"{project_id}:{letter}"): letter for project_id, letter in zip(IDS, "abcde", strict=True)}
    cursors = {name: page[name] for name in ("previous", "next") if name in page}
    return {"elements": "".join(element["name"] for element in page["elements"])} | {
        name: " ".join(f"{side} {letters[cursor[side]]}" for side in ("before", "after") if side in cursor)
        for name, cursor in cursors.items()
    }


@pytest.fixture
def admin() -> Account:
    return make_account(Organization.objects.create(name="acme works"), "alice", role=Account.Role.ADMIN)


@pytest.fixture
def client(admin: Account) -> ApiClient:
    """A client of an organization with the projects a to e."""
    for project_id, letter in zip(IDS, "abcde", strict=True):
        Project.objects.create(id=project_id, organization=admin.organization, name=letter)
    return client_of(admin)


@pytest.mark.parametrize(
    "position, elements, previous, next_",
    [
        ("", "ab", None, "after b"),
        ("after b", "cd", "before c", "after d"),
        ("after d", "e", "before e", None),
        ("before e", "cd", "before c", "after d"),
        ("before c", "ab", None, "after b"),
        ("after e", "", None, None),
        ("before a", "", None, None),
    ],
)
@pytest.mark.parametrize("sort", ["id", "name"])
def test_worked_example(client, sort, position, elements, previous, next_):
    side, _, letter = position.partition(" ")
    where = f"&{side}={key_of(IDS['abcde'.index(letter)])}" if side else ""

    response = client.get(f"/projects?size=2&sort={sort}{where}")

    expected = {"elements": elements, "previous": previous, "next": next_}
    assert short(response) == {name: value for name, value in expected.items() if value is not None}


def test_seed_example_url_verbatim(client):
    page = client.get(SEED_EXAMPLE).json()

    assert [element["name"] for element in page["elements"]] == list("edcba")  # O comes after A to E
    assert page["previous"] == {"before": key_of(IDS[4]), "size": 5, "sort": "id", "order": "desc"}
    assert "next" not in page


def test_cursor_has_size_sort_and_order_though_the_request_named_none(client):
    for number in range(20):
        Project.objects.create(organization=Organization.objects.get(), name=f"p{number}")

    page = client.get("/projects").json()

    assert len(page["elements"]) == 20
    assert page["next"] == {"after": key_of(page["elements"][-1]["id"]), "size": 20, "sort": "id", "order": "asc"}


@pytest.mark.parametrize(
    "query, parameter",
    [
        (f"before={key_of(IDS[0])}&after={key_of(IDS[0])}", "before"),
        ("size=101", "size"),
        ("size=-1", "size"),
        ("size=abc", "size"),
        ("size=1.0", "size"),
        ("size=%D9%A3", "size"),  # a digit, but not of ASCII
        ("size=" + "9" * 5000, "size"),
        ("sort=creation_time", "sort"),
        ("sort=-name", "sort"),
        ("order=up", "order"),
        ("order=desc&order=id", "order"),
        ("after=x", "after"),
        ("after=%00", "after"),
        ("after=%FF", "after"),
        (f"after={key_of('x')}", "after"),
        (f"before={key_of('0' * 28)}", "before"),
        (f"before={b64encode(bytes([255] * 27)).decode()}", "before"),
        (f"sort=name&after={key_of(GONE)}", "after"),  # a bare id is looked up, and this one is gone
        (f"sort=name&after={key_of(IDS[0] + ':' + chr(0))}", "after"),
    ],
)
def test_what_is_refused(client, query, parameter):
    response = client.get(f"/projects?{query}")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_query_parameter")
    assert response.json()["data"] == {"parameter": parameter}


@pytest.mark.parametrize(
    "query, elements",
    [
        ("size=0", ""),
        ("size=0&after=" + key_of(IDS[0]), ""),
        ("size=", "abcde"),
        ("after=&before=&sort=&order=", "abcde"),
        ("size=100", "abcde"),
        ("order=desc&order=asc", "abcde"),
        ("order=desc", "edcba"),
        ("sort=name&order=desc&size=2", "ed"),
        ("unheard_of=1&ORDER=desc", "abcde"),
        (f"after={key_of(IDS[2])}", "de"),
        (f"after={key_of(IDS[2]).rstrip('=')}", "de"),
        (f"after={key_of('23BxCU5Dh90B3XVF4UrkWrnjdCC:x')}", "de"),
        (f"after={key_of('23BxCU5Dh90B3XVF4UrkWrnjdCCA'[:27])}&size=1", "d"),
        ("after=" + key_of("0" * 27), "abcde"),  # an id that isn't there is a place all the same
        (f"sort=name&after={key_of(IDS[2])}", "de"),
        (f"sort=name&after={key_of(GONE + ':c')}", "de"),
        (f"sort=name&after={key_of('0' * 27 + ':c')}", "cde"),  # ties go by id
        (f"sort=name&order=desc&after={key_of('0' * 27 + ':c')}", "ba"),
        (f"sort=name&before={key_of(IDS[2] + ':c')}&size=1", "b"),
        (f"sort=name&after={key_of(IDS[2] + ':bé:?>')}", "cde"),
    ],
)
def test_what_is_accepted(client, query, elements):
    response = client.get(f"/projects?{query}")

    assert response.status_code == 200, response.content
    assert "".join(element["name"] for element in response.json()["elements"]) == elements


def test_page_of_size_0_has_no_neighbours(client):
    assert client.get(f"/projects?size=0&after={key_of(IDS[0])}").json() == {"elements": []}


@pytest.mark.parametrize(
    "alter", [str, lambda key: key.replace("+", "-").replace("/", "_"), lambda key: key.rstrip("=")]
)
def test_key_is_read_in_either_alphabet(client, admin, alter):
    make_account(admin.organization, "b", name="¾?>~¿")
    make_account(admin.organization, "c", name="𝕫")
    first = client.get("/accounts?sort=name&size=2").json()
    key = first["next"]["after"]
    assert "+" in key or "/" in key

    rest = client.get(f"/accounts?sort=name&size=2&after={alter(key)}")  # the + arrives as a space

    assert [account["name"] for account in rest.json()["elements"]] == ["𝕫"]


def test_name_that_is_empty_sorts_first(client, admin):
    make_account(admin.organization, "b", name="Bob")

    emails = [account["email_address"] for account in client.get("/accounts?sort=name").json()["elements"]]

    assert emails == ["alice@example.com", "b@example.com"]


def test_walk_goes_on_though_its_element_is_deleted(client):
    first = client.get("/projects?sort=name&size=2").json()
    client.delete(f"/projects/id/{IDS[1]}")

    rest = client.get(f"/projects?sort=name&after={first['next']['after']}").json()

    assert [element["name"] for element in rest["elements"]] == ["c", "d", "e"]


NAMES = st.sampled_from(["", "a", "b", "B", "é", "same", "same", "same", "a:b", "%_\\"])


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(NAMES, max_size=25),
    sizes=st.lists(st.integers(1, 7), min_size=1, max_size=8),
    sort=st.sampled_from(["id", "name", "email_address"]),
    order=st.sampled_from(["asc", "desc"]),
    backwards=st.booleans(),
    changes=st.lists(st.one_of(st.none(), NAMES, st.integers(0, 40)), max_size=20),
)
def test_walk_meets_every_element_once(names, sizes, sort, order, backwards, changes):
    """Whatever is inserted and deleted between two pages, elements that stay are returned exactly once, in order."""
    organization = Organization.objects.create(name=new_id())
    accounts = [make_account(organization, f"{new_id()}x", name=name) for name in ["", *names]]
    client = client_of(accounts[0])
    expected = [account["id"] for account in everything(client, sort, order)]
    disturbed: set[str] = set()

    met = []
    for element, change in walk(client, sort, order, sizes, backwards, changes):
        met.append(element)
        disturbed |= disturb(organization, accounts[1:], change)

    steady = [element_id for element_id in expected if element_id not in disturbed]
    assert [element_id for element_id in met if element_id in set(steady)] == (steady[::-1] if backwards else steady)
    assert len(met) == len(set(met))


def everything(client: ApiClient, sort: str, order: str) -> list[dict[str, Any]]:
    return client.get(f"/accounts?size=100&sort={sort}&order={order}").json()["elements"]


def walk(client, sort, order, sizes, backwards, changes):
    """Yield every element's id, with changes to make before the next page; backwards from after the last."""
    last = everything(client, sort, order)[-1]
    value = {"id": "", "name": f":{last.get('name', '')}", "email_address": f":{last['email_address']}"}[sort]
    pages, cursor = 0, {"before": key_of(last["id"] + value)} if backwards else {}
    if backwards:
        yield last["id"], None
    while cursor is not None:
        size = sizes[pages % len(sizes)]
        change = changes[pages] if pages < len(changes) else None
        where = "".join(f"&{side}={cursor[side].replace('+', '%2B')}" for side in ("before", "after") if side in cursor)
        page = client.get(f"/accounts?size={size}&sort={sort}&order={order}{where}").json()
        ids = [element["id"] for element in page["elements"]]
        for number, element_id in enumerate(ids[::-1] if backwards else ids):
            yield element_id, change if number == 0 else None
        cursor, pages = page.get("previous" if backwards else "next"), pages + 1


def disturb(organization: Organization, accounts: list[Account], change: str | int | None) -> set[str]:
    """Insert an account of this name, or delete the one of this number; return its id."""
    if isinstance(change, str):
        return {make_account(organization, f"{new_id()}x", name=change).pk}
    if change is None or change >= len(accounts):
        return set()
    Account.objects.filter(pk=accounts[change].pk).delete()
    return {accounts[change].pk}
