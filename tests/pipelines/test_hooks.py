"""What other services send to a project's hooks."""

import hashlib
import hmac
import io
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from eventlane.wire.headers import EVERY_ANSWER
from pipelines import hooks
from pipelines.hooks import (
    DELIVERIES,
    accept_unsigned,
    ensure_hooks,
    hook_address,
    hook_secret,
    renew_token,
    require_signatures,
)
from pipelines.inbound import views
from pipelines.inbound.github import events_of
from pipelines.models import Hook, HookDelivery, PlatformEvent, Resource
from projects.models import Project
from tests.factories import House, make_house, make_trigger

pytestmark = pytest.mark.django_db

REPOSITORY = {"name": "eventlane", "owner": {"login": "acme"}}
PUSH = {"ref": "refs/heads/main", "before": "a" * 40, "after": "b" * 40, "repository": REPOSITORY}


@pytest.fixture
def house() -> House:
    return make_house("acme", "alice")


def listen(project: Project, connector: str, event: str, *filters: dict[str, Any], **parameters: Any) -> Resource:
    """Make a trigger without pipelines, as a deployment does."""
    name = f"{connector}-{event}-{Resource.objects.count()}".replace("_", "-")
    trigger = make_trigger(
        project, name, connector=connector, event=event, parameters=parameters, filters=[*filters], pipelines=[]
    )
    ensure_hooks(project)
    return trigger


def hook_of(project: Project, connector: str) -> Hook:
    return Hook.objects.get(project=project, connector=connector)


def send(address: str, body: Any, method: str = "POST", **headers: str) -> HttpResponse:
    """Send to an address; bytes as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = "/hooks/" + address.partition("/hooks/")[2]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    stream = {"wsgi.input": io.BytesIO(data)}
    return client.generic(method, path, data, "application/octet-stream", headers=named, **stream)


def deliver(
    hook: Hook, event: str, payload: Any, delivery: str = "d-1", secret: str | None = None, **headers: str
) -> HttpResponse:
    """Send as GitHub does, signed."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signature = hmac.new((secret or hook_secret(hook) or "").encode(), body, hashlib.sha256).hexdigest()
    usual = {"X_GitHub_Event": event, "X_GitHub_Delivery": delivery, "X_Hub_Signature_256": f"sha256={signature}"}
    return send(hook_address(hook), body, **{k: v for k, v in (usual | headers).items() if v})


def stored() -> list[tuple[str, str, Any]]:
    return [
        (event.connector, event.name, event.data) for event in PlatformEvent.objects.order_by("creation_time", "id")
    ]


def answer(response: HttpResponse) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, response.json()["code"]


# Hooks


def test_hooks_are_made_for_the_connectors_that_triggers_use(house: House) -> None:
    ensure_hooks(house.project)
    assert not Hook.objects.exists()
    listen(house.project, "webhook", "order")
    listen(house.project, "webhook", "refund")
    listen(house.project, "custom", "x")
    first = hook_of(house.project, "webhook")
    ensure_hooks(house.project)
    assert Hook.objects.get() == first and first.encrypted_secret is None


def test_token_is_stored_encrypted_and_as_a_digest_only(house: House) -> None:
    listen(house.project, "github", "push", organization="acme")
    hook = hook_of(house.project, "github")
    token, secret = hook_address(hook).rpartition("/")[2], hook_secret(hook) or ""
    assert len(token) == 43 and len(secret) == 64
    row = [bytes(value) if isinstance(value, memoryview) else value for value in Hook.objects.values_list().get()]
    assert token not in str(row) and secret not in str(row) and token not in repr(hook) + str(hook)


def test_renewing_stops_the_old_address_at_once(house: House) -> None:
    listen(house.project, "webhook", "order")
    hook = hook_of(house.project, "webhook")
    old = hook_address(hook)
    renew_token(hook)
    assert answer(send(f"{old}/order", {})) == (404, "unknown_hook")
    assert send(f"{hook_address(hook)}/order", {}).status_code == 202


def test_last_use_is_noted_once_a_minute(house: House) -> None:
    listen(house.project, "webhook", "order")
    hook = hook_of(house.project, "webhook")
    send(f"{hook_address(hook)}/order", {})
    hook.refresh_from_db()
    assert hook.last_use_time and timezone.now() - hook.last_use_time < timedelta(seconds=10)
    before = hook.last_use_time
    send(f"{hook_address(hook)}/order", {})
    hook.refresh_from_db()
    assert hook.last_use_time == before


# The connector webhook


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"total": 12.5}', {"total": 12.5}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b"[1, 2]", {"body": [1, 2]}),
        (b"null", {"body": None}),
        (b"disk full", {"body": "disk full"}),
        (b"a=1&b=2", {"body": "a=1&b=2"}),
        (b"[Infinity] is long", {"body": "[Infinity] is long"}),
        (b"", {}),
        (b'{"a":"\\u0000","b":"\\ud800"}', {"a": "\ufffd", "b": "\ufffd"}),
        (b'{"a":1e999}', {"a": None}),
        (urlencode({"payload": '{"text": "h\u00e9 & co"}', "x": "1"}).encode(), {"text": "h\u00e9 & co"}),
    ],
)
def test_whatever_is_sent_becomes_data(house: House, body: bytes, data: Any) -> None:
    listen(house.project, "webhook", "order")
    response = send(f"{hook_address(hook_of(house.project, 'webhook'))}/order", body)
    assert (response.status_code, response.content) == (202, b'{"events": 1}')
    assert stored() == [("webhook", "order", data)]


@pytest.mark.parametrize("beside", ["1.5", '"\\ud800"'])
def test_numbers_keep_their_digits(house: House, beside: str) -> None:
    listen(house.project, "webhook", "order")
    body = f'{{"total":0.1234567890123456789,"beside":{beside}}}'.encode()
    assert send(f"{hook_address(hook_of(house.project, 'webhook'))}/order", body).status_code == 202
    [(_, _, data)] = stored()
    assert str(data["total"]) == "0.1234567890123456789"


@pytest.mark.parametrize("body", [b'{"a":NaN}', b"[1,-Infinity]", b"payload=%7B%22a%22%3AInfinity%7D"])
def test_what_no_json_has_is_refused(house: House, body: bytes) -> None:
    listen(house.project, "webhook", "order")
    response = send(f"{hook_address(hook_of(house.project, 'webhook'))}/order", body)
    assert answer(response) == (400, "invalid_request_body")
    assert not stored()


def test_each_trigger_on_the_name_gets_an_event(house: House) -> None:
    first, second = listen(house.project, "webhook", "order"), listen(house.project, "webhook", "order")
    listen(house.project, "webhook", "refund")
    address = hook_address(hook_of(house.project, "webhook"))
    assert send(f"{address}/order/", {}).json() == {"events": 2}
    assert send(f"{address}/nobody-listens", {}).json() == {"events": 0}
    assert {event.trigger_id for event in PlatformEvent.objects.all()} == {first.pk, second.pk}


def test_hook_reaches_its_own_project_only(house: House) -> None:
    other = make_house("other", "charlie")
    listen(house.project, "webhook", "order")
    listen(other.project, "webhook", "order")
    send(f"{hook_address(hook_of(other.project, 'webhook'))}/order", {})
    assert [event.project for event in PlatformEvent.objects.all()] == [other.project]


def test_hook_of_a_disabled_organization_is_unknown(house: House) -> None:
    listen(house.project, "webhook", "order")
    house.organization.disabled = True
    house.organization.save()
    assert answer(send(f"{hook_address(hook_of(house.project, 'webhook'))}/order", {})) == (404, "unknown_hook")


@pytest.mark.parametrize("path", ["/hooks/", "/hooks/guess", "/hooks/guess/order", "/hooks/%00/a", "/hooks/%ff"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_unknown_address_is_an_error_of_the_api(path: str, method: str) -> None:
    response = send(path, {}, method)
    assert answer(response) == (404, "unknown_hook")
    assert set(response.headers) == {"Content-Type", "Content-Length", *EVERY_ANSWER}


@pytest.mark.parametrize("event", ["", "/a/b", "/UPPER", "/%00", "/x%20y", "/" + "x" * 101])
def test_address_needs_the_name_of_an_event(house: House, event: str) -> None:
    listen(house.project, "webhook", "order")
    address = hook_address(hook_of(house.project, "webhook"))
    assert answer(send(f"{address}{event}", {})) == (400, "bad_request")


def test_other_methods_are_refused(house: House) -> None:
    listen(house.project, "webhook", "order")
    response = send(f"{hook_address(hook_of(house.project, 'webhook'))}/order", b"", "GET")
    assert answer(response) == (405, "unhandled_method") and response.headers["Allow"] == "POST"


def test_bodies_that_can_not_be_read(house: House, settings: Any) -> None:
    listen(house.project, "webhook", "order")
    address = hook_address(hook_of(house.project, "webhook")) + "/order"
    settings.EVENTLANE_MAX_HOOK_BYTES = 2000
    assert send(address, b"x" * 2000).status_code == 202
    assert answer(send(address, b"x" * 2001)) == (413, "request_too_large")
    for body in (b"\xff\xfe", b"payload=%ff", b"payload=1" + b"&a=1" * 200, b"[" * 1999):
        assert answer(send(address, body)) == (400, "invalid_request_body"), body[:20]
    assert answer(send(address, b"no gzip", content_encoding="gzip")) == (400, "invalid_request_body")


def test_crash_names_no_token(house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    listen(house.project, "webhook", "order")
    address = hook_address(hook_of(house.project, "webhook"))

    def broken(*args: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(views, "create_events", broken)
    with caplog.at_level(logging.DEBUG):
        response = send(f"{address}/order", {})
    assert answer(response) == (500, "internal_error")
    assert "a bug" in caplog.text and address.rpartition("/")[2] not in caplog.text + response.content.decode()


# Signatures and the rate limit


def sign(hook: Hook, body: bytes, secret: str | None = None) -> dict[str, str]:
    digest = hmac.new((secret or hook_secret(hook) or "").encode(), body, hashlib.sha256).hexdigest()
    return {"X_Eventlane_Signature_256": f"sha256={digest}"}


def test_hook_with_a_secret_takes_only_what_is_signed(house: House) -> None:
    listen(house.project, "webhook", "order")
    hook = hook_of(house.project, "webhook")
    address, body = f"{hook_address(hook)}/order", b'{"total":1}'
    assert send(address, body).status_code == 202
    require_signatures(hook)
    right = sign(hook, body)
    wrong = (sign(hook, body, "another"), sign(hook, b"{}"), {"X_Eventlane_Signature_256": "sha256=é"})

    assert answer(send(address, body)) == (401, "authentication_required")
    assert [answer(send(address, body, **headers)) for headers in wrong] == [(403, "permission_denied")] * 3
    assert len(stored()) == 1
    assert send(address, body, **right).status_code == 202

    require_signatures(hook)
    assert send(address, body, **right).status_code == 403  # another secret by now
    accept_unsigned(hook)
    assert send(address, body).status_code == 202


def test_renewing_keeps_that_signatures_are_required(house: House) -> None:
    listen(house.project, "webhook", "order")
    hook = hook_of(house.project, "webhook")
    require_signatures(hook)
    before = hook_secret(hook)
    renew_token(hook)
    assert hook_secret(hook_of(house.project, "webhook")) not in (None, before)


def test_hook_takes_so_many_in_a_while(house: House, settings: Any) -> None:
    settings.EVENTLANE_HOOK_RATE_LIMIT = (3, 60.0)
    listen(house.project, "webhook", "order")
    address = hook_address(hook_of(house.project, "webhook")) + "/order"
    assert [send(address, {}).status_code for _ in range(4)] == [202, 202, 202, 429]

    refused = send(address, {})
    assert answer(refused) == (429, "too_many_requests") and "EVENTLANE_HOOK_RATE_LIMIT" in refused.json()["error"]
    assert 55 <= int(refused.headers["Retry-After"]) <= 60 and len(stored()) == 3

    Hook.objects.update(window_start_time=timezone.now() - timedelta(seconds=61))
    assert send(address, {}).status_code == 202
    Hook.objects.update(window_start_time=timezone.now() + timedelta(days=1), window_deliveries=3)  # a clock was ahead
    assert send(address, {}).status_code == 202
    settings.EVENTLANE_HOOK_RATE_LIMIT = None
    assert {send(address, {}).status_code for _ in range(5)} == {202}


def test_unsigned_deliveries_use_up_nothing(house: House, settings: Any) -> None:
    settings.EVENTLANE_HOOK_RATE_LIMIT = (1, 60.0)
    listen(house.project, "webhook", "order")
    hook = hook_of(house.project, "webhook")
    require_signatures(hook)
    address = f"{hook_address(hook)}/order"
    assert {send(address, b"{}").status_code for _ in range(3)} == {401}
    assert [send(address, b"{}", **sign(hook, b"{}")).status_code for _ in range(2)] == [202, 429]


@pytest.mark.django_db(transaction=True)
def test_processes_count_together(house: House) -> None:
    """Each reads the hook first and counts later; none may count on what it read."""
    listen(house.project, "webhook", "order")
    hook_id = hook_of(house.project, "webhook").pk
    now = timezone.now()

    def count(hook: Hook) -> bool:
        try:
            return DELIVERIES.take(hook, (20, 60.0), now) == 0
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(count, [Hook.objects.get(pk=hook_id) for _ in range(40)]))
    assert taken.count(True) == 20


# GitHub


@pytest.mark.parametrize(
    ("event", "payload", "expected"),
    [
        ("push", {}, [("push", {"branch": "main", "old_revision": "a" * 40, "new_revision": "b" * 40})]),
        (
            "push",
            {"created": True, "ref": "refs/heads/team/x"},
            [
                ("branch_creation", {"branch": "team/x", "revision": "b" * 40}),
                ("push", {"branch": "team/x", "new_revision": "b" * 40}),
            ],
        ),
        ("push", {"deleted": True}, [("branch_deletion", {"branch": "main", "revision": "a" * 40})]),
        ("push", {"created": True, "ref": "refs/tags/v1"}, [("tag_creation", {"tag": "v1", "revision": "b" * 40})]),
        ("push", {"deleted": True, "ref": "refs/tags/v1"}, [("tag_deletion", {"tag": "v1", "revision": "a" * 40})]),
        ("push", {"ref": "refs/tags/v1"}, []),
        ("push", {"ref": "refs/notes/x"}, []),
        ("push", {"ref": None}, []),
        ("push", {"repository": None}, []),
        ("push", {"repository": {"name": "eventlane", "owner": "acme"}}, []),
        ("create", {"ref": "main", "ref_type": "branch"}, []),
        ("repository", {"action": "created"}, [("repository_creation", {})]),
        ("repository", {"action": "deleted"}, [("repository_deletion", {})]),
        ("repository", {"action": "renamed"}, []),
        ("repository", {"action": ["created"]}, []),
        ("ping", {"zen": "x"}, []),
    ],
)
def test_what_deliveries_mean(event: str, payload: dict[str, Any], expected: list[tuple[str, Any]]) -> None:
    origin = {"organization": "acme", "repository": "eventlane"}
    assert list(events_of(event, PUSH | payload)) == [(name, origin | data) for name, data in expected]


def test_push_starts_triggers_on_push_and_raw(house: House) -> None:
    push = listen(house.project, "github", "push", organization="acme")
    raw = listen(house.project, "github", "raw", organization="ACME", repository="Eventlane")
    hook = hook_of(house.project, "github")
    response = deliver(hook, "push", PUSH)
    assert (response.status_code, response.json()) == (202, {"events": 2})
    assert stored()[0][2]["branch"] == "main"
    assert stored()[1] == ("github", "raw", {"delivery_id": "d-1", "event_type": "push", "event": PUSH})
    assert [event.trigger_id for event in PlatformEvent.objects.order_by("name")] == [push.pk, raw.pk]


@pytest.mark.parametrize(
    ("parameters", "count"),
    [
        ({"organization": "acme"}, 1),
        ({"organization": "acme", "repository": "eventlane"}, 1),
        ({"organization": "acme", "repository": "other"}, 0),
        ({"organization": "other"}, 0),
    ],
)
@pytest.mark.parametrize("event", ["push", "raw"])
def test_parameters_choose_organization_and_repository(
    house: House, event: str, parameters: dict[str, str], count: int
) -> None:
    listen(house.project, "github", event, **parameters)
    assert deliver(hook_of(house.project, "github"), "push", PUSH).json() == {"events": count}


def test_delivery_sent_again_starts_nothing(house: House) -> None:
    listen(house.project, "github", "push", organization="acme")
    hook = hook_of(house.project, "github")
    assert [deliver(hook, "push", PUSH, delivery).json()["events"] for delivery in ("a", "a", "b", "a")] == [1, 0, 1, 0]
    assert len(stored()) == 2


def test_delivery_that_failed_may_be_sent_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    listen(house.project, "github", "push", organization="acme")
    hook = hook_of(house.project, "github")
    from pipelines.inbound import github

    with monkeypatch.context() as broken:
        broken.setattr(github, "create_events", lambda *args: 1 / 0)
        assert answer(deliver(hook, "push", PUSH)) == (500, "internal_error")
    assert deliver(hook, "push", PUSH).json() == {"events": 1}


def test_old_deliveries_are_forgotten(house: House) -> None:
    listen(house.project, "github", "push", organization="acme")
    hook = hook_of(house.project, "github")
    deliver(hook, "push", PUSH, "old")
    HookDelivery.objects.update(creation_time=timezone.now() - timedelta(days=31))
    deliver(hook, "push", PUSH, "new")
    assert [row.delivery_id for row in HookDelivery.objects.all()] == ["new"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X_Hub_Signature_256": ""}, (401, "authentication_required")),
        ({"X_Hub_Signature_256": "sha256=" + "0" * 64}, (403, "permission_denied")),
        ({"X_Hub_Signature_256": "sha256=é"}, (403, "permission_denied")),
        ({"secret": "another"}, (403, "permission_denied")),
        ({"X_GitHub_Event": ""}, (400, "bad_request")),
        ({"X_GitHub_Delivery": ""}, (400, "bad_request")),
        ({"X_GitHub_Delivery": "x" * 101}, (400, "bad_request")),
    ],
)
def test_deliveries_that_are_refused(house: House, headers: dict[str, str], expected: tuple[int, str]) -> None:
    listen(house.project, "github", "push", organization="acme")
    assert answer(deliver(hook_of(house.project, "github"), "push", PUSH, **headers)) == expected
    assert stored() == [] and not HookDelivery.objects.exists()


def test_signed_body_that_is_no_object_is_refused(house: House) -> None:
    listen(house.project, "github", "push", organization="acme")
    assert answer(deliver(hook_of(house.project, "github"), "push", b"[]")) == (400, "invalid_request_body")


def test_form_encoded_delivery_is_understood(house: House) -> None:
    listen(house.project, "github", "push", organization="acme")
    body = urlencode({"payload": json.dumps(PUSH)}).encode()
    assert deliver(hook_of(house.project, "github"), "push", body).json() == {"events": 1}
    assert stored()[0][2]["branch"] == "main"


def test_github_hook_has_no_event_in_its_address(house: House) -> None:
    listen(house.project, "github", "push", organization="acme")
    assert answer(send(hook_address(hook_of(house.project, "github")) + "/push", {})) == (404, "unknown_hook")


def test_every_connector_with_a_hook_is_known() -> None:
    assert set(hooks.SIGNING_CONNECTORS) <= set(hooks.HOOK_CONNECTORS)


def test_what_could_not_be_shown_again_is_refused(house):
    listen(house.project, "webhook", "deep")
    address = f"{hook_address(hook_of(house.project, 'webhook'))}/deep"
    good, deep = b"[" * 100 + b"1" + b"]" * 100, b'{"a":' * 101 + b"[1]" + b"}" * 101

    assert send(address, good).status_code == 202
    reply = send(address, deep)

    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_request_body")
    assert PlatformEvent.objects.count() == 1


def test_nobody_signs_for_a_hook_without_a_secret(house):
    listen(house.project, "github", "raw", organization="acme")
    hook = hook_of(house.project, "github")
    Hook.objects.filter(pk=hook.pk).update(encrypted_secret=None)
    body = json.dumps(PUSH).encode()
    signature = "sha256=" + hmac.new(b"", body, hashlib.sha256).hexdigest()

    reply = send(hook_address(hook), body, X_Hub_Signature_256=signature, X_GitHub_Event="push", X_GitHub_Delivery="1")

    assert reply.status_code == 403 and not PlatformEvent.objects.exists()
