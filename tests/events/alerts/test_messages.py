"""Channels are told when something begins and when it ends: by real mail and real requests."""

import base64
import email
import hashlib
import hmac
import ipaddress as ip
import json
import socket
import threading
from datetime import timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from events.alerts import messages
from events.alerts.messages import MOST_TRIES, send_due
from events.alerts.outbound import Refused
from events.alerts.reachable import may_reach
from events.alerts.send import _send_by_apprise
from events.models import Alert, AlertChange, AlertMessage
from pipelines.models import PlatformEvent
from tests.console import logged_in
from tests.events.alerts.conftest import BY_SERVICE, Watch, add_identity, send
from tests.events.alerts.receivers import MailServer, WebServer, running
from tests.factories import make_account
from tests.pipelines.resources.samples import channel, pipeline, task
from tests.platform_api import ApiClient
from tests.waiting import wait_until

HOUR = timedelta(hours=1)
SECRET = "the secret of the webhook"


def client_of(node: Any) -> Any:
    """Return somebody of the organization, who is logged in to the console."""
    return logged_in(make_account(node.dataset.project.organization, "alice"))


def outcomes() -> list[tuple[str, str]]:
    return [(one.state, one.error) for one in AlertMessage.objects.order_by("change__creation_time", "channel")]


def test_webhook_and_mail_are_sent_when_it_begins_and_when_it_ends(
    watch: Watch, web: WebServer, mail: MailServer, node: Any
) -> None:
    add_identity(node.dataset.project, "signing", SECRET)
    hook, people = channel("hook", kind="webhook", url=web.url("/x?y=1"), identity="signing"), channel("people", **MAIL)
    errors = watch(hook, people, query=BY_SERVICE, threshold="> 1", channels=["hook", "people"])
    errors.send("api", "api", "web")
    errors.evaluate()
    errors.evaluate()
    assert (send(), send()) == (2, 0)
    errors.evaluate(HOUR)
    assert send() == 2 and outcomes() == [("sent", "")] * 4

    (path, headers, body), (_, _, last) = web.received
    said = json.loads(body)
    assert path == "/x?y=1" and headers["host"] == f"localhost:{web.server_port}"
    assert (said["kind"], said["state"], said["title"]) == ("began", "firing", "FIRING: many-errors, service api: 2")
    assert said["conditions"][0]["group"] == {"service": "api"} and said["alert"]["name"] == "many-errors"
    assert "/console/explore/?dataset=" in said["link"] and said["threshold"] == "> 1"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert json.loads(last)["title"] == "OK: many-errors, no more service api"

    (recipients, text), _ = mail.received
    letter = email.message_from_string(text, policy=policy.default)
    assert recipients == ["a@example.com", "b@example.com"]
    assert letter["Subject"] == "[Eventlane] FIRING: many-errors, service api: 2"
    page = f"http://127.0.0.1:8000/console/events/alert/{errors.resource.pk}/change/"
    assert said["alert_link"] == page and client_of(node).get(page).status_code == 200
    words = letter.get_content().splitlines()
    assert "service api: 2" in words and "Threshold: > 1" in words
    assert f"Explore: {said['link']}" in words and f"State and history: {page}" in words


MAIL = {"kind": "email", "to": ["a@example.com", "b@example.com"]}


def test_recipients_that_are_refused_are_named_and_tried_again_alone(watch: Watch, mail: MailServer) -> None:
    people = channel("people", kind="email", to=["a@example.com", "b@example.com", "c@example.com"])
    errors = watch(people, channels=["people"])
    errors.send("api", "api", "api")
    errors.evaluate()
    mail.refused = {"b@example.com": "550 no such user", "c@example.com": "450 later"}
    send()
    told = "all but these have got it: b@example.com (550 no such user), c@example.com (450 later)"
    assert outcomes() == [("waiting", told)]
    errors.evaluate(HOUR)
    assert send_due(threading.Event()) == 1  # "ended": those who got the first one don't wait for the others
    assert [recipients for recipients, _ in mail.received] == [["a@example.com"]] * 2
    AlertMessage.objects.filter(change__kind="ended").delete()
    mail.refused = {"b@example.com": "550 no such user"}
    send()
    assert [recipients for recipients, _ in mail.received[2:]] == [["c@example.com"]]
    assert outcomes() == [("failed", "all but these have got it: b@example.com (550 no such user)")]
    assert send() == 0


def test_refused_recipient_gets_it_later_also_after_the_server_was_away(watch: Watch, mail: MailServer) -> None:
    errors = watch(channel("people", **MAIL), channels=["people"])
    errors.send("api", "api", "api")
    errors.evaluate()
    mail.refused = dict.fromkeys(MAIL["to"], "450 later")
    send()
    assert outcomes() == [("waiting", "the mail server 127.0.0.1 refuses all recipients: 450 later")]
    mail.refused = {"b@example.com": "450 later"}
    send()
    mail.is_away = True
    send()
    [(state, error)] = outcomes()
    assert state == "waiting" and error.startswith("all but these have got it: b@example.com (")
    mail.refused, mail.is_away = {}, False
    send()
    assert outcomes() == [("sent", "")]
    assert [recipients for recipients, _ in mail.received] == [["a@example.com"], ["b@example.com"]]


def test_slack_gets_a_text_without_the_address_in_any_error(watch: Watch, web: WebServer, node: Any) -> None:
    add_identity(node.dataset.project, "slack", web.url("/services/T0/secret"))
    errors = watch(
        channel("chat", kind="slack", identity="slack"), query=BY_SERVICE, threshold="> 0", channels=["chat"]
    )
    errors.send("<b&b>")
    errors.evaluate()
    web.status = 500
    send()
    assert outcomes() == [("waiting", "localhost answered 500")]
    web.status = 200
    send()
    text = json.loads(web.received[-1][2])["text"]
    assert text.startswith("*FIRING: many-errors, service &lt;b&amp;b&gt;: 1*\n") and "|Open in Explore> · <" in text
    assert text.endswith(f"/console/events/alert/{errors.resource.pk}/change/|State and history>")
    assert outcomes() == [("sent", "")]


def test_failing_channel_is_given_up_and_holds_up_no_other(watch: Watch, web: WebServer) -> None:
    bad = channel("bad", kind="webhook", url=web.url().replace(str(web.server_port), "1"))
    errors = watch(bad, channel("good", kind="webhook", url=web.url()), channels=["bad", "good"])
    errors.send("api", "api", "api")
    errors.evaluate()
    errors.evaluate(HOUR)
    assert send() == 3 and len(web.received) == 2
    for _ in range(2 * MOST_TRIES):
        send()
    states = list(AlertMessage.objects.order_by("channel").values_list("channel", "state", "tries"))
    assert states == [("bad", "failed", MOST_TRIES)] * 2 + [("good", "sent", 1)] * 2
    assert "Connection refused" in AlertMessage.objects.filter(channel="bad")[0].error
    assert errors.state == "ok"


def test_hanging_channel_holds_up_no_other(watch: Watch, web: WebServer) -> None:
    with running(WebServer()) as other:
        other.may_answer.clear()
        hanging, good = (channel(name, kind="webhook", url=to.url()) for name, to in (("hangs", other), ("good", web)))
        errors = watch(hanging, good, channels=["hangs", "good"])
        errors.send("api", "api", "api")
        errors.evaluate()
        sender = threading.Thread(target=_send_in_thread)
        sender.start()
        wait_until(lambda: web.received and other.received)
        errors.evaluate(HOUR)
        wait_until(lambda: len(web.received) == 2, 4)  # less than it takes to give up on the other
        assert sender.is_alive() and len(other.received) == 1
        other.may_answer.set()
        sender.join()


def _send_in_thread() -> None:
    try:
        send_due(threading.Event())
    finally:
        connection.close()


def test_messages_of_an_alert_come_in_order_also_if_one_is_tried_again(watch: Watch, web: WebServer) -> None:
    errors = watch(channel("good", kind="webhook", url=web.url()), channels=["good"])
    errors.send("api", "api", "api")
    errors.evaluate()
    web.status = 500
    assert send() == 1
    errors.evaluate(HOUR)
    web.status, web.received[:] = 200, []
    assert send_due(threading.Event()) == 0 and not web.received  # "ended" waits until "began" is due again
    assert send() == 2
    assert [json.loads(body)["kind"] for _, _, body in web.received] == ["began", "ended"]


def test_dead_senders_message_is_sent_by_another_and_counts_as_a_try(watch: Watch, web: WebServer) -> None:
    errors = watch(channel("good", kind="webhook", url=web.url()), channels=["good"])
    errors.send("api", "api", "api")
    errors.evaluate()
    [dead] = messages._claim(timezone.now())
    assert send_due(threading.Event()) == 0
    assert send() == 1
    messages._settle(dead, messages.Outcome("too late", for_good=True))
    assert AlertMessage.objects.values_list("state", "tries").get() == ("sent", 2)


def test_inner_addresses_and_redirects_to_them_are_refused(watch: Watch, web: WebServer, settings: Any) -> None:
    errors = watch(channel("hook", kind="webhook", url=web.url()), channels=["hook"])
    errors.send("api", "api", "api")
    errors.evaluate()
    web.status, web.location = 302, web.url("/inside")
    send()
    assert outcomes() == [("waiting", "localhost answered 302: redirects are not followed")]
    assert [path for path, _, _ in web.received] == ["/alerts"]
    settings.EVENTLANE_ALERT_TARGETS = []
    send()
    [(state, error)] = outcomes()
    assert state == "failed" and error.startswith("localhost is not a public address; EVENTLANE_ALERT_TARGETS")
    assert len(web.received) == 1


def test_certificate_of_a_channel_has_to_be_trusted(
    watch: Watch, web: WebServer, node: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.speak_https(tmp_path / "localhost.pem")
    add_identity(node.dataset.project, "service", f"jsons://localhost:{web.server_port}/x")
    app, hook = channel("app", kind="apprise", identity="service"), channel("hook", kind="webhook", url=web.url())
    errors = watch(app, hook, channels=["app", "hook"])
    errors.send("api", "api", "api")
    errors.evaluate()
    send()
    [of_apprise, (state, error)] = outcomes()
    assert of_apprise == ("waiting", "Apprise could not send it")
    assert state == "waiting" and error.startswith("localhost: ") and "self-signed certificate" in error
    assert not web.received
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "localhost.pem"))
    send()
    assert outcomes() == [("sent", "")] * 2 and len(web.received) == 2


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.0.1", False), ("172.16.0.1", False),
        ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("::1", False), ("::", False), ("fe80::1", False), ("fd00::1", False),
        ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True), ("::7f00:1", False), ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False), ("ff02::1", False), ("fec0::1", False),
        ("168.63.129.16", False), ("::ffff:168.63.129.16", False), ("64:ff9b::808:808", False),
        ("8.8.8.8", True), ("2606:4700::1111", True),
    ],
)  # fmt: skip
def test_only_public_addresses_are_reached(address: str, reached: bool) -> None:
    assert may_reach(ip.ip_address(address), []) == reached
    here = [ip.ip_network("127.0.0.0/8")]
    assert may_reach(ip.ip_address(address), here) == (reached or address in ("127.0.0.1", "::ffff:127.0.0.1"))


def test_apprise_sends_in_a_process_that_reaches_nothing_inside(watch: Watch, web: WebServer, node: Any) -> None:
    add_identity(node.dataset.project, "service", f"json://localhost:{web.server_port}/secret-token")
    errors = watch(channel("app", kind="apprise", identity="service"), channels=["app"])
    errors.send("api", "api", "api")
    errors.evaluate()
    send()
    assert outcomes() == [("sent", "")]
    said = json.loads(web.received[0][2])
    assert said["title"] == "FIRING: many-errors, count 3" and "/console/explore/" in said["message"]
    assert f"/console/events/alert/{errors.resource.pk}/change/" in said["message"]


def test_apprise_splits_what_a_service_would_refuse_as_too_long(watch: Watch, web: WebServer, node: Any) -> None:
    add_identity(node.dataset.project, "service", f"mmost://localhost:{web.server_port}/token")
    app = channel("app", kind="apprise", identity="service")
    errors = watch(app, query=BY_SERVICE, threshold="> 0", channels=["app"])
    errors.send(*(f"{n:02} {'long ' * 50}" for n in range(25)))
    errors.evaluate()
    send()
    assert outcomes() == [("sent", "")]
    texts = [json.loads(body)["text"] for _, _, body in web.received]
    assert len(texts) > 1 and all(len(text) <= 4000 for text in texts)  # what Mattermost accepts
    assert "and 5 more" in "".join(texts) and "/console/events/alert/" in texts[-1]


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("json://127.0.0.1:{port}/x", "127.0.0.1 is not a public address; EVENTLANE_ALERT_TARGETS"),
        ("rsyslog://127.0.0.1:{port}", "127.0.0.1 is not a public address"),
        ("syslog://", "it would use this machine's own services"),
        ("nonsense://x", "the address in the identity is none that Apprise knows"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#x?template=/etc/passwd", "it would open a file"),
    ],
)
def test_apprise_is_refused_what_a_message_does_not_need(address: str, problem: str, settings: Any) -> None:
    settings.EVENTLANE_ALERT_TARGETS = []
    with running(WebServer()) as server, pytest.raises(Refused, match=problem) as refused:
        said = {"title": "t", "lines": [], "link": None, "alert_link": "x"}
        _send_by_apprise(address.format(port=server.server_port), said)
    assert not server.received and "T1JJ3T3L2" not in str(refused.value)


def test_name_that_changes_its_address_gains_nothing(watch: Watch, web: WebServer, monkeypatch: Any) -> None:
    """The name is looked up once: whatever the second answer would be, the checked address is connected to."""
    from events.alerts import outbound

    looked_up, look_up = [], socket.getaddrinfo

    def rebind(host: str, port: int, *rest: Any, **options: Any) -> Any:
        if host != "rebind.example":
            return look_up(host, port, *rest, **options)
        looked_up.append(host)
        return look_up("127.0.0.1" if len(looked_up) == 1 else "10.0.0.1", port, *rest, **options)

    monkeypatch.setattr(outbound.socket, "getaddrinfo", rebind)
    outbound.post(f"http://rebind.example:{web.server_port}/", b"{}", {})
    assert looked_up == ["rebind.example"]
    assert web.received[0][1]["host"] == f"rebind.example:{web.server_port}"


def test_name_with_many_addresses_is_not_tried_for_ever(settings: Any, monkeypatch: Any) -> None:
    from events.alerts import outbound

    places = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 1)) for n in range(2, 250)]
    settings.EVENTLANE_ALERT_TARGETS = [ip.ip_network("127.0.0.0/8")]
    monkeypatch.setattr(outbound, "WHOLE_SECONDS", -1.0)  # the first one takes longer
    monkeypatch.setattr(outbound.socket, "getaddrinfo", lambda *_, **__: places)
    tried: list[str] = []

    def refuse(place: tuple[str, int], _: float) -> None:
        tried.append(place[0])
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(outbound.socket, "create_connection", refuse)
    with pytest.raises(outbound.Failed, match="nobody listens"):
        outbound.post("http://many.example:1/", b"{}", {})
    assert tried == ["127.0.0.2"]


def test_error_is_told_when_it_lasts_and_reminders_come(watch: Watch, web: WebServer) -> None:
    errors = watch(channel("hook", kind="webhook", url=web.url()), channels=["hook"], remind="1h")
    errors.node.dataset.name = "other"
    errors.node.dataset.save()
    errors.evaluate(timedelta(minutes=1))
    assert send() == 0
    errors.evaluate()
    assert send() == 1
    errors.evaluate()
    assert send() == 0
    Alert.objects.update(told_time=timezone.now() - HOUR)
    errors.evaluate()
    assert send() == 1
    errors.node.dataset.name = "logs"
    errors.node.dataset.save()
    errors.evaluate()
    assert send() == 1
    text = "The project has no dataset 'logs'."
    said = [json.loads(body) for _, _, body in web.received]
    assert [(one["kind"], one["title"], one["lines"]) for one in said] == [
        ("began", f"ERROR: many-errors, {text}", [f"error: {text}"]),
        ("reminder", f"STILL ERROR: many-errors, {text}", [f"error: {text}"]),
        ("ended", "OK: many-errors, it can be evaluated again", [f"the error was: {text}"]),
    ]
    assert said[0]["conditions"][0]["since"] < said[0]["time"]
    kinds = AlertChange.objects.order_by("creation_time").values_list("kind", "text")
    assert [*kinds] == [("began", ""), ("began", "told now"), ("reminder", ""), ("ended", "")]


def test_snoozed_alert_tells_nothing_until_it_ends(watch: Watch, web: WebServer, client: ApiClient) -> None:
    none = task(runtime={"name": "none"}, steps=[])
    hook = channel("hook", kind="webhook", url=web.url())
    errors = watch(none, pipeline(), hook, channels=["hook"], pipelines=["greetings"])
    path = f"/alerts/id/{errors.resource.pk}"
    assert client.post(f"{path}/snooze", {"duration": "soon"}).status_code == 400
    assert "snoozed_until" in client.post(f"{path}/snooze", {"duration": "4h"}).json()
    errors.send("api", "api", "api")
    assert errors.evaluate() == "firing"
    assert send() == 0 and not PlatformEvent.objects.exists()
    assert "snoozed_until" not in client.post(f"{path}/unsnooze").json()
    errors.evaluate()
    errors.evaluate()
    assert send() == 1
    said = json.loads(web.received[0][2])
    assert (said["kind"], said["title"]) == ("began", "FIRING: many-errors, count 3")
    kinds = [change.kind for change in AlertChange.objects.order_by("creation_time")]
    assert kinds == ["snoozed", "began", "snoozed", "began"]


def test_what_ended_and_began_again_while_snoozed_is_told_as_that(watch: Watch, web: WebServer) -> None:
    hook = channel("hook", kind="webhook", url=web.url())
    errors = watch(hook, query=BY_SERVICE, threshold="> 0", channels=["hook"], remind="1h")
    errors.send("api")
    errors.evaluate()
    assert send() == 1
    Alert.objects.update(snoozed_until=timezone.now() + HOUR, told_time=timezone.now() - 2 * HOUR)
    errors.evaluate(HOUR)
    errors.send("web")
    errors.evaluate()
    assert send() == 0
    Alert.objects.update(snoozed_until=None)
    errors.evaluate()
    assert send() == 2
    Alert.objects.update(told_time=timezone.now() - 2 * HOUR)
    errors.evaluate()
    assert send() == 1
    said = [json.loads(body) for _, _, body in web.received]
    assert [(one["kind"], one["title"]) for one in said] == [
        ("began", "FIRING: many-errors, service api: 1"),
        ("ended", "OK: many-errors, no more service api"),
        ("began", "FIRING: many-errors, service api: 1 and 1 more"),
        ("reminder", "STILL FIRING: many-errors, service api: 1 and 1 more"),
    ]


def test_end_of_silence_is_told_as_data(watch: Watch, web: WebServer) -> None:
    errors = watch(channel("hook", kind="webhook", url=web.url()), no_data="10m", threshold=None, channels=["hook"])
    errors.evaluate()
    errors.send("api")
    errors.evaluate()
    assert send() == 2
    titles = [json.loads(body)["title"] for _, _, body in web.received]
    assert titles == ["NO DATA: many-errors", "OK: many-errors, there is data again"]


def test_end_of_what_was_told_is_told_when_the_snooze_ends(watch: Watch, web: WebServer, client: ApiClient) -> None:
    errors = watch(channel("hook", kind="webhook", url=web.url()), query=BY_SERVICE, threshold="> 0", channels=["hook"])
    errors.send("api")
    errors.evaluate()
    send()
    client.post(f"/alerts/id/{errors.resource.pk}/snooze", {"duration": "4h"})
    errors.send("web")
    errors.evaluate()  # begins while snoozed
    errors.evaluate(HOUR)  # both end
    client.post(f"/alerts/id/{errors.resource.pk}/test")
    assert send() == 1  # the test; the rest waits
    Alert.objects.update(snoozed_until=timezone.now())
    assert send() == 1
    titles = [json.loads(body)["title"] for _, _, body in web.received]
    assert [titles[0], titles[2]] == [
        "FIRING: many-errors, service api: 1",
        "OK: many-errors, no more service api",
    ]
    assert titles[1].startswith("TEST") and json.loads(web.received[2][2])["lines"] == ["service api"]
    assert ("ended", "ok", [["web", 1]]) in errors.history()


def test_test_is_sent_whatever_the_state(watch: Watch, web: WebServer, client: ApiClient) -> None:
    errors = watch(channel("hook", kind="webhook", url=web.url()), channels=["hook"])
    path = f"/alerts/id/{errors.resource.pk}"
    assert client.post(f"{path}/test").json()["messages"] == [{"channel": "hook", "state": "waiting", "tries": 0}]
    send()
    assert json.loads(web.received[0][2])["title"] == "TEST: many-errors, by alice@example.com"
    [change] = client.get(f"{path}/changes").json()["elements"]
    assert (change["kind"], change["messages"][0]["state"]) == ("test", "sent")
    watch()
    assert client.post(f"{path}/test").json()["code"] == "alert_without_channels"
