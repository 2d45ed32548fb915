"""Links with which people set their password: invitations and ways back in."""

import threading
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client

from projects.admin.accounts import has_other_admin
from projects.models import Account, Organization
from projects.password_links import make_password_link
from tests.console import logged_in
from tests.factories import PASSWORD, House, make_account, make_house

pytestmark = pytest.mark.django_db
LIST = "/console/projects/account/"
NEW = {"email": "eve@example.com", "name": "Eve", "role": "user"}
CHOSEN = {"new_password1": "quiet-otter-42", "new_password2": "quiet-otter-42"}
OWN = {"own_password": PASSWORD}
DEAD = "This link doesn't work any more"


@pytest.fixture
def acme() -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


@pytest.fixture
def bob(acme: House) -> Account:
    return make_account(acme.organization, "bob")


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def open_link(client: Client, url: str) -> tuple[str, str]:
    """Return where the link leads, and the page there."""
    response = client.get(path_of(url), follow=True)
    path = response.redirect_chain[-1][0] if response.redirect_chain else path_of(url)
    return path, response.content.decode()


def invite(alice: Client, **fields: str) -> str:
    response = alice.post(f"{LIST}add/", NEW | fields)
    assert response.status_code == 200 and "no-store" in response["Cache-Control"]
    return response.context["link"].url


def test_invited_person_sets_a_password_once_and_is_in(alice: Client, acme: House, settings: Any) -> None:
    settings.EVENTLANE_PUBLIC_URL = "https://events.example.com"
    url = invite(alice)
    eve = Account.objects.get(email="eve@example.com")
    assert url.startswith("https://events.example.com/console/password/") and not eve.has_usable_password()
    assert "Invited" in alice.get(LIST).content.decode()
    client = Client()
    path, page = open_link(client, url)
    assert "For eve@example.com of acme works." in page and url.split("/")[-2] not in page
    assert url.split("/")[-2] not in path  # the token is out of the address
    response = client.post(path, CHOSEN)
    assert response["Location"] == "/console/" and client.get("/console/").status_code == 200
    assert Client().login(username="eve@example.com", password="quiet-otter-42")
    assert DEAD in open_link(Client(), url)[1] and DEAD in open_link(client, url)[1]
    assert "Enabled" in alice.get(LIST, {"q": "eve"}).content.decode()
    changes = alice.get("/console/system/").content.decode()
    assert "changed by eve@example.com" in changes and "Set a password by a link." in changes
    assert "Created a password link, valid until" in changes


def test_link_is_shown_once_and_kept_nowhere(alice: Client, acme: House) -> None:
    token = invite(alice).split("/")[-2]
    eve = Account.objects.get(email="eve@example.com")
    for path in (LIST, f"{LIST}{eve.pk}/change/", f"{LIST}{eve.pk}/history/", "/console/"):
        assert token not in alice.get(path).content.decode()
    assert token not in str(list(LogEntry.objects.values()))


def test_nobody_logs_in_before_the_password_is_set(alice: Client) -> None:
    invite(alice)
    for guess in ("", "None", "!"):
        response = Client().post("/console/login/", {"username": "eve@example.com", "password": guess})
        assert response.status_code == 200


def test_looking_at_a_link_uses_nothing_up(alice: Client) -> None:
    url = invite(alice)
    for _ in range(3):
        assert "Set your password" in open_link(Client(), url)[1]
    client = Client()
    path, _ = open_link(client, url)
    assert client.post(path, CHOSEN).status_code == 302


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"new_password2": "something-else-1"}, "didn’t match"),
        ({"new_password1": "password", "new_password2": "password"}, "too common"),
        ({"new_password1": "", "new_password2": ""}, "required"),
    ],
)
def test_bad_password_is_refused_and_the_link_goes_on(chosen: dict[str, str], words: str, alice: Client) -> None:
    url, client = invite(alice), Client()
    path, _ = open_link(client, url)
    response = client.post(path, CHOSEN | chosen)
    assert response.status_code == 200 and words in response.content.decode()
    assert client.post(path, CHOSEN).status_code == 302


def test_one_password_alone_is_a_mistake_and_no_invitation(alice: Client) -> None:
    for given in ({"password1": "quiet-otter-42"}, {"password2": "quiet-otter-42"}):
        assert alice.post(f"{LIST}add/", NEW | given).context["adminform"].form.errors
    assert not Account.objects.filter(email="eve@example.com").exists()


def test_link_for_an_existing_account_asks_first_and_leaves_the_old_password(alice: Client, bob: Account) -> None:
    path = f"{LIST}{bob.pk}/password_link/"
    assert "Create a password link for bob@example.com?" in alice.get(path).content.decode()
    assert not LogEntry.objects.filter(object_id=bob.pk).exists()
    url = alice.post(path, OWN).context["link"].url
    assert Client().login(username=bob.email, password=PASSWORD)
    client = Client()
    url = alice.post(path, OWN).context["link"].url  # logging in has ended the first one
    place, _ = open_link(client, url)
    assert client.post(place, CHOSEN).status_code == 302
    assert not Client().login(username=bob.email, password=PASSWORD)
    assert Client().login(username=bob.email, password="quiet-otter-42")


def test_new_password_ends_the_sessions_of_the_old_one(alice: Client, bob: Account) -> None:
    bobs = logged_in(bob)
    url = make_password_link(Account.objects.get(pk=bob.pk)).url
    client = Client()
    client.post(open_link(client, url)[0], CHOSEN)
    assert bobs.get("/console/").status_code == 302


@pytest.mark.parametrize("deed", ["log in", "new address", "new password", "time", "disabled", "organization", "gone"])
def test_link_ends_with(deed: str, alice: Client, acme: House, bob: Account, settings: Any) -> None:
    url = make_password_link(bob).url
    waiting = Client()
    place, _ = open_link(waiting, url)
    if deed == "log in":
        Client().force_login(bob)
    elif deed == "new address":
        Account.objects.filter(pk=bob.pk).update(email="robert@example.com")
    elif deed == "new password":
        bob.set_password("another-one-77")
        bob.save()
    elif deed == "time":
        settings.PASSWORD_RESET_TIMEOUT = -1
    elif deed == "disabled":
        Account.objects.filter(pk=bob.pk).update(disabled=True)
    elif deed == "organization":
        Organization.objects.filter(pk=acme.organization.pk).update(disabled=True)
    else:
        bob.delete()
    before = list(Account.objects.values_list("password"))
    assert DEAD in open_link(Client(), url)[1]
    assert DEAD in waiting.post(place, CHOSEN).content.decode()
    assert list(Account.objects.values_list("password")) == before


def test_new_link_ends_the_earlier_one(bob: Account) -> None:
    first, second = (make_password_link(Account.objects.get(pk=bob.pk)).url for _ in range(2))
    assert DEAD in open_link(Client(), first)[1]
    assert "Set your password" in open_link(Client(), second)[1]


def test_new_invitation_ends_the_earlier_one(alice: Client) -> None:
    first = invite(alice)
    eve = Account.objects.get(email="eve@example.com")
    second = alice.post(f"{LIST}{eve.pk}/password_link/", OWN).context["link"].url
    assert DEAD in open_link(Client(), first)[1]
    assert "Set your password" in open_link(Client(), second)[1]


@pytest.mark.parametrize("path", ["x/y", "AAAA/set", "4pyT/abc-def", "%00/set"])
def test_made_up_links_do_not_work(path: str) -> None:
    assert DEAD in Client().get(f"/console/password/{path}/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_link_used_twice_at_once_works_once() -> None:
    house = make_house("acme", "alice")
    bob = make_account(house.organization, "bob")
    url = make_password_link(bob).url
    people = [(client := Client(), open_link(client, url)[0], f"quiet-otter-{number}") for number in range(4)]
    gate = threading.Barrier(4)
    worked = []

    def use(client: Client, path: str, password: str) -> None:
        gate.wait(10)
        response = client.post(path, {"new_password1": password, "new_password2": password})
        if response.headers.get("Location") == "/console/":  # a late one finds the link used, and no form
            worked.append(password)
        connection.close()

    threads = [threading.Thread(target=use, args=person) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(worked) == 1 and Client().login(username=bob.email, password=worked[0])


def test_user_makes_no_links(acme: House, bob: Account) -> None:
    bobs = logged_in(bob)
    for path in (f"{LIST}{acme.admin.pk}/password_link/", f"{LIST}add/"):
        assert bobs.get(path).status_code == bobs.post(path, NEW).status_code == 403
    assert "password_link" not in bobs.get(f"{LIST}{acme.admin.pk}/change/").content.decode()


def test_account_of_others_is_unknown(alice: Client) -> None:
    umbrella = make_house("umbrella", "charlie")
    for method in (alice.get, alice.post):
        foreign, unknown = (method(f"{LIST}{pk}/password_link/") for pk in (umbrella.admin.pk, "0" * 27))
        assert foreign.status_code == unknown.status_code == 302
        assert foreign["Location"] == unknown["Location"] == "/console/"
    assert not LogEntry.objects.filter(object_id=umbrella.admin.pk).exists()


def test_own_password_is_changed_with_the_old_one(alice: Client, acme: House) -> None:
    for method in (alice.get, alice.post):
        assert method(f"{LIST}{acme.admin.pk}/password_link/")["Location"] == "/console/password_change/"


def test_disabled_account_gets_no_link(alice: Client, bob: Account) -> None:
    Account.objects.filter(pk=bob.pk).update(disabled=True)
    response = alice.post(f"{LIST}{bob.pk}/password_link/", OWN, follow=True)
    assert "enable it first" in response.content.decode() and "/console/password/" not in response.content.decode()


def test_invited_admin_is_not_yet_one_to_rely_on(alice: Client, acme: House) -> None:
    url, client = invite(alice, role="admin"), Client()
    assert not has_other_admin(acme.admin)
    client.post(open_link(client, url)[0], CHOSEN)
    assert has_other_admin(acme.admin)


def test_page_sends_the_consoles_policy_and_is_not_kept(alice: Client) -> None:
    url, client = invite(alice), Client()
    path, _ = open_link(client, url)
    response = client.get(path)
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert "no-store" in response["Cache-Control"]
