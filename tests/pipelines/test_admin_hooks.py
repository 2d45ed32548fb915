"""The console's hooks: looked at by all, revealed to and renewed by admins."""

import pytest
from django.contrib.admin.models import LogEntry

from pipelines.hooks import hook_address, hook_secret
from pipelines.models import Hook
from tests.console import count_queries, logged_in
from tests.factories import House, make_account, make_house
from tests.pipelines.test_hooks import hook_of, listen

pytestmark = pytest.mark.django_db
LIST = "/console/pipelines/hook/"


@pytest.fixture
def acme() -> House:
    house = make_house("acme", "alice")
    listen(house.project, "github", "push", organization="acme")
    listen(house.project, "webhook", "order")
    return house


def page_of(hook: Hook, page: str) -> str:
    return f"{LIST}{hook.pk}/{page}/"


def test_list_and_page_tell_no_address(acme: House) -> None:
    alice = logged_in(acme.admin)
    hook = hook_of(acme.project, "github")
    for path in (LIST, page_of(hook, "change"), page_of(hook, "history")):
        text = alice.get(path).content.decode()
        assert "github" in text and acme.project.name in text
        assert hook_address(hook).rpartition("/")[2] not in text and str(hook_secret(hook)) not in text
        assert hook.digest not in text


def test_admin_sees_the_address(acme: House) -> None:
    hook = hook_of(acme.project, "github")
    response = logged_in(acme.admin).get(page_of(hook, "reveal"))
    text = response.content.decode()
    assert hook_address(hook) in text and str(hook_secret(hook)) in text
    assert "no-store" in response["Cache-Control"]


def test_admin_renews_after_a_question(acme: House) -> None:
    alice, hook = logged_in(acme.admin), hook_of(acme.project, "webhook")
    assert "Renew the webhook hook" in alice.get(page_of(hook, "renew")).content.decode()
    assert hook_of(acme.project, "webhook").digest == hook.digest
    text = alice.post(page_of(hook, "renew")).content.decode()
    renewed = hook_of(acme.project, "webhook")
    assert renewed.digest != hook.digest and hook_address(renewed) in text
    assert [entry.object_id for entry in LogEntry.objects.filter(change_message__contains="Renewed")] == [hook.pk]


def test_user_looks_but_neither_sees_nor_renews(acme: House) -> None:
    bob, hook = logged_in(make_account(acme.organization, "bob")), hook_of(acme.project, "webhook")
    assert "Show address" not in bob.get(page_of(hook, "change")).content.decode()
    for response in (bob.get(page_of(hook, "reveal")), bob.post(page_of(hook, "renew"))):
        assert response.status_code == 403
    assert hook_of(acme.project, "webhook").digest == hook.digest


def test_hook_of_another_organization_is_not_there(acme: House) -> None:
    charlie, hook = logged_in(make_house("other", "charlie").admin), hook_of(acme.project, "webhook")
    assert acme.project.name not in charlie.get(LIST).content.decode()
    for page in ("reveal", "renew"):
        response = charlie.post(page_of(hook, page))
        assert response.status_code in (302, 403, 404) and hook_address(hook) not in response.content.decode()
    assert hook_of(acme.project, "webhook").digest == hook.digest


def test_hook_whose_key_is_gone_says_so(acme: House) -> None:
    Hook.objects.update(encrypted_token=b"garbage")
    text = logged_in(acme.admin).get(page_of(hook_of(acme.project, "webhook"), "reveal")).content.decode()
    assert "can't be read" in text or "can&#x27;t be read" in text


def test_list_asks_the_same_number_of_questions_whatever_its_length(acme: House) -> None:
    alice = logged_in(acme.admin)
    few = count_queries(alice, LIST)
    for number in range(5):
        project = acme.organization.projects.create(name=f"p{number}")
        listen(project, "webhook", "order")
    assert count_queries(alice, LIST) == few


def test_admin_requires_signatures_and_lets_go_of_them(acme: House) -> None:
    alice, hook = logged_in(acme.admin), hook_of(acme.project, "webhook")
    page = page_of(hook, "signatures")
    assert "Require signatures at the" in alice.get(page).content.decode()
    assert hook_secret(hook_of(acme.project, "webhook")) is None

    text = alice.post(page).content.decode()
    secret = hook_secret(hook_of(acme.project, "webhook"))
    assert secret and secret in text and "X-Eventlane-Signature-256" in text
    assert "New secret" in alice.get(page).content.decode()

    alice.post(page, {"unsigned": "1"})
    assert hook_secret(hook_of(acme.project, "webhook")) is None
    messages = LogEntry.objects.filter(object_id=hook.pk).values_list("change_message", flat=True)
    assert len(messages) == 2 and not any(secret in message for message in messages)


def test_signatures_are_chosen_by_admins_where_there_is_a_choice(acme: House) -> None:
    bob, alice = logged_in(make_account(acme.organization, "bob")), logged_in(acme.admin)
    charlie = logged_in(make_house("other", "charlie").admin)
    webhook, github = hook_of(acme.project, "webhook"), hook_of(acme.project, "github")
    refused = [bob.post(page_of(webhook, "signatures")), charlie.post(page_of(webhook, "signatures"))]
    refused.append(alice.post(page_of(github, "signatures"), {"unsigned": "1"}))
    assert all(response.status_code in (302, 403, 404) for response in refused)
    assert hook_secret(hook_of(acme.project, "webhook")) is None
    assert hook_secret(hook_of(acme.project, "github")) == hook_secret(github)
