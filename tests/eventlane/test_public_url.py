"""What follows from an https address of EVENTLANE_PUBLIC_URL, and what every answer carries."""

import logging

import pytest
from django.conf import global_settings
from django.core.exceptions import DisallowedHost
from django.test import Client, RequestFactory

from eventlane.configuration import InvalidSetting, read_settings
from eventlane.public_url import HttpsSettings, https_settings
from eventlane.wire.middleware import KnownHost
from eventlane.wire.seldom import SeldomLog

HTTPS = "https://events.example.com"
PATHS = ["/", "/console/", "/console/login/", "/console/nothing/", "/nothing", "/v1/logs/web", "/v2/logs/web", "/v1"]
PROGRAM_PATHS = ["/v0/status", "/v0/nothing", "/v0/openapi.json", "/hooks/nobody", "/hooks/nobody/event", "/v1x"]


def settings_for(**environ: str) -> HttpsSettings:
    values = read_settings(environ)
    return https_settings(values, values["EVENTLANE_PUBLIC_URL"] or "http://127.0.0.1:8000")


def test_http_changes_nothing():
    plain = settings_for()
    assert plain == settings_for(EVENTLANE_PUBLIC_URL="http://events.example.com")
    assert plain.pop("ALLOWED_HOSTS") == ["*"]
    assert plain == {name: getattr(global_settings, name) for name in plain}


def test_https_address_closes_the_console_to_all_else():
    found = settings_for(EVENTLANE_PUBLIC_URL=f"{HTTPS}:8443/", EVENTLANE_BIND="10.1.2.3:80")
    assert found["ALLOWED_HOSTS"] == ["events.example.com", "localhost", "127.0.0.1", "[::1]", "10.1.2.3"]
    assert found["SESSION_COOKIE_SECURE"] and found["CSRF_COOKIE_SECURE"] and found["SECURE_SSL_REDIRECT"]
    assert found["SECURE_SSL_HOST"] == "events.example.com:8443"
    assert found["CSRF_TRUSTED_ORIGINS"] == [f"{HTTPS}:8443"]
    assert found["SECURE_HSTS_SECONDS"] == 31_536_000


def test_explicit_settings_win():
    found = settings_for(
        EVENTLANE_PUBLIC_URL=HTTPS,
        EVENTLANE_ALLOWED_HOSTS="a.example.com, b.example.com",
        EVENTLANE_SECURE_COOKIES="false",
        EVENTLANE_HTTPS_REDIRECT="false",
        EVENTLANE_HSTS_SECONDS="0",
    )
    assert found["ALLOWED_HOSTS"] == ["a.example.com", "b.example.com"]
    assert not (found["SESSION_COOKIE_SECURE"] or found["SECURE_SSL_REDIRECT"] or found["SECURE_HSTS_SECONDS"])
    assert settings_for(EVENTLANE_SECURE_COOKIES="true")["SESSION_COOKIE_SECURE"]


@pytest.mark.parametrize("address", ["events.example.com", "ftp://events.example.com", "https://", "https:events"])
def test_address_that_is_none_stops_the_start(address):
    with pytest.raises(InvalidSetting, match=r"EVENTLANE_PUBLIC_URL.*like https://"):
        read_settings({"EVENTLANE_PUBLIC_URL": address})


def test_case_and_slash_of_the_address_do_not_matter():
    assert read_settings({"EVENTLANE_PUBLIC_URL": "HTTPS://Events.Example.com/"})["EVENTLANE_PUBLIC_URL"] == HTTPS


@pytest.mark.parametrize("path", [*PATHS, *PROGRAM_PATHS])
@pytest.mark.parametrize("method", ["get", "post", "options"])
@pytest.mark.django_db
def test_every_answer_is_neither_guessed_nor_kept(path, method):
    response = getattr(Client(raise_request_exception=False), method)(path)
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in response.headers["Cache-Control"]


def test_static_file_is_kept(client):
    response = client.head("/static/eventlane/console.css")
    assert response.status_code == 200 and "no-store" not in response.headers["Cache-Control"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["a b", "evil.example.com", "x" * 300, "[::", "{}", ""])
@pytest.mark.django_db
def test_bad_host_is_one_short_line_however_often(host, settings, caplog):
    settings.ALLOWED_HOSTS = ["events.example.com"]
    client = Client(headers={"host": host})
    with caplog.at_level(logging.INFO):
        answers = [
            client.get(path) for path in ("/console/login/", "/", "/console/login/", "/static/x") for _ in range(5)
        ]
    assert {answer.status_code for answer in answers} == {400}
    assert all("no-store" in answer.headers["Cache-Control"] for answer in answers)
    lines = [record for record in caplog.records if "host" in record.getMessage()]
    assert len(lines) == 1 and lines[0].exc_info is None and len(lines[0].getMessage()) < 250


@pytest.mark.django_db
def test_programs_come_by_any_name_and_are_never_redirected(settings):
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["events.example.com"], True
    client = Client(headers={"host": "a_name.nobody knows"})
    assert [client.post(path).status_code for path in ("/v0/events", "/hooks/nobody")] == [401, 404]


def test_people_are_sent_to_https_and_told_to_stay(settings):
    for name, value in settings_for(EVENTLANE_PUBLIC_URL=HTTPS).items():
        setattr(settings, name, value)
    client = Client(headers={"host": "localhost:8000"})
    answer = client.get("/console/login/?next=/console/")
    assert (answer.status_code, answer["Location"]) == (301, f"{HTTPS}/console/login/?next=/console/")
    answer = client.get("/nothing", headers={"X-Forwarded-Proto": "https"})
    assert answer["Strict-Transport-Security"] == "max-age=31536000"


def test_seldom_log_counts_what_it_leaves_out():
    lines: list[str] = []
    log = SeldomLog(lambda text, *values: lines.append(text % values), seconds=60)
    for number in range(5):
        log("host %s", number)
    log._next_time = 0.0
    log("host %s", 5)
    assert lines == ["host 0", "host 5 (4 more like this since the last line)"]


def test_known_host_is_handed_on():
    with pytest.raises(DisallowedHost):
        RequestFactory(headers={"host": "a b"}).get("/").get_host()
    assert KnownHost(lambda request: "handed on")(RequestFactory().get("/")) == "handed on"
