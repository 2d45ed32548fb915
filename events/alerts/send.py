"""How a message gets to each kind of channel. Secrets come from identities, and are in no error."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from eventlane.configuration import ROOT
from eventlane.one_line import one_line
from events.alerts.mail import Answers, send_mail
from events.alerts.outbound import Failed, Refused, post
from pipelines.identities import kind_of, read_fields
from pipelines.models import Identity, Resource
from pipelines.secrets import UnreadableSecret

APPRISE_SECONDS = 60
HEADERS = {"Content-Type": "application/json", "User-Agent": "Eventlane"}
LINES = 20  # of conditions in a message for people

Payload = Mapping[str, Any]  # from words.payload
Delivery = Callable[[str, Payload], None]  # takes the id of a message and what it says


def delivery_to(channel: Resource, refused: Answers | None = None) -> Delivery:
    """Return what sends messages to a channel. Raises Refused if its identity can't be read.

    `refused`: recipients that a mail server refused this message before, while others got it.
    """
    data = channel.data
    secret = _secret(channel, data["identity"]) if data.get("identity") else ""
    match data["kind"]:
        case "email":
            return lambda message_id, said: _send_mail(data["to"], said, refused)
        case "apprise":
            return lambda message_id, said: _send_by_apprise(secret, said)
        case "slack":
            return lambda message_id, said: _send_slack(secret, said)
        case _:
            return lambda message_id, said: _send_webhook(data["url"], secret, message_id, said)


def _secret(channel: Resource, name: str) -> str:
    """Return the secret of an identity: that of its first secret field."""
    identity = Identity.objects.filter(project=channel.project_id, name=name).first()
    if identity is None:
        raise Refused(f"there is no identity {name}")
    try:
        fields = read_fields(identity)
    except UnreadableSecret:
        raise Refused(f"the identity {name} can't be decrypted") from None
    for field in kind_of(identity).fields:
        if field.secret and fields.get(field.name):
            return fields[field.name].strip()
    raise Refused(f"the identity {name} has no secret")


def _send_webhook(url: str, secret: str, message_id: str, said: Payload) -> None:
    body = json.dumps({"id": message_id, **said}, ensure_ascii=False).encode()
    post(url, body, HEADERS | signature_headers(secret, message_id, body, int(time.time())))


def signature_headers(secret: str, message_id: str, body: bytes, now: int) -> dict[str, str]:
    """Return the headers that say who sent a body, as standardwebhooks.com has them; without a secret, unsigned."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(now)}
    if not secret:
        return headers
    digest = hmac.new(_key(secret), f"{message_id}.{now}.".encode() + body, hashlib.sha256).digest()
    return headers | {"webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def _key(secret: str) -> bytes:
    """Return the key of a secret: base64 after `whsec_`, otherwise the text itself."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _send_slack(url: str, said: Payload) -> None:
    try:
        post(url, json.dumps({"text": _slack_text(said)}).encode(), HEADERS)
    except Refused as error:
        raise Refused(f"the address in the identity: {error}") from None


def _slack_text(said: Payload) -> str:
    def escaped(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    lines = [f"*{escaped(said['title'])}*", *(f"• {escaped(line)}" for line in _lines(said))]
    explore = [f"<{said['link']}|Open in Explore>"] if said["link"] else []
    return "\n".join([*lines, " · ".join([*explore, f"<{said['alert_link']}|State and history>"])])


def _lines(said: Payload) -> list[str]:
    lines: list[str] = said["lines"]
    return lines if len(lines) <= LINES else [*lines[:LINES], f"and {len(lines) - LINES:,} more"]


def _links(said: Payload) -> list[str]:
    explore = [f"Explore: {said['link']}"] if said["link"] else []
    return [*explore, f"State and history: {said['alert_link']}"]


def _send_by_apprise(url: str, said: Payload) -> None:
    body = "\n".join([*_lines(said), *_links(said)])
    also = [str(network) for network in settings.EVENTLANE_ALERT_TARGETS]
    given = {"url": url, "title": said["title"], "body": body, "also": also}
    command = [sys.executable, "-m", "events.alerts.apprise_child"]
    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", **_trusted()}  # no secrets, and no proxies
    try:
        done = subprocess.run(
            command, input=json.dumps(given), cwd=ROOT, env=environment, text=True, capture_output=True,
            timeout=APPRISE_SECONDS,
        )  # fmt: skip
        outcome = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise Failed(f"Apprise took longer than {APPRISE_SECONDS} seconds") from None
    except ValueError:
        raise Failed("Apprise's process ended without an answer") from None
    if outcome["problem"]:
        raise (Refused if outcome["for_good"] else Failed)(outcome["problem"])


def _trusted() -> dict[str, str]:
    """Return what lets Apprise trust the certificates that this process trusts, rather than a list of its own."""
    store = ssl.get_default_verify_paths().cafile
    return {"REQUESTS_CA_BUNDLE": store} if store else {}


def _send_mail(recipients: list[str], said: Payload, refused: Answers | None) -> None:
    text = [said["title"], *([said["description"]] if said.get("description") else []), "", *_lines(said), ""]
    text += [f"Threshold: {said['threshold']}"] if said["threshold"] else []
    text += [*_links(said), f"Project: {said['alert']['project']}", f"Time: {said['time']}"]
    send_mail(recipients, one_line(f"[Eventlane] {said['title']}", 200), "\n".join(text), refused)
