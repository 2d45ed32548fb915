"""Logging in to the console: the brake on guesses, what the log says, and how sessions are kept."""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from eventlane.sessions import SEEN, SEEN_SECONDS, SessionStore, stored_key
from eventlane.wire.client_address import client_address, site_of
from eventlane.wire.seldom import SeldomLog
from pipelines.execution.scheduler import forget_logins
from projects import logins
from projects.models import LoginFailure
from tests.console import logged_in
from tests.factories import PASSWORD, House, make_house

pytestmark = pytest.mark.django_db
LOGIN = "/console/login/"


@pytest.fixture
def acme(settings: Any) -> House:
    """A house whose admin's password is checked in no time."""
    house = make_house("acme", "alice")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    house.admin.set_password(PASSWORD)
    house.admin.save()
    return house


@pytest.fixture(autouse=True)
def brake(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few attempts, and a log that has written nothing yet."""
    settings.EVENTLANE_ACCOUNT_LOGIN_FAILURES, settings.EVENTLANE_ADDRESS_LOGIN_FAILURES = 3, 5
    monkeypatch.setattr(logins, "log_refusal", SeldomLog(logins.logger.warning))


def log_in(client: Client, email: str, password: str, address: str = "192.0.2.1", **headers: str) -> Any:
    return client.post(LOGIN, {"username": email, "password": password}, REMOTE_ADDR=address, headers=headers)


def test_after_too_many_wrong_passwords_the_right_one_has_to_wait(acme: House) -> None:
    for number in range(3):
        assert log_in(Client(), acme.admin.email, f"guess {number}").status_code == 200
    for email in (acme.admin.email, acme.admin.email.upper()):
        refused = log_in(Client(), email, PASSWORD, address="198.51.100.7")
        assert refused.status_code == 429 and 800 < int(refused["Retry-After"]) <= 900
        assert "Too many wrong passwords. Try again in 15 min." in refused.content.decode()
    LoginFailure.objects.update(time=timezone.now() - timedelta(seconds=901))
    assert log_in(Client(), acme.admin.email, PASSWORD).status_code == 302


def test_refused_attempts_do_not_put_off_the_end(acme: House) -> None:
    for _ in range(10):
        log_in(Client(), acme.admin.email, "guess")
    assert LoginFailure.objects.count() == 3


def test_address_that_tries_many_accounts_is_refused_and_others_are_not(acme: House) -> None:
    for number in range(5):
        log_in(Client(), f"person-{number}@example.com", "guess")
    assert log_in(Client(), acme.admin.email, PASSWORD).status_code == 429
    assert log_in(Client(), acme.admin.email, PASSWORD, address="192.0.2.2").status_code == 302


def test_right_password_forgets_the_wrong_ones(acme: House) -> None:
    for _ in range(3):
        for password in ("guess", "guess", PASSWORD):
            last = log_in(Client(), acme.admin.email, password)
        assert last.status_code == 302
    assert not LoginFailure.objects.exists()


def test_owner_gets_in_with_a_known_browser_while_somebody_guesses(acme: House) -> None:
    owner = Client()
    log_in(owner, acme.admin.email, PASSWORD)
    owner.post("/console/logout/")
    for _ in range(4):
        log_in(Client(), acme.admin.email, "guess", address="198.51.100.7")
    assert log_in(Client(), acme.admin.email, PASSWORD).status_code == 429
    assert log_in(owner, acme.admin.email, PASSWORD).status_code == 302


def test_known_browser_has_few_attempts_too_and_none_at_other_accounts(acme: House) -> None:
    umbrella = make_house("umbrella", "charlie")
    browser = Client()
    log_in(browser, acme.admin.email, PASSWORD)
    browser.post("/console/logout/")
    assert [log_in(browser, acme.admin.email, "guess").status_code for _ in range(4)] == [200, 200, 200, 429]
    LoginFailure.objects.all().delete()
    for _ in range(3):
        log_in(Client(), umbrella.admin.email, "guess")
    assert log_in(browser, umbrella.admin.email, PASSWORD).status_code == 429


@pytest.mark.parametrize("cookie", ["", ".", "made.up", "0" * 64, "a.b.c"])
def test_made_up_browser_cookie_is_worth_nothing(cookie: str, acme: House) -> None:
    for number in range(5):
        client = Client()
        client.cookies["eventlane_browser"] = f"{cookie}" if number else "x.y"
        last = log_in(client, acme.admin.email, "guess", address=f"192.0.2.{number}")
    assert last.status_code == 429


@pytest.mark.django_db(transaction=True)
def test_many_guesses_at_once_are_no_way_around_the_brake() -> None:
    email = make_house("acme", "alice").admin.email
    gate, answers = threading.Barrier(8), []

    def guess(number: int) -> None:
        gate.wait(10)
        answers.append(log_in(Client(), email, f"guess {number}").status_code)
        connection.close()

    threads = [threading.Thread(target=guess, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 8 and answers.count(200) <= 3


def test_log_names_accounts_and_addresses_but_nothing_typed_in_the_wrong_field(
    acme: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for email, password in (("hunter2\nhunter2", "x"), *[(acme.admin.email.upper(), "wrong-one-77")] * 4):
            log_in(Client(), email, password)
        log_in(Client(), acme.admin.email, PASSWORD, address="2001:db8::1")
    assert [record.getMessage() for record in caplog.records if record.name == "projects.logins"] == [
        "failed login of an unknown account from 192.0.2.1",
        *["failed login of alice@example.com from 192.0.2.1"] * 3,
        "refused a login of alice@example.com from 192.0.2.1: too many failures",
    ]
    LoginFailure.objects.all().delete()
    with caplog.at_level(logging.INFO):
        log_in(Client(), acme.admin.email, PASSWORD, address="2001:db8::1")
    assert caplog.records[-1].getMessage() == "login of alice@example.com from 2001:db8::1"
    assert "hunter2" not in caplog.text and "wrong-one" not in caplog.text


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "unknown", "192.0.2.1"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:DB8::1]:4711", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_address_is_what_the_trusted_proxies_say(proxies: int, forwarded: str, expected: str, settings: Any) -> None:
    settings.EVENTLANE_PROXIES = proxies
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(request) == expected


def test_brake_counts_a_whole_ipv6_site() -> None:
    assert site_of("2001:db8:1:2:3::4") == site_of("2001:db8:1:2:ffff::1") != site_of("2001:db8:1:3::4")
    assert (site_of("192.0.2.1"), site_of("")) == ("192.0.2.1", "")


# Sessions


def test_table_of_sessions_opens_none(acme: House) -> None:
    client = logged_in(acme.admin)
    key = client.cookies["eventlane_session"].value
    [row] = Session.objects.all()
    assert row.session_key == stored_key(key) and key not in str(row.__dict__)
    thief = Client()
    thief.cookies["eventlane_session"] = row.session_key
    assert client.get("/console/").status_code == 200
    assert thief.get("/console/").status_code == 302
    client.post("/console/logout/")
    assert not Session.objects.filter(pk=row.pk).exists()
    assert client.get("/console/").status_code == 302


def age(client: Client, seconds: int) -> None:
    """Let a session's last use, and with it its end, be that long ago."""
    store = SessionStore(client.cookies["eventlane_session"].value)
    store[SEEN] = int(time.time()) - seconds
    store.save()
    end = timezone.now() + timedelta(hours=24, seconds=-seconds)
    Session.objects.filter(pk=stored_key(store.session_key)).update(expire_date=end)


def test_session_lasts_while_it_is_used_and_no_longer(acme: House) -> None:
    client = logged_in(acme.admin)
    for _ in range(3):
        age(client, 23 * 3600)
        assert client.get("/console/").status_code == 200
    age(client, 24 * 3600 + 1)
    assert client.get("/console/").status_code == 302


def test_page_that_asks_by_itself_keeps_no_session_alive(acme: House) -> None:
    client = logged_in(acme.admin)
    age(client, 23 * 3600)
    [before] = Session.objects.values_list("expire_date", flat=True)
    client.get("/console/", headers={"X-Background": "1"})
    assert list(Session.objects.values_list("expire_date", flat=True)) == [before]
    client.get("/console/")
    assert Session.objects.get().expire_date > before


def test_session_in_use_is_written_once_a_minute(acme: House) -> None:
    client = logged_in(acme.admin)
    client.get("/console/")
    age(client, SEEN_SECONDS - 10)
    [before] = Session.objects.values_list("expire_date", flat=True)
    client.get("/console/")
    assert list(Session.objects.values_list("expire_date", flat=True)) == [before]


def test_nobody_gets_a_session_by_a_made_up_cookie() -> None:
    client = Client()
    client.cookies["eventlane_session"] = "made-up"
    assert client.get(LOGIN).status_code == 200
    assert not Session.objects.exists()


def test_what_is_over_is_cleared(acme: House) -> None:
    now = timezone.now()
    clients = [logged_in(acme.admin) for _ in range(2)]
    age(clients[0], 25 * 3600)
    for seconds in (899, 901):
        LoginFailure.objects.create(account="a", address="b", time=now - timedelta(seconds=seconds))
    forget_logins(now)
    assert [row.pk for row in Session.objects.all()] == [stored_key(clients[1].cookies["eventlane_session"].value)]
    assert LoginFailure.objects.count() == 1
